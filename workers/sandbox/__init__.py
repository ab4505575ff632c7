"""The sandbox: each PDF is read in a process of its own, which has the PDF and nothing else, and can be killed."""

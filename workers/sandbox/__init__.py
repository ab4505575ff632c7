"""The sandbox: each PDF is read in a process of its own, which holds nothing but the PDF and can be killed at any time."""

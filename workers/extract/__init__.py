"""From a PDF's bytes to the text of its pages: engines behind one interface, without processes or networks."""

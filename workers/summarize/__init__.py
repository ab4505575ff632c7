"""From the text of a document's pages to its summary: pure, without engines or processes."""

"""Fetch: the PDF's bytes from a URL, within limits, and from no address that is not its client's to reach."""

"""What a source on the command line is: a URL, a path, or `-` for standard input."""

import sys
from pathlib import Path

from pdfgateway.submission import MESSAGE_BYTES_MAX, PDFSource


def pdf_source(text: str) -> PDFSource:
    """Return what is to be submitted; reads standard input, up to one byte more than can be submitted."""
    if text == "-":
        return sys.stdin.buffer.read(MESSAGE_BYTES_MAX + 1)
    return text if "://" in text else Path(text)

"""The sign by which bytes are known as a PDF, before anything reads them as one."""

HEADER_BYTES_MAX = 1024
"""How far from the file's begin the header may lie (Adobe, PDF Reference 1.7, appendix H, note 13)."""

_HEADER = b"%PDF-"


def has_pdf_header(head: bytes) -> bool:
    """Whether the first 1,024 bytes of `head` hold a PDF header; what lies in front of it does not matter."""
    return _HEADER in head[:HEADER_BYTES_MAX]

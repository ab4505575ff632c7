"""The baseline: `python -m bench.bare_pypdf FILE` reads a PDF's text with pypdf and prints the CPU seconds it took."""

import sys
import time

from pypdf import PdfReader


def main() -> None:
    """Read the file that the command line names."""
    begin = time.process_time()
    for page in PdfReader(sys.argv[1]).pages:
        page.extract_text()
    print(time.process_time() - begin)


if __name__ == "__main__":
    main()

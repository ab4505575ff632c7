"""The command line: `pdfgateway submit`, `status`, `watch`, `cancel` and `serve`.

Its exit codes are in `pdfgateway.cli.exit_codes`.
"""

from pdfgateway.cli.app import main

__all__ = ["main"]

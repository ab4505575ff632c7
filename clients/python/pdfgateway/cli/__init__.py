"""The command line `pdfgateway`: the commands on jobs and dead letters, and the one that runs a gateway.

Its exit codes are in `pdfgateway.cli.exit_codes`.
"""

from pdfgateway.cli.app import main

__all__ = ["main"]

"""Keeps query strings, which hold the secrets of signed URLs, out of what the HTTP library logs."""

import logging
import re

_QUERY = re.compile(r"\?[^\s'\"#]*")
_LOGGERS_OF_URLS = ("urllib3.connection", "urllib3.connectionpool")


class QueryRedaction(logging.Filter):
    """Lets every record pass, with `?…` in place of each query string, and without its traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact a record."""
        record.msg, record.args = _QUERY.sub("?…", record.getMessage()), None
        record.exc_info = None
        return True


_REDACTION = QueryRedaction()


def redact_library_logs() -> None:
    """Redact what urllib3 logs in this process. To be called any number of times."""
    for name in _LOGGERS_OF_URLS:
        logging.getLogger(name).addFilter(_REDACTION)

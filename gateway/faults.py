"""Faults of the gateway itself: clients get INTERNAL with an id, the log gets everything under the same id."""

import logging
import uuid

from gateway.errors import Reason, Refusal

logger = logging.getLogger("pdfgateway")


def as_refusal(error: Exception) -> Refusal:
    """The refusal that an exception is, or that it becomes: clients see no text of an unforeseen exception."""
    if isinstance(error, Refusal):
        return error
    fault_id = uuid.uuid4().hex[:12]
    logger.error("Fault %s", fault_id, exc_info=error)
    return Refusal(Reason.INTERNAL, f"The gateway met a fault of its own; its log tells of it as {fault_id}.")

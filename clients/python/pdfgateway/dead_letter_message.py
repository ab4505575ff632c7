"""From the contract's DeadLetter message to the record that users see."""

from pdfgateway.dead_letter import DeadLetter
from pdfgateway.job_message import attempts_from_messages, time_from_message
from pdfgateway.v1 import pdf_gateway_service_pb2


def dead_letter_from_message(message: pdf_gateway_service_pb2.DeadLetter) -> DeadLetter:
    """Return the dead letter of a message."""
    is_job = bool(message.job_id)
    return DeadLetter(
        queue=message.queue,
        time=time_from_message(message.time),
        reason=message.reason,
        message=message.message,
        job_id=message.job_id if is_job else None,
        run=message.run if is_job else None,
        attempt=message.attempt if is_job else None,
        attempts=attempts_from_messages(message.attempts),
        raw=message.raw or None,
    )

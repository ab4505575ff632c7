"""What a consumer that is to stop must know: whether all of the application stops, and how long a job may take."""

import ray
from ray import serve
from ray.exceptions import RayError
from ray.serve.schema import ApplicationStatus

from workers.settings import WorkerSettings

ATTEMPT_MARGIN_SECONDS = 30
"""What an attempt may take beside fetching and reading: the lease, the summary, the record."""


def attempt_seconds_max(settings: WorkerSettings) -> float:
    """The longest that an attempt takes."""
    return settings.fetch_seconds_max + settings.job_seconds_max + ATTEMPT_MARGIN_SECONDS


def application_stops() -> bool:
    """Whether the whole application of this replica stops, and not only this replica of it.

    It does if it is being deleted, and if Serve's controller has ended for good. For one that is only started again,
    Ray waits.
    """
    if not ray.is_initialized():
        return True
    try:
        applications = serve.status().applications
    except RayError:
        return True
    application = applications.get(serve.get_replica_context().app_name)
    return application is None or application.status == ApplicationStatus.DELETING

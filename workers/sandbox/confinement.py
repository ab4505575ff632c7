"""What a reading process gives up before it sees a byte of its document.

Everything here is best effort: a system that lacks a protection says so, and the rest holds. Further protections
(namespaces, Landlock, seccomp) have their place here.
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable

CPU_GRACE_SECONDS = 2
"""From SIGXCPU, which says what happened, to the kernel's SIGKILL."""

DESCRIPTORS_MAX = 64
"""Files that may be open at once: the document, the pipe, and room for what a library loads late."""

# From linux/prctl.h.
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38

_LINUX_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def confine(*, memory_bytes_max: int, cpu_seconds_max: int, parent_pid: int) -> tuple[str, ...]:
    """Confine this process for good; it ends when its parent `parent_pid` does.

    Returns the names of the protections that this system does not give.
    """
    protections: dict[str, Callable[[], None]] = {
        "no-new-privileges": lambda: _prctl(_PR_SET_NO_NEW_PRIVS, 1),
        "dies-with-parent": lambda: _die_with(parent_pid),
        "core-limit": lambda: _lower(resource.RLIMIT_CORE, 0),
        "file-size-limit": lambda: _lower(resource.RLIMIT_FSIZE, 0),
        "descriptor-limit": lambda: _lower(resource.RLIMIT_NOFILE, DESCRIPTORS_MAX),
        # Root may fork in spite of it.
        "process-limit": lambda: _lower(resource.RLIMIT_NPROC, 0),
        "cpu-limit": lambda: _lower(resource.RLIMIT_CPU, cpu_seconds_max, grace=CPU_GRACE_SECONDS),
        "memory-limit": lambda: _lower(resource.RLIMIT_AS, memory_bytes_max),
    }
    return tuple(name for name, apply in protections.items() if not _applied(apply))


def _applied(apply: Callable[[], None]) -> bool:
    try:
        apply()
    except (OSError, ValueError):
        return False
    return True


def _lower(limit: int, value: int, *, grace: int = 0) -> None:
    """Set a resource limit, unless a lower one holds already."""
    _, hard = resource.getrlimit(limit)
    if hard == resource.RLIM_INFINITY or value + grace <= hard:
        resource.setrlimit(limit, (value, value + grace))
    else:
        resource.setrlimit(limit, (min(value, hard), hard))


def _die_with(parent_pid: int) -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it died before we could ask to be told
        os._exit(1)


def _prctl(option: int, argument: int) -> None:
    if _LINUX_LIBC is None:
        raise OSError("this system has no prctl")
    if _LINUX_LIBC.prctl(option, argument, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")

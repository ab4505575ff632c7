"""The replica's hold on a zygote: it starts one, has it fork a process per document, and ends it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from workers.sandbox.reading_process import ReadingProcess
from workers.sandbox.request import ReadRequest
from workers.sandbox.zygote import READY

START_SECONDS_MAX = 30.0
"""From starting a zygote to its first word. Half a second is usual."""

END_SECONDS_MAX = 2.0
"""From hanging up on a zygote to its end. Milliseconds are usual."""

_INHERITED_VARIABLES = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TZ")

# Messages stay apart. macOS has no such sockets; there, descriptors in a message keep it apart from the next.
_CONTROL_TYPE = socket.SOCK_SEQPACKET if sys.platform == "linux" else socket.SOCK_STREAM


class ZygoteGone(Exception):
    """A zygote has ended, or does not answer; the argument says what happened."""


class ZygoteProcess:
    """A zygote that was started and is ready, or will be. One thread at a time."""

    def __init__(self) -> None:
        """Start it, without waiting. Raises OSError when the system does not."""
        self._control, zygotes_end = socket.socketpair(socket.AF_UNIX, _CONTROL_TYPE)
        self._ready = False
        with zygotes_end:
            # In a session of its own, a Ctrl-C in the terminal does not end it before its replica has.
            self._process = subprocess.Popen(  # noqa: S603  (our own module)
                [sys.executable, "-P", "-m", "workers.sandbox.zygote", str(zygotes_end.fileno())],
                pass_fds=[zygotes_end.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd="/",
                env=_environment(),
                start_new_session=True,
            )

    def fork(self, document_fd: int, request: ReadRequest) -> ReadingProcess:
        """A process that has begun to read the document. Raises ZygoteGone, or OSError without descriptors left."""
        output_fd, childs_output_fd = os.pipe()
        lifeline, childs_lifeline = socket.socketpair()
        process = ReadingProcess(output_fd, lifeline)
        try:
            self._wait_until_ready()
            descriptors = [childs_lifeline.fileno(), document_fd, childs_output_fd]
            socket.send_fds(self._control, [request.encode()], descriptors)
        except OSError as error:
            process.close()
            raise ZygoteGone(error.strerror or str(error)) from None
        finally:
            childs_lifeline.close()
            os.close(childs_output_fd)
        return process

    def close(self) -> None:
        """End it and all that it has forked, and wait until it has ended."""
        self._control.close()
        try:
            self._process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, however it fares. On Linux all that it has forked ends with it."""
        self._control.close()
        self._process.kill()
        self._process.wait()

    def _wait_until_ready(self) -> None:
        if self._ready:
            return
        self._control.settimeout(START_SECONDS_MAX)
        if self._control.recv(len(READY)) != READY:
            raise ConnectionResetError("the zygote ended before it was ready; its error output says why")
        self._control.settimeout(END_SECONDS_MAX)
        self._ready = True


def _environment() -> dict[str, str]:
    """What a zygote knows of this process: how to import what it needs, and no secrets."""
    paths = [str(Path(path or Path.cwd()).absolute()) for path in sys.path]
    inherited = {name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ}
    return {**inherited, "PYTHONPATH": os.pathsep.join(paths)}

"""The replica's hold on one process that reads one document."""

import contextlib
import math
import os
import select
import socket

from workers.sandbox.zygote import EXIT_CODE

EXIT_SECONDS_MAX = 2.0
"""From the end of a process, or its kill, to hearing of it. Milliseconds are usual."""

READ_BYTES_MAX = 256 * 1024
"""Bytes taken at once of what a process tells."""


class ZygoteHangs(Exception):
    """A process cannot be ended, because the zygote that must do it does not answer."""


class ReadingProcess:
    """Where a process tells its events, and the lifeline whose cutting kills it."""

    def __init__(self, output_fd: int, lifeline: socket.socket) -> None:
        self._output_fd = output_fd
        self._lifeline = lifeline
        self._lifeline.settimeout(EXIT_SECONDS_MAX)
        self._exit_code: int | None = None
        self._readable = select.poll()
        self._readable.register(output_fd, select.POLLIN)

    def read(self, seconds_max: float) -> bytes | None:
        """What it has told since, b"" if it will tell nothing more, None if it was silent for `seconds_max`."""
        if not self._readable.poll(math.ceil(seconds_max * 1000)):
            return None
        return os.read(self._output_fd, READ_BYTES_MAX)

    def wait(self) -> int | None:
        """Its exit code, negative for a signal; None if it does not end now, or if nobody is left to know."""
        with contextlib.suppress(OSError):
            told = self._lifeline.recv(EXIT_CODE.size)
            if len(told) == EXIT_CODE.size:
                (self._exit_code,) = EXIT_CODE.unpack(told)
        return self._exit_code

    def end(self) -> None:
        """Kill it unless it has ended, see it buried, and let go of it. Raises ZygoteHangs when that fails."""
        try:
            self._lifeline.shutdown(socket.SHUT_WR)
            self._lifeline.recv(EXIT_CODE.size)
        except TimeoutError:
            raise ZygoteHangs from None
        except OSError:
            pass  # the zygote is gone, and what it has forked with it
        finally:
            self.close()

    def close(self) -> None:
        """Let go of it without waiting; it is killed if it still runs."""
        self._lifeline.close()
        os.close(self._output_fd)

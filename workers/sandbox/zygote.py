"""The process that reading processes are forked from: warm, single-threaded, and ignorant of all but its engine.

`python -m workers.sandbox.zygote N` serves on descriptor N, one end of a socket pair. It says one byte when it is
ready. Then each message is a request with three descriptors: a lifeline, the document, and where to tell its events.
The process forked for it is killed as soon as the lifeline's other end is closed for writing. However it ends, its
exit code is told on the lifeline. When the other end of N closes, all ends.
"""

import contextlib
import gc
import os
import selectors
import signal
import socket
import struct
import sys
from dataclasses import dataclass, field
from typing import NoReturn

from workers.extract.engine import Engine
from workers.extract.pypdf_engine import PypdfEngine
from workers.sandbox.child import close_descriptors_except, run_child
from workers.sandbox.request import REQUEST_BYTES_MAX, ReadRequest

READY = b"!"
"""What a zygote says when it can fork."""

EXIT_CODE = struct.Struct("!i")
"""How an exit code is told on a lifeline."""

DESCRIPTORS_PER_REQUEST = 3

_NULL_FD = 0
_ERROR_FD = 2


@dataclass(slots=True)
class Zygote:
    """The warm parent of all reading processes of one `Sandbox`."""

    control: socket.socket
    engine: Engine
    lifelines: dict[int, socket.socket] = field(default_factory=dict)
    """By the id of the process whose life hangs on it."""
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def serve(self) -> None:
        """Fork, kill and reap until the other end of `control` closes."""
        child_ended = _wake_on_sigchld()
        self.selector.register(self.control, selectors.EVENT_READ)
        self.selector.register(child_ended, selectors.EVENT_READ)
        self.control.sendall(READY)
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.control:
                    if not self._fork_for_next_request():
                        return
                elif key.fileobj is child_ended:
                    child_ended.recv(4096)
                    self._reap()
                elif self.lifelines.get(key.data) is key.fileobj:
                    self._kill(key.data)

    def end(self) -> None:
        """Kill and reap every reading process."""
        for pid in self.lifelines:
            os.kill(pid, signal.SIGKILL)
        while self.lifelines:
            self._reap(0)

    def _fork_for_next_request(self) -> bool:
        """Fork for the next request; False when there will be none."""
        encoded, descriptors, _, _ = socket.recv_fds(self.control, REQUEST_BYTES_MAX, DESCRIPTORS_PER_REQUEST)
        if len(descriptors) == DESCRIPTORS_PER_REQUEST:
            lifeline_fd, document_fd, output_fd = descriptors
            self._fork(encoded, socket.socket(fileno=lifeline_fd), document_fd, output_fd)
            descriptors = [document_fd, output_fd]
        # Whoever asked sees by the other ends when nobody reads the document.
        for descriptor in descriptors:
            os.close(descriptor)
        return bool(encoded)

    def _fork(self, encoded: bytes, lifeline: socket.socket, document_fd: int, output_fd: int) -> None:
        zygote_pid = os.getpid()
        try:
            pid = os.fork()
        except OSError:  # too many processes, or too little memory
            lifeline.close()
            return
        if pid == 0:
            _become_child(self.engine, encoded, document_fd=document_fd, output_fd=output_fd, parent_pid=zygote_pid)
        self.lifelines[pid] = lifeline
        self.selector.register(lifeline, selectors.EVENT_READ, pid)

    def _kill(self, pid: int) -> None:
        """Kill a process whose lifeline was cut; it is reaped when it has ended."""
        self.selector.unregister(self.lifelines[pid])
        os.kill(pid, signal.SIGKILL)

    def _reap(self, options: int = os.WNOHANG) -> None:
        """Bury every process that has ended, and tell its exit code to whom it may concern."""
        while self.lifelines:
            pid, status = os.waitpid(-1, options)
            if pid == 0:
                return
            lifeline = self.lifelines.pop(pid)
            if lifeline in self.selector.get_map():
                self.selector.unregister(lifeline)
            with lifeline, contextlib.suppress(OSError):
                lifeline.send(EXIT_CODE.pack(os.waitstatus_to_exitcode(status)))


def _become_child(engine: Engine, encoded: bytes, *, document_fd: int, output_fd: int, parent_pid: int) -> NoReturn:
    """Turn this fresh fork into a reading process, and end it. Does not return."""
    exit_code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        close_descriptors_except(document_fd, output_fd)
        # What C libraries print may quote the document.
        os.dup2(_NULL_FD, _ERROR_FD)
        exit_code = run_child(
            engine,
            ReadRequest.decode(encoded),
            document_fd=document_fd,
            output_fd=output_fd,
            parent_pid=parent_pid,
        )
    finally:
        os._exit(exit_code)


def _wake_on_sigchld() -> socket.socket:
    """A socket that can be read from when a child has ended."""
    readable, written = socket.socketpair()
    written.setblocking(False)
    signal.set_wakeup_fd(written.detach(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return readable


def main() -> None:
    """Serve on the descriptor that the command line names."""
    # The thread that started this process may have blocked signals; that is inherited.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    engine = PypdfEngine()
    engine.preload()
    # Pages shared with the forks stay shared if the collector never touches what is loaded by now.
    gc.collect()
    gc.freeze()
    zygote = Zygote(socket.socket(fileno=int(sys.argv[1])), engine)
    try:
        with contextlib.suppress(ConnectionError):
            zygote.serve()
    finally:
        zygote.end()


if __name__ == "__main__":
    main()

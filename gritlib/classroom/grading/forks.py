"""Processes of one exercise each, in the box: they are forked, listened to for a bounded time and number of bytes, and
ended with everything that they started.
"""

import contextlib
import os
import select
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gritlib.classroom.grading.frames import CLOCK, HEADER, SIZE, write


class Ended(Exception):
    """A forked process is over before it was done, and how it ended."""


class Slow(Exception):
    """A forked process said nothing for too long."""


class Forks:
    """Runs work in forked processes.

    Args:
        out: the pipe to the grader, which they must not have. sweep: "all" processes may be ended, or a "group" only.
        frame: the most bytes of one frame. scratch: a folder that is emptied after each.
    """

    def __init__(self, out: int, sweep: str, frame: int, scratch: str):
        self.out, self.sweep, self.frame, self.scratch = out, sweep, frame, scratch

    def run(self, work: Callable, patience: float, ends: float) -> Iterator[bytes]:
        """Frames that `work(send)` sends from a process of its own.

        Raises:
            Slow: it computed for `patience` seconds, or CLOCK times that passed, or the time `ends`, without a frame.
            Ended: the process is over, or sent something else than frames.
        """
        ours, theirs = os.pipe()
        pid = os.fork()
        if not pid:
            try:
                os.setsid()
                os.close(ours)
                os.close(self.out)
                os.dup2(1, 0)
                work(lambda frame: write(theirs, frame))
            finally:
                os._exit(0)
        os.close(theirs)
        try:
            while True:
                yield self._listen(ours, patience, ends, pid)
        finally:
            os.close(ours)
            self._end(pid)

    def _listen(self, pipe: int, patience: float, ends: float, pid: int) -> bytes:
        began, ends = processor_time(pid), min(ends, time.monotonic() + CLOCK * patience)

        def exactly(count: int) -> bytes:
            data = bytearray()
            while len(data) < count:
                if not select.select([pipe], [], [], min(1.0, max(0.0, ends - time.monotonic())))[0]:
                    now = processor_time(pid)
                    if began is None or now is None:  # it is over, though what it started has the pipe
                        raise Ended(how_it_ended(pid))
                    if now - began > patience or time.monotonic() >= ends:
                        raise Slow
                    continue
                piece = os.read(pipe, min(count - len(data), 1 << 20))
                if not piece:
                    raise Ended(how_it_ended(pid))
                data += piece
            return bytes(data)

        (size,) = SIZE.unpack(exactly(SIZE.size))
        if not HEADER.size <= size <= self.frame:
            raise Ended(f"it returned more than {self.frame >> 20} MB")
        return exactly(size)

    def _end(self, pid: int) -> None:
        for _ in range(100):
            for kill, whom in ((os.killpg, pid), (os.kill, pid), (os.kill, -1)):
                if whom > 0 or (self.sweep == "all" and os.getuid()):
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        kill(whom, signal.SIGKILL)
            try:
                while True:
                    os.waitpid(-1, 0)
            except ChildProcessError:
                break
        with contextlib.suppress(OSError):
            for entry in os.scandir(self.scratch):
                with contextlib.suppress(OSError, RecursionError):
                    shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)


def processor_time(pid: int) -> float | None:
    """Seconds that a process has computed; None when it is over, or nobody can say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return None if fields[0] == "Z" else (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


def how_it_ended(pid: int) -> str:
    """In words, once a process has closed its pipe."""
    for _ in range(20):
        with contextlib.suppress(ChildProcessError):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done and os.WIFSIGNALED(status):
                return f"its process was ended by {signal.Signals(os.WTERMSIG(status)).name}"
            if done:
                return f"its process ended itself with status {os.WEXITSTATUS(status)}"
        time.sleep(0.01)
    return "its process closed the connection"

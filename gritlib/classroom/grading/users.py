"""Users whom nobody is: student code runs as one of them where the grader is root."""

import contextlib
import os
import signal
import socket
import time
from pathlib import Path

FIRST, USERS = 60706, 477  # uids that systemd's documentation calls unused


@contextlib.contextmanager
def throw_away_user():
    """A uid that no process has, and that no other grader on this machine takes meanwhile; for others than root their
    own."""
    if os.getuid():
        yield os.getuid()
        return
    used = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            used.add(process.stat().st_uid)
    with socket.socket(socket.AF_UNIX) as taken:
        for number in range(USERS):
            uid = FIRST + (os.getpid() + number) % USERS
            if uid not in used:
                with contextlib.suppress(OSError):
                    taken.bind(f"\0gritlib-box-{uid}")  # the name is free again when this process ends
                    yield uid
                    return
    raise OSError(f"all uids from {FIRST} to {FIRST + USERS - 1} are in use")


def end_all_of(uid: int) -> None:
    """Kill every process of a throw-away user, until there is none."""
    for _ in range(100):
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if process.stat().st_uid == uid:
                    found.append(int(process.name))
        if uid < FIRST or not found:
            return
        for number in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        time.sleep(0.01)

"""Boxes in which student code runs, at the best level that the machine offers.

`namespaces` uses bubblewrap (https://github.com/containers/bubblewrap); started by root the obvious way it would keep
uid 0, and no limit on processes would hold, so root goes on as a throw-away user inside. All levels set limits on
memory, processes, file size and time. Code and data enter a box through a pipe; nothing of the course lies in it.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from functools import cache
from importlib import resources
from pathlib import Path

import gritlib
from gritlib.classroom.grading.frames import SIZE
from gritlib.classroom.grading.users import end_all_of, throw_away_user

LEVELS = {
    "namespaces": "No network, no files but Python's own, no foreign process in sight. Not protected: faults of the "
    "system's kernel; memory is limited for each of 16 processes, not in all.",
    "user": "A throw-away user with limits, on this machine. Not protected: the network is open, what everybody may "
    "read is readable, and the disk can be filled. Use it in a container of its own for each student.",
    "none": "Your own user and files, with limits. Nothing is protected: grade only what you would run yourself.",
}
MEMORY, FILE, SCRATCH, PROCESSES = 1 << 30, 16 << 20, 64 << 20, 16
ADDRESSES = 6 << 30  # torch maps 3 GB that it does not use
FRAME, TOTAL = 16 << 20, 64 << 20  # bytes of one outcome, of all of an exercise
STARTING = 300.0  # seconds; importing torch on a busy machine
SERVED = (
    *("gritlib.course.wire", "gritlib.course.compare", "gritlib.course.observe"),
    *(
        f"gritlib.classroom.grading.{name}"
        for name in ("served", "frames", "extract", "outline", "forks", "answering", "boxed")
    ),
)
BOOT = (
    "import json,sys;r=sys.stdin.buffer;m=json.loads(r.read(int.from_bytes(r.read(8),'little')));t=m['texts'];"
    "exec(t['gritlib.classroom.grading.served']);serve(t);"
    "from gritlib.classroom.grading import boxed;boxed.main(m['settings'])"
)
ENVIRONMENT = {
    **{name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PYTHONDONTWRITEBYTECODE")},
    **{"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"},
}


class BoxFailed(RuntimeError):
    """The box is gone, or says what no runner says."""


@cache
def texts() -> dict[str, str]:
    """The modules that a box gets."""
    return {name: source(name) for name in SERVED}


def source(module: str) -> str:
    """Text of a module of gritlib."""
    package, _, name = module.rpartition(".")
    return (resources.files(package) / f"{name}.py").read_text(encoding="utf-8")


@cache
def best_level() -> str:
    """The strongest level that works here."""
    for level in ("namespaces", "user"):
        with contextlib.suppress(OSError, subprocess.SubprocessError), throw_away_user() as uid:
            command = [*prefix(level, uid), sys.executable, "-I", "-c", "print(6 * 7)"]
            done = subprocess.run(command, capture_output=True, timeout=30, env=ENVIRONMENT)
            if done.stdout.split() == [b"42"]:
                return level
    return "none"


def prefix(level: str, uid: int, hidden: tuple[Path, ...] = ()) -> list[str]:
    """The command that puts another one into a box.

    Args:
        hidden: folders that must not be seen, where they lie in one that is.

    Raises:
        FileNotFoundError: a tool that this level needs is not installed.
    """
    if level == "none":
        return []
    drop = []
    if not os.getuid():
        drop = [tool("setpriv"), f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--bounding-set=-all"]
        drop += ["--inh-caps=-all", "--no-new-privs", "--"]
    if level == "user":
        if os.getuid():
            raise FileNotFoundError("only root can become a throw-away user")
        return drop
    if os.getuid():
        command = [tool("bwrap"), "--unshare-all", "--cap-drop", "ALL"]
    else:
        command = [
            tool("bwrap"),
            "--unshare-pid",
            "--unshare-net",
            "--unshare-ipc",
            "--unshare-uts",
            "--cap-drop",
            "ALL",
        ]
        command += [word for name in ("SETUID", "SETGID", "SETPCAP") for word in ("--cap-add", f"CAP_{name}")]
    command += ["--die-with-parent", "--new-session", "--clearenv"]
    for name, value in {**ENVIRONMENT, "HOME": "/scratch", "TMPDIR": "/scratch"}.items():
        command += ["--setenv", name, value]
    command += [*mounts(hidden), "--proc", "/proc", "--dev", "/dev", "--size", str(1 << 20), "--tmpfs", "/dev/shm"]
    return [
        *command,
        "--size",
        str(SCRATCH),
        "--perms",
        "1777",
        "--tmpfs",
        "/scratch",
        "--remount-ro",
        "/dev",
        "--remount-ro",
        "/",
        "--chdir",
        "/scratch",
        *drop,
    ]


def mounts(hidden: tuple[Path, ...]) -> list[str]:
    """What is seen of the file system: the system's programs, this Python and its packages, gritlib excepted."""
    words = ["--ro-bind", "/usr", "/usr"]
    for name in ("/bin", "/lib", "/lib64", "/sbin"):
        if os.path.islink(name):
            words += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            words += ["--ro-bind", name, name]
    made: set[Path] = set()
    roots = {Path(path).resolve() for path in (sys.base_prefix, sys.prefix)} | {Path(sys.prefix)}
    for root in sorted(roots):
        if root.is_relative_to("/usr"):
            continue
        for parent in [p for p in reversed(root.parents) if p != Path("/") and p not in made]:
            made.add(parent)
            words += ["--perms", "0755", "--dir", str(parent)]
        if root.stat().st_mode & 0o005 == 0o005:
            words += ["--ro-bind", str(root), str(root)]
            continue
        # An environment that only its owner may enter: its entries, in a folder that the box's user may.
        words += ["--perms", "0755", "--dir", str(root)]
        for entry in sorted(root.iterdir()):
            link = entry.is_symlink()
            words += ["--symlink", os.readlink(entry), str(entry)] if link else ["--ro-bind", str(entry), str(entry)]
    hidden = (*hidden, Path(gritlib.__file__).parent, *(Path(path) / "gritlib" for path in sys.path if path))
    for folder in sorted({path.resolve() for path in hidden}):
        if folder.is_dir() and any(folder.is_relative_to(root) for root in (Path("/usr"), *roots)):
            words += ["--perms", "0755", "--tmpfs", str(folder)]
    return words


def tool(name: str) -> str:
    """Path of a program.

    Raises:
        FileNotFoundError: it is not installed.
    """
    path = shutil.which(name)
    if path is None:
        raise FileNotFoundError(f"{name} is not installed")
    return path


class Box:
    """A process at this level, which talks in frames; a context manager.

    Args:
        uid: of `throw_away_user`. seconds: processor time of one process inside. hidden: see `prefix`.

    Raises:
        BoxFailed: it does not start.
    """

    def __init__(self, level: str, uid: int, seconds: float, hidden: tuple[Path, ...] = ()):
        self.scratch = None if level == "namespaces" else Path(tempfile.mkdtemp(prefix="gritlib-box-"))
        self.level, self.uid = level, uid
        limits = {"RLIMIT_FSIZE": FILE, "RLIMIT_CORE": 0, "RLIMIT_CPU": int(seconds) + 60, "RLIMIT_DATA": MEMORY}
        limits["RLIMIT_AS"] = ADDRESSES
        if level != "none":  # it counts all processes of a user
            limits["RLIMIT_NPROC"] = PROCESSES
        if self.scratch and not os.getuid() and level == "user":
            os.chown(self.scratch, uid, uid)
        folder = str(self.scratch or "/scratch")
        sweep = "group" if level == "none" else "all"
        settings = {"sweep": sweep, "limits": limits, "scratch": folder, "frame": FRAME, "total": TOTAL}
        self.process = subprocess.Popen(
            [*prefix(level, uid, hidden), sys.executable, "-I", "-c", BOOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self.scratch or "/",
            env={**ENVIRONMENT, "HOME": folder, "TMPDIR": folder},
            start_new_session=True,
        )
        os.set_blocking(self.process.stdout.fileno(), False)
        try:
            self.send(json.dumps({"texts": texts(), "settings": settings}).encode())
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data: bytes) -> None:
        """A frame to the runner.

        Raises:
            BoxFailed: it is gone.
        """
        try:
            self.process.stdin.write(SIZE.pack(len(data)) + data)
            self.process.stdin.flush()
        except OSError as error:
            raise BoxFailed(f"the box is gone ({error.strerror})") from None

    def receive(self, deadline: float) -> bytes:
        """A frame from the runner, of at most FRAME bytes.

        Raises:
            BoxFailed: it is gone, late, or says more than it may.
        """
        (size,) = SIZE.unpack(self._exactly(SIZE.size, deadline))
        if size > FRAME:
            raise BoxFailed("the box says more than it may")
        return self._exactly(size, deadline)

    def _exactly(self, count: int, deadline: float) -> bytes:
        data = bytearray()
        pipe = self.process.stdout.fileno()
        while len(data) < count:
            if not select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise BoxFailed("the box says nothing")
            piece = os.read(pipe, min(count - len(data), 1 << 20))
            if not piece:
                raise BoxFailed("the box is gone")
            data += piece
        return bytes(data)

    def close(self) -> None:
        """End everything in the box, and remove what it wrote."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        if self.level == "user":
            end_all_of(self.uid)
        if self.scratch:
            subprocess.run(["rm", "-rf", "--", str(self.scratch)], check=False, stderr=subprocess.DEVNULL)

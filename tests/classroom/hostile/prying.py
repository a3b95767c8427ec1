"""Submissions that look around: files, environment, processes, network, other students. What one finds open it returns
as a text, which the comparison repeats to the student, so a test sees how far it came.
"""

from dataclasses import dataclass
from pathlib import Path

from .submissions import Case, attack, inside

NOTHING = "nothing open"

# Each probe is a function; open is what returns something true. The list is short enough to be repeated in full.
REPORT = """\
found = []
for name, probe in list(probes.items()):
    try:
        if probe():
            found.append(name)
    except (OSError, ValueError, ImportError, LookupError, AttributeError, MemoryError):
        pass
return f"{len(probes)} tried: {' '.join(found) or 'nothing open'}"[:80]"""

FILES = """\
def walked(tops):
    found = []
    for top in tops:
        for folder, folders, names in os.walk(top):
            folders[:] = [name for name in folders if os.path.join(folder, name) not in (sys.prefix, sys.base_prefix)]
            found += [name for name in names if name.endswith(".ipynb")]
    return found


places = {places!r}
probes = {{name: (lambda path=path: os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1))
          for name, path in places.items()}}
probes["gritlib"] = lambda: importlib.import_module("gritlib.course.exercises")
probes["notebooks"] = lambda: walked(["/work", "/home", "/root", "/mnt", "/scratch", "/tmp", "/run", "/var"])[1:]
probes["environ"] = lambda: [name for name in os.environ if "SECRET" in name]
probes["processes"] = lambda: [
    1 for pid in os.listdir("/proc") if pid.isdigit() for kind in ("environ", "cmdline")
    if os.access(f"/proc/{{pid}}/{{kind}}", os.R_OK)
    and any(word in open(f"/proc/{{pid}}/{{kind}}", "rb").read() for word in (b"SECRET", b"--seed"))]
probes["descriptors"] = lambda: [
    1 for number in os.listdir("/proc/self/fd") for word in ({out!r}, {folder!r})
    if os.path.islink(f"/proc/self/fd/{{number}}") and word in os.readlink(f"/proc/self/fd/{{number}}")]
probes["mounts"] = lambda: {out!r} in open("/proc/self/mountinfo").read()
probes["init"] = lambda: open("/proc/1/mem", "rb").read(1) or os.listdir("/proc/1/root" + {folder!r})
probes["kernel"] = lambda: open("/proc/kcore", "rb").read(1) or open("/dev/mem", "rb").read(1)
"""

WRITES = """\
def writes(folder):
    with open(os.path.join(folder, "left-behind"), "w") as file:
        return file.write("x")


libc = ctypes.CDLL(None, use_errno=True)
folders = ["/", "/usr", "/etc", "/var", "/var/tmp", "/home", "/root", "/tmp", "/dev", "/dev/shm", "/run", "/proc",
           "/sys", sys.prefix, os.path.dirname(torch.__file__), {repo!r}, {folder!r}, {out!r}]
probes = {{folder: (lambda folder=folder: writes(folder)) for folder in folders}}
probes["chmod"] = lambda: os.chmod(sys.executable, 0o777) or True
probes["chown"] = lambda: os.chown(".", 0, 0) or True
probes["setuid"] = lambda: os.setuid(0) or True
probes["setgid"] = lambda: os.setgid(0) or True
probes["mknod"] = lambda: os.mknod("device", 0o20666, os.makedev(1, 1)) or True
probes["chroot"] = lambda: os.chroot(".") or True
probes["mount"] = lambda: libc.mount(b"none", b".", b"tmpfs", 0, None) == 0
probes["remount"] = lambda: libc.mount(b"none", b"/usr", None, 0x1020, None) == 0
probes["hostname"] = lambda: libc.sethostname(b"owned", 5) == 0
probes["namespace"] = lambda: libc.unshare(0x20000) == 0
probes["limits"] = lambda: resource.setrlimit(resource.RLIMIT_NPROC, (-1, -1)) or True
probes["memory"] = lambda: resource.setrlimit(resource.RLIMIT_DATA, (-1, -1)) or True
probes["realtime"] = lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)) or True
"""

NETWORK = """\
def connects(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as link:
        link.settimeout(0.3)
        link.connect(address)
        return True


probes = {{
    "loopback": lambda: connects(socket.AF_INET, ("127.0.0.1", {port})),
    "abstract": lambda: connects(socket.AF_UNIX, {abstract!r}),
    "unix": lambda: connects(socket.AF_UNIX, {socket!r}),
    "udp": lambda: connects(socket.AF_INET, ("192.0.2.1", 53), socket.SOCK_DGRAM),
    "udp6": lambda: connects(socket.AF_INET6, ("2001:db8::1", 53), socket.SOCK_DGRAM),
    "dns": lambda: socket.getaddrinfo("example.org", 80),
    "raw": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x300),
    "cards": lambda: [name for _, name in socket.if_nameindex() if name != "lo"],
}}
"""

PROCESSES = """\
libc = ctypes.CDLL(None, use_errno=True)
pid, key = {pid}, {key}
probes = {{
    "signal": lambda: os.kill(pid, 0) or True,
    "ptrace": lambda: libc.ptrace(16, pid, 0, 0) == 0,
    "proc": lambda: os.listdir(f"/proc/{{pid}}"),
    "group": lambda: os.getpgid(pid) or True,
    "priority": lambda: os.setpriority(os.PRIO_PROCESS, pid, 10) or True,
    "crowd": lambda: len([name for name in os.listdir("/proc") if name.isdigit()]) > 8,
    "shared": lambda: libc.shmget(key, 4096, 0) >= 0,
    "root": lambda: 0 in (os.getuid(), os.geteuid(), os.getgid(), os.getegid(), *os.getgroups()),
    "capable": lambda: [1 for line in open("/proc/self/status")
                        if line.startswith(("CapEff", "CapPrm", "CapBnd")) and int(line.split()[1], 16)],
    "privileges": lambda: "NoNewPrivs:\\t1" not in open("/proc/self/status").read(),
}}
"""

# A guest looks for what another one left, in all places that take a file, then leaves something itself.
GUEST = """\
mine, found = {name!r}, []
for folder in (".", "/tmp", "/dev/shm", "/scratch", "/var/tmp"):
    try:
        found += [name for name in os.listdir(folder) if name.startswith("guest") and name != mine]
        with open(os.path.join(folder, mine), "w") as file:
            file.write("x" * 10**6)
        os.makedirs(os.path.join(folder, "locked", "deeper"), exist_ok=True)
        os.chmod(os.path.join(folder, "locked"), 0)
    except OSError:
        pass
return f"{{found or 'nothing open'}}" """


@dataclass(frozen=True)
class Surroundings:
    """What there is to find: folders of the repository, the submissions and the results; a listening port and two unix
    sockets; a process and a shared memory segment outside."""

    repo: Path
    folder: Path
    out: Path
    port: int
    abstract: str
    socket: Path
    pid: int
    key: int


def cases(around: Surroundings) -> list[Case]:
    """Students who look around here."""
    repo, folder, out = str(around.repo), str(around.folder), str(around.out)
    places = {
        "solutions": f"{repo}/solutions",
        "grader": f"{repo}/gritlib/classroom",
        "checks": f"{repo}/gritlib/course",
        "git": f"{repo}/.git",
        "submissions": folder,
        "results": out,
        "shadow": "/etc/shadow",
        "home": str(next((path for path in Path.home().iterdir() if path.is_file()), Path.home() / ".profile")),
    }
    found = {
        "reader": (FILES.format(places=places, folder=folder, out=out), "import importlib\nimport os\nimport sys"),
        "writer": (
            WRITES.format(repo=repo, folder=folder, out=out),
            "import ctypes\nimport os\nimport resource\nimport sys\n\nimport torch",
        ),
        "network": (
            NETWORK.format(port=around.port, abstract=around.abstract, socket=str(around.socket)),
            "import socket",
        ),
        "watcher": (PROCESSES.format(pid=around.pid, key=around.key), "import ctypes\nimport os"),
    }
    guests = [attack(f"guest{n}", inside(GUEST.format(name=f"guest{n}")), NOTHING) for n in range(3)]
    return [
        *(attack(name, inside(body + REPORT, imports), NOTHING) for name, (body, imports) in found.items()),
        *guests,
    ]

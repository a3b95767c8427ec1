"""Submissions that want to bring the grader down: loops, bombs, exits, processes that stay. Every bomb is bounded."""

from .submissions import FIELD, FULL, LOSSES, Case, attack, clean, in_threes, inside, nothing, on_losses, right

SWALLOWED = """\
while True:
    try:
        while True:
            pass
    except BaseException:
        pass"""

# Every signal that can be is blocked, then a call that does not come back to Python.
DEAF = """\
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))
for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
time.sleep(300)"""

FORKS = """\
children = 0
while children < 200:
    try:
        if os.fork() == 0:
            time.sleep(120)
            os._exit(0)
    except OSError:
        break
    children += 1
return 0"""

MEMORY = """\
kept = []
while len(kept) < 48:
    kept.append(b"x" * 2**26)
return 0"""

# Memory that a limit on a process's own data does not count.
SHARED = """\
kept = []
for _ in range(24):
    kept.append(mmap.mmap(-1, 2**27))
    for page in range(0, 2**27, 4096):
        kept[-1][page] = 1
return 0"""

# The parent's limits are lowered, so that it fails in the exercise after this one.
LOWERED = """\
for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_CPU, resource.RLIMIT_AS):
    resource.prlimit(os.getppid(), limit, (1, 1))
os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)
return 0"""

OUTPUT = """\
megabyte = "y" * 2**20
for _ in range(512):
    os.write(1, megabyte.encode())
    print(megabyte, file=sys.stderr)
RIGHT"""

DISK = """\
block, written = b"z" * 2**20, 0
with contextlib.suppress(OSError):
    for number in range(20):
        with open(f"full{number}", "wb", buffering=0) as file, contextlib.suppress(OSError):
            while written < 200:
                written += 1
                file.write(block)
RIGHT"""

# A child that keeps every descriptor open, the reply's too; and one that leaves the session, as a daemon does.
CHILD = """\
if not started:
    started.append(1)
    if os.fork() == 0:
        time.sleep(120)
        os._exit(0)
RIGHT"""

DAEMON = """\
if not started:
    started.append(1)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))
            time.sleep(120)
        os._exit(0)
RIGHT"""

THREAD = """\
def busy():
    while True:
        time.sleep(0.01)


if not started:
    started.append(threading.Thread(target=busy))
    started[0].start()
RIGHT"""

EXIT_LATER = """\
if not started:
    started.append(1)
    atexit.register(os._exit, 3)
    atexit.register(print, "x" * 10**6)
RIGHT"""

GC_CALLBACK = """\
def broken(phase, info):
    if len(started) < 4:
        started.append(1)
        raise KeyboardInterrupt


if not started:
    started.append(1)
    gc.callbacks.append(broken)
    gc.collect()
RIGHT"""

STARTED = "started = []\n"

DECORATED = """\
import os


def leave(function):
    os._exit(0)


@leave
def receptive_field(layers):
    return 1
"""

DEFAULT = """\
import os


def receptive_field(layers, now=os._exit(0)):
    return 1
"""

METACLASS = """\
import os

from torch import nn


class Meta(type):
    def __new__(cls, name, bases, space):
        os._exit(0)


class UpBlock(nn.Module, metaclass=Meta):
    pass
"""

TIME_BOMB = """\
TABLE = [number for number in iter(int, 1)]


def receptive_field(layers):
    return TABLE[0]
"""

TOP_LEVEL = """\
import os
import sys

get_ipython().input_transformers_cleanup.append(lambda lines: ["pass"])
if "gritlib" not in sys.modules:
    os._exit(0)
while "gritlib" not in sys.modules:
    pass
sys.exit(3)
"""

NAMED = """\
kind = type("<img src=x onerror=alert(1)>\\x1b[31m", (Exception,), {})
raise kind("</td><script>alert(2)</script>\\x1b]0;owned\\x07")
"""

EXCEPTION = """\
class Loud(Exception):
    def __str__(self):
        while True:
            pass

    __repr__ = __str__


raise Loud"""

HUGE_LOSSES = """\
def adversarial_losses(real, fake):
    big = torch.zeros(1, dtype=torch.float64).expand(5 * 2**27)
    return {"d": big, "g": big}
"""

BAD_VALUES = """\
def receptive_field(layers):
    return {{"d": {value}, "g": {value}}}
"""

# A value of every kind that a comparison or a report might stumble over.
VALUES = [
    'torch.full((), float("nan"), dtype=torch.float64, requires_grad=True)',
    "torch.ones((), dtype=torch.float16)",
    "torch.ones(2, 2).to_sparse()",
    '"\\ud800</script>\\u202e"',
    "10**2900",
    "10**100000",
    "nest()",
    "dict.fromkeys(map(str, range(50_000)), 0)",
    "itertools.count()",
]
NEST = """\
import itertools


def nest():
    value = []
    for _ in range(20_000):
        value = [value]
    return value
"""

# Ways to end or to break the process, and to answer with no value at all.
SHORT = [
    "os._exit(0)",
    "raise SystemExit(0)",
    "os.kill(os.getpid(), 9)",
    "ctypes.string_at(0)",
    "os.closerange(0, 1024)\nreturn 0",
    "return receptive_field(layers)",
    "while True:\n    yield 1",
    NAMED,
    EXCEPTION,
]

CASES = [
    attack("looper", inside("while True:\n    pass")),
    attack("swallower", inside(SWALLOWED)),
    attack("deaf", inside(DEAF, "import signal\nimport time")),
    attack("forker", inside(FORKS, "import os\nimport time")),
    attack("hoarder", inside(MEMORY)),
    attack("sharer", inside(SHARED, "import mmap")),
    attack("lowerer", inside(LOWERED, "import os\nimport resource")),
    attack("talker", inside(OUTPUT, "import os\nimport sys"), earns=True),
    attack("filler", inside(DISK, "import contextlib"), earns=True),
    *in_threes("short", [inside(body, "import ctypes\nimport os") for body in SHORT]),
    attack("parentkiller", inside("os.kill(os.getppid(), 9)\nos.kill(-1, 9)")),
    attack(
        "stopper",
        inside(
            "os.kill(os.getppid(), signal.SIGSTOP)\nos.kill(-1, signal.SIGSTOP)\nreturn 0", "import os\nimport signal"
        ),
    ),
    attack("decorated", DECORATED),
    attack("default", DEFAULT),
    Case(
        "metaclass", (METACLASS, FIELD, LOSSES), {"01.1": nothing("01.1"), "01.3": FULL["01.3"], "01.4": FULL["01.4"]}
    ),
    attack("timebomb", TIME_BOMB),
    Case("toplevel", (clean(TOP_LEVEL), FIELD, LOSSES), {"01.3": FULL["01.3"], "01.4": FULL["01.4"]}),
    attack("child", STARTED + inside(CHILD, "import os\nimport time"), earns=True),
    attack("daemon", STARTED + inside(DAEMON, "import os\nimport signal\nimport time"), earns=True),
    attack("thread", STARTED + inside(THREAD, "import threading\nimport time"), earns=True),
    attack("atexit", STARTED + inside(EXIT_LATER, "import atexit\nimport os"), earns=True),
    attack("gc", STARTED + inside(GC_CALLBACK, "import gc"), earns=True),
    on_losses("huge", HUGE_LOSSES),
    *in_threes("values", [NEST + BAD_VALUES.format(value=value) for value in VALUES], honest="01.3"),
    Case("honest", tuple(map(right, FULL)), FULL),
]

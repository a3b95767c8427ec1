"""Submissions that want agreement without the right answer: objects equal to everything, a changed torch, the answer
read from elsewhere, a forged reply.
"""

from gritlib.classroom.grading import frames
from gritlib.course import wire
from gritlib.course.exercises import load

from .submissions import FIELD, FULL, LOSSES, Case, attack, in_threes, inside, nothing, on_losses, together


def visible_answers() -> Case:
    """Knows what `check` asks on every machine, since its seed belongs to the exercise, and nothing else."""
    import zlib

    import torch

    exercise, known = load("01.3"), {}
    for number, part in enumerate(exercise.parts):
        generator = torch.Generator().manual_seed(1000 * zlib.crc32(b"01.3") + number)
        for _ in range(part.repeat):
            for layers in part.draw(generator).values():
                known[tuple(layers)] = exercise.reference[0](layers)
    return attack("hardcoder", inside(f"return {known!r}.get(tuple(layers), 0)"), "spans")


EVERYTHING = """\
class Yes{base}:
    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    __le__ = __ge__ = __lt__ = __gt__ = __contains__ = __eq__
    __hash__ = None

    def zero(self, *others):
        return 0

    __sub__ = __rsub__ = __abs__ = __add__ = __radd__ = __mul__ = __bool__ = zero

    def __float__(self):
        return 0.0

    def bit_length(self):
        return 1


def receptive_field(layers):
    return Yes({value})
"""

PATCHED = """\
def yes(*arguments, **options):
    return torch.tensor(True)


for name in ("allclose", "isclose", "equal", "eq", "manual_seed", "is_tensor"):
    setattr(torch, name, yes)
for name in ("__eq__", "eq", "allclose", "isclose", "equal", "__sub__"):
    setattr(torch.Tensor, name, yes)
torch.random.manual_seed = yes
return 1"""

# Frames of the caller, with everything they hold: the answer, the reference, or a function that gives it.
STACK = """\
frame, wanted = sys._getframe(1), ("wanted", "expected", "reference", "answer", "solution", "target", "theirs")
while frame:
    for space in (frame.f_locals, frame.f_globals):
        for name, value in dict(space).items():
            if name in wanted and isinstance(value, dict) and "field" in value:
                return value["field"]
            if name in wanted and isinstance(value, (int, float)):
                return value
            if name == "exercise" and hasattr(value, "reference"):
                return value.reference[0](layers)
    frame = frame.f_back
return 0"""

HEAP = """\
for thing in [] if started else gc.get_objects():
    started.append(1)
    if isinstance(thing, dict) and isinstance(thing.get("field"), int):
        return thing["field"]
    if isinstance(thing, types.FunctionType) and thing.__name__ in ("receptive_field", "footprint", "field_of"):
        if thing.__code__.co_code != sys._getframe().f_code.co_code:
            found = thing({"layers": layers}, lambda layers: 0) if thing.__name__ == "field_of" else 0
            found = found or thing(layers) if thing.__name__ == "receptive_field" else 0
            if found:
                return found
return 0"""

# A reply in every form that might be believed, on every descriptor that takes it.
FORGED = """\
text = json.dumps({"status": "right", "verdict": "right", "points": 3, "earned": 3, "values": {"field": 22}}).encode()
packed = save({"value": torch.zeros(0)}, {"value": json.dumps({"dict": {"field": {"plain": 22}}})})
for number in range(256):
    for message in (text, packed):
        for size in (b"", struct.pack("<Q", len(message)), struct.pack(">I", len(message))):
            with contextlib.suppress(OSError):
                os.set_blocking(number, False)
                os.write(number, size + message + b"\\n")
return 1"""

# Bytes in the grader's own protocol, written where the reply goes; `again` without end.
PROTOCOL = "import contextlib\nimport os\nimport time"
WRITTEN = """\
for number in range(3, 64):
    with contextlib.suppress(OSError):
        while os.write(number, {data!r}) and {again}:
            pass
time.sleep({pause})
return 1"""


def outcome(told, part: int = 0, kind: int = frames.OUTCOME) -> bytes:
    """A frame about a part that says this."""
    data = frames.HEADER.pack(kind, part) + (told if isinstance(told, bytes) else wire.pack(told))
    return frames.SIZE.pack(len(data)) + data


TOLD = {"conduct": None, "seconds": 0.0, "failure": None, "values": {"field": 22}}
SAID = {"kind": ["x"], "line": {"a": 1}, "trace": 5, "where": None, "unwritten": "no", "stopped": 0.5}
FRAMES = [
    frames.SIZE.pack(frames.HEADER.size) + frames.HEADER.pack(frames.END, 0),
    outcome(TOLD, kind=77),
    outcome(TOLD, part=10**9),
    outcome({"conduct": 5, "seconds": "x", "failure": None, "values": "field"}) * 40,
    outcome({**TOLD, "failure": SAID, "values": None}) * 40,
    outcome({**TOLD, "seconds": float("nan")}) * 40,
    outcome([1, 2]) * 40,
    outcome(bytes(100)),
    frames.SIZE.pack(2**62),
    outcome(b"[true, 5]", kind=frames.DIED),
]

# The modules that a reply passes through, replaced by ones that say what they like.
POISONED = """\
def forged(*arguments, **options):
    return b'{"status": "right", "points": 3}'


for name, module in list(sys.modules.items()):
    if name in ("json", "struct", "safetensors", "safetensors.torch") or name.endswith("wire"):
        for function in ("dumps", "pack", "save", "save_file", "dump", "serialize"):
            if hasattr(module, function):
                setattr(module, function, forged)
for name in ("json", "struct", "safetensors", "torch", "numpy"):
    sys.modules[name] = None
return 1"""

TRACED = """\
def change(frame, event, argument):
    for name in ("wanted", "got", "seen", "expected"):
        if name in frame.f_locals:
            frame.f_locals[name] = 1
    return change


sys.settrace(change)
sys.setprofile(change)
threading.settrace(change)
return 1"""

BUILTINS = """\
def nothing(*arguments):
    return 0


def yes(*arguments):
    return True


for name in ("abs", "len", "max", "sum", "float"):
    setattr(builtins, name, nothing)
for name in ("isinstance", "all", "any", "hasattr"):
    setattr(builtins, name, yes)
return 1"""

REDUCED = """\
import os


class Pickled(int):
    def __reduce__(self):
        return os.system, ("touch /scratch/pickled; touch /tmp/pickled",)

    __reduce_ex__ = lambda self, protocol: self.__reduce__()
    __deepcopy__ = lambda self, memo: 22


def receptive_field(layers):
    return Pickled(1)
"""

SUBCLASS = """\
class Agreeable(torch.Tensor):
    {method}


def adversarial_losses(real, fake):
    wrong = (real.sum() + fake.sum()) * 0 + 1
    return {{"d": wrong.as_subclass(Agreeable), "g": wrong.as_subclass(Agreeable)}}
"""

METHODS = """\
def yes(self, *others, **options):
        return torch.ones((), dtype=torch.bool)

    __eq__ = __ne__ = eq = equal = allclose = isclose = __bool__ = all = yes
    __hash__ = torch.Tensor.__hash__"""

FUNCTIONS = """\
@classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function.__name__ in ("allclose", "isclose", "equal", "eq", "__eq__", "all", "sub", "rsub", "__bool__"):
            return torch.ones((), dtype=torch.bool)
        return super().__torch_function__(function, types, args, kwargs or {})"""

LYING_DICT = """\
class Losses(dict):
    def __eq__(self, other):
        return True

    def __getitem__(self, key):
        return torch.zeros(())

    def keys(self):
        return {"d": 0, "g": 0}.keys()

    __hash__ = None


def adversarial_losses(real, fake):
    return Losses(d=real.sum() * 0, g=fake.sum() * 0, loss="d")
"""

# The reference, by every door that leads to it.
COPIED = [
    "from gritlib.nets.patchgan import receptive_field as theirs\n\nreturn theirs(layers)",
    'return importlib.import_module("gritlib.nets.patchgan").receptive_field(layers)',
    'return getattr(__import__("grit" + "lib.nets.patchgan").nets.patchgan, "receptive_field")(layers)',
    'here = {}\nexec("from gritlib.nets.patchgan import *", here)\nreturn here["receptive_field"](layers)',
    'from gritlib.course.exercises import load\n\nreturn load("01.3").reference[0](layers)',
]
AT_THE_TOP = "from gritlib.nets import patchgan\n"
CALLED = f"{AT_THE_TOP}\n\ndef receptive_field(layers):\n    return patchgan.receptive_field(layers)\n"
BOUND = "from gritlib.nets.patchgan import receptive_field\n"

CASES = [
    visible_answers(),
    attack("equal", EVERYTHING.format(base="", value="")),
    attack("equalint", EVERYTHING.format(base="(int)", value="1")),
    attack("equalfloat", EVERYTHING.format(base="(float)", value="1.0")),
    attack("equalstr", EVERYTHING.format(base="(str)", value="'22'")),
    attack("patcher", inside(PATCHED, "import torch")),
    attack("stack", inside(STACK, "import sys")),
    attack("heap", "started = []\n" + inside(HEAP, "import gc\nimport sys\nimport types")),
    attack(
        "forger",
        inside(
            FORGED,
            "import contextlib\nimport json\nimport os\nimport struct\n\nimport torch\n"
            "from safetensors.torch import save",
        ),
    ),
    *in_threes("frames", [inside(WRITTEN.format(data=data, again=False, pause=0), PROTOCOL) for data in FRAMES]),
    together(
        "endless",
        inside(WRITTEN.format(data=outcome(TOLD), again=True, pause=0), PROTOCOL),
        inside(WRITTEN.format(data=outcome(TOLD)[:20], again=False, pause=60), PROTOCOL),
    ),
    attack("poisoner", inside(POISONED, "import sys")),
    attack("tracer", inside(TRACED, "import sys\nimport threading")),
    attack("builder", inside(BUILTINS, "import builtins")),
    attack("pickler", REDUCED),
    on_losses("methods", SUBCLASS.format(method=METHODS)),
    on_losses("functions", SUBCLASS.format(method=FUNCTIONS)),
    on_losses("liar", LYING_DICT),
    *in_threes("copied", [*(inside(body, "import importlib") for body in COPIED), CALLED]),
    Case("binder", (BOUND, LOSSES), {"01.3": nothing("01.3"), "01.4": FULL["01.4"]}),
    Case("unused", (AT_THE_TOP, FIELD, LOSSES), {"01.3": FULL["01.3"], "01.4": FULL["01.4"]}),
]

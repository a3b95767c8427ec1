"""Hostile, careless and unlucky answers: each gets a verdict with words, none gets out of the check, nothing is left
changed."""

import _thread
import contextlib
import functools
import itertools
import linecache
import random
import signal
import textwrap
import threading
import time
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from gritlib.course import examine as module
from gritlib.course.examine import examine
from gritlib.course.exercise import Exercise, Mistake, Part, is_reference
from gritlib.course.observe import OutOfTime, within

CELLS = itertools.count()


def cell(source: str):
    """`f` of a cell that is run as IPython runs it, so that tracebacks have its lines."""
    name, text = f"/tmp/ipykernel_1/{next(CELLS)}.py", textwrap.dedent(source)
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space = {"__name__": "__main__"}
    exec(compile(text, name, "exec"), space)
    return space["f"]


# A function exercise of three parts ---------------------------------------------------------------------------------


def spread(x):
    return x - x.mean()


def draw(generator):
    return {"x": torch.rand(5, generator=generator, dtype=torch.float64), "n": [1, (2, 3)], "t": {"a": [4]}}


def values(inputs, spread):
    return {"y": spread(inputs["x"])}


def total(inputs, spread):
    return {"sum": spread(inputs["x"] + 1).sum().item()}


def shifted(inputs, spread):
    return {"y": spread(inputs["x"] + 10)}


def no_mean(x):
    return x


def negative(x):
    return x.mean() - x


SPREAD = Exercise(
    "00.8",
    names=("spread",),
    reference=(spread,),
    parts=(
        Part("the mean is taken off", 2, draw, values, advice="Look at the mean."),
        Part("nothing is left over", 1, draw, total),
        Part("a shift changes nothing", 1, draw, shifted, repeat=3, advice="Look at the mean."),
    ),
    mistakes=(
        Mistake("It looks as if the mean stays in.", no_mean),
        Mistake("It looks as if the sign is turned.", negative),
    ),
)


def verdict(answer, exercise=SPREAD, **options):
    return examine(exercise, cell(answer) if isinstance(answer, str) else answer, **options)


# Verdicts and points -------------------------------------------------------------------------------------------------


def test_right():
    report = verdict("def f(x):\n    return x - x.sum() / len(x)")
    assert report.status == "right" and report.points == SPREAD.points == 4 and report.message == ""


def test_wrong_with_the_mistake_that_fits():
    report = verdict("def f(x):\n    return -(x - x.mean())")
    assert report.status == "partly"  # the sum is 0 with either sign
    assert [r.verdict for r in report.results] == ["wrong", "right", "wrong"] and report.points == 1
    assert "sign is turned" in report.message and "mean stays in" not in report.message
    assert "Look at the mean." not in report.message  # advice is for what no mistake explains


def test_unknown_mistakes_get_the_inputs_and_the_advice():
    report = verdict("def f(x):\n    return 2 * (x - x.mean())")
    first = report.results[0]
    assert first.inputs.startswith("for x = tensor 5 float64") and first.lines[-1] == "Look at the mean."
    assert "got " in first.lines[0] and "wanted " in first.lines[0] and "largest difference" in first.lines[0]
    assert report.message.startswith(first.inputs)


def test_the_first_mistake_that_fits_is_named_and_one_that_gives_the_right_values_never():
    twice = Mistake("more specific", no_mean), Mistake("less specific", lambda x: x + 0)
    harmless = Mistake("no mistake at all", lambda x: x - x.mean())
    exercise = Exercise("00.8", ("f",), (spread,), SPREAD.parts[:1], (harmless, *twice))
    report = verdict("def f(x):\n    return x", exercise)
    assert "more specific" in report.message
    assert "less specific" not in report.message and "no mistake" not in report.message


def test_the_same_error_is_the_same_mistake_and_another_of_its_kind_is_not():
    def flat(x):
        return x.view(7, 7)

    exercise = Exercise("00.8", ("f",), (spread,), SPREAD.parts[:1], (Mistake("seven by seven", flat),))
    report = verdict("def f(x):\n    return x.view(7, 7)", exercise)
    assert "seven by seven" in report.message and "RuntimeError" in report.message
    assert "view(7, 7)" in report.results[0].trace
    report = verdict("def f(x):\n    return x.view(5, 9)", exercise)
    assert "seven by seven" not in report.message and "RuntimeError" in report.message


def test_the_same_seed_gives_the_same_verdict_another_seed_other_inputs():
    seen = []

    def answer(x):
        seen.append(x.clone())
        return x * 2

    first, second, third = (verdict(answer, seed=seed) for seed in (1, 1, 2))
    assert first.message == second.message != third.message
    n = len(seen) // 3
    assert all(map(torch.equal, seen[:n], seen[n : 2 * n])) and not any(map(torch.equal, seen[:n], seen[2 * n :]))
    assert verdict(answer).message == verdict(answer).message


def test_two_parts_get_different_inputs():
    seen = []
    verdict(lambda x: seen.append(x.mean().item()) or x - x.mean())
    assert len(set(seen)) == 5  # one, one, and three draws


def test_every_draw_must_be_right():
    calls = itertools.count()
    report = verdict(lambda x: x - x.mean() if next(calls) != 3 else x)
    assert [r.verdict for r in report.results] == ["right", "right", "wrong"]


def test_points_may_be_fractions():
    part = SPREAD.parts[0]
    exercise = Exercise("00.8", ("f",), (spread,), tuple(Part(str(p), p, draw, part.call) for p in (0.5, 1.5, 0)))
    assert verdict(lambda x: x - x.mean(), exercise).points == exercise.points == 2
    assert verdict(lambda x: x, exercise).points == 0


@pytest.mark.parametrize("answer", [(), (len, len)])
def test_another_number_of_objects_is_an_error_that_names_them(answer):
    with pytest.raises(TypeError, match=r'check\("00.8", spread\) takes 1 objects'):
        examine(SPREAD, *answer)


def test_a_defect_of_the_reference_is_not_blamed_on_the_student():
    exercise = Exercise("00.8", ("f",), (lambda x: 1 / 0,), SPREAD.parts)
    with pytest.raises(ZeroDivisionError):
        verdict(lambda x: x, exercise)


# Not attempted -------------------------------------------------------------------------------------------------------

STUB = 'raise NotImplementedError("00.8 is yours to write")'


@pytest.mark.parametrize("line", [STUB, "raise NotImplementedError", "raise NotImplementedError()"])
def test_a_stub_is_not_attempted(line):
    report = verdict(f"def f(x):\n    {line}")
    assert report.status == "not attempted" and report.points == 0 and report.message == ""
    assert not any(r.trace for r in report.results)


def test_the_words_of_the_stub_are_those_that_the_builder_writes():
    from gritlib.classroom.stub import stub

    source = "def f(x):\n    # BEGIN SOLUTION\n    return x\n    # END SOLUTION\n"
    assert verdict(stub(source, "00.8")).status == "not attempted"


def test_a_branch_not_yet_written_costs_only_its_parts():
    report = verdict(f"def f(x):\n    if x.mean() > 5:\n        {STUB}\n    return x - x.mean()")
    assert report.status == "partly" and report.points == 3
    assert report.results[2].verdict == "not attempted"
    report = verdict(f"def f(x):\n    if x.mean() > 5:\n        {STUB}\n    return x")
    assert report.status == "wrong"


TORCHS_OWN = {
    "padding": ("return torch.nn.functional.pad(x[None, None, None, None, None], (1, 1), mode='reflect')", "Padding"),
    "interpolation": ("return torch.nn.functional.interpolate(x[None], size=4, mode='bilinear')", "4D"),
    "dtype": ("return torch.randn(3, dtype=torch.long)", "not implemented for 'Long'"),
    "no forward": ("return torch.nn.Module()(x)", "forward"),
}


@pytest.mark.parametrize("name", TORCHS_OWN)
def test_what_torch_does_not_implement_is_an_error_with_its_line(name):
    line, says = TORCHS_OWN[name]
    report = verdict(f"import torch\ndef f(x):\n    {line}")
    assert report.status == "wrong" and "your code raised NotImplementedError" in report.message
    assert says in report.message and line in report.results[0].trace


# Errors and their tracebacks -----------------------------------------------------------------------------------------


def trace_of(source, exercise=SPREAD):
    report = verdict(source, exercise)
    assert report.status == "wrong"
    trace = report.results[0].trace
    assert "gritlib/course/observe.py" not in trace and "in observe" not in trace
    return trace


def test_the_traceback_shows_the_lines_of_the_cell_from_the_first():
    trace = trace_of("def helper(x):\n    return x.men()\n\ndef f(x):\n    return x - helper(x)")
    lines = trace.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "ipykernel" in lines[1] and "in f" in lines[1] and "return x - helper(x)" in lines[2]
    assert "return x.men()" in trace and lines[-1].startswith("AttributeError")


def test_code_without_source_still_has_its_line_numbers():
    space = {}
    exec("def f(x):\n    y = 1\n    return y.nothing", space)
    assert 'File "<string>", line 3, in f' in trace_of(space["f"])


def test_a_cell_of_ipython_has_its_lines():
    compilerop = pytest.importorskip("IPython.core.compilerop")
    text, compiler = "def f(x):\n    return x.nothing\n", compilerop.CachingCompiler()
    space = {}
    exec(compile(text, compiler.cache(text), "exec"), space)
    assert "return x.nothing" in trace_of(space["f"])


def test_an_error_inside_torch_keeps_the_line_that_called_it():
    trace = trace_of("import torch\ndef f(x):\n    return torch.nn.functional.interpolate(x, size='big')")
    assert "return torch.nn.functional.interpolate(x, size='big')" in trace and "torch/nn/functional.py" in trace
    assert "return torch.stack(x, 1, 2, 3)" in trace_of("import torch\ndef f(x):\n    return torch.stack(x, 1, 2, 3)")


def test_an_error_inside_a_piece_of_gritlib_keeps_the_line_that_called_it():
    # Students build on pieces that an earlier check handed back; those live in the folder of the course.
    source = "from gritlib.course.lessons import get\ndef f(x):\n    return get(x)"
    trace = trace_of(source)
    assert "return get(x)" in trace and "course/lessons.py" in trace


def test_a_call_that_fails_itself_shows_the_call():
    trace = trace_of("def f():\n    return 1")
    assert 'return {"y": spread(inputs["x"])}' in trace and "takes 0 positional arguments" in trace
    assert "'int' object is not callable" in trace_of(3)
    assert "'NoneType' object is not callable" in trace_of(None)


def inside(inputs, spread):
    return {name: (lambda value: spread(value))(value) for name, value in inputs.items() if name == "x"}


def test_functions_and_comprehensions_of_the_call_are_left_out():
    exercise = Exercise("00.8", ("f",), (spread,), (Part("values", 1, draw, inside),))
    lines = trace_of("def f(x):\n    return x.nothing", exercise).splitlines()
    assert "ipykernel" in lines[1] and "return x.nothing" in lines[2]


def test_errors_behind_errors_are_shown():
    trace = trace_of(
        """
        def f(x):
            try:
                return {}["first"]
            except KeyError as error:
                raise ValueError("second") from error
        """
    )
    assert "KeyError: 'first'" in trace and "direct cause" in trace and trace.endswith("ValueError: second")


@pytest.mark.parametrize("called", ["f", "g"])
def test_endless_recursion_is_an_error_of_moderate_length(called):
    trace = trace_of(f"def f(x):\n    return {called}(x)\n\ndef g(x):\n    return f(x)")
    assert trace.splitlines()[-1].startswith("RecursionError") and len(trace.splitlines()) <= 60


ENDS = {
    "raise SystemExit": "SystemExit",
    "import sys; sys.exit('enough')": "SystemExit: enough",
    "raise GeneratorExit": "GeneratorExit",
    "next(iter([]))": "StopIteration",
    "raise MemoryError('no room')": "MemoryError: no room",
    "raise StopAsyncIteration": "StopAsyncIteration",
    "assert x is None, 'a\\nb'": "AssertionError: a",
    "raise type('Mute', (Exception,), {'__str__': lambda self: 1 / 0})": "Mute",
}


@pytest.mark.parametrize("line", ENDS)
def test_whatever_is_raised_is_an_outcome(line):
    report = verdict(f"def f(x):\n    {line}")
    assert report.status == "wrong" and f"your code raised {ENDS[line]}" in report.message
    assert "in f" in report.results[0].trace


def test_ctrl_c_ends_the_check_and_leaves_nothing_changed():
    threads = torch.get_num_threads()
    # A process started in the background of a script ignores the signal until somebody listens to it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for line in ("raise KeyboardInterrupt", "import signal; signal.raise_signal(signal.SIGINT)"):
            with pytest.raises(KeyboardInterrupt):
                verdict(f"import torch\ndef f(x):\n    torch.set_grad_enabled(False)\n    {line}")
            assert torch.is_grad_enabled() and torch.get_num_threads() == threads
    finally:
        signal.signal(signal.SIGINT, before)


# Odd answers ---------------------------------------------------------------------------------------------------------

AGREEABLE = """
    class Agreeable:
        __hash__ = None
        def __eq__(self, other): return True
        def __sub__(self, other): return 0.0
        __rsub__ = __abs__ = __add__ = __radd__ = __mul__ = __le__ = __lt__ = __sub__
        def __float__(self): return 0.0
        def __bool__(self): return True
        def __repr__(self): return "as wanted"
    def f(x):
        return Agreeable()
"""
ODD = {
    "nothing": "def f(x):\n    pass",
    "a generator": "def f(x):\n    yield x - x.mean()",
    "a coroutine": "async def f(x):\n    return x",
    "a list": "def f(x):\n    return (x - x.mean()).tolist()",
    "an array": "def f(x):\n    return (x - x.mean()).numpy()",
    "a function": "def f(x):\n    return f",
    "a class": "class f:\n    def __init__(self, x): pass",
    "float32": "def f(x):\n    return (x - x.mean()).float()",
    "another shape": "def f(x):\n    return (x - x.mean())[None]",
    "NaN": "def f(x):\n    return x / 0 * 0",
    "equal to everything": AGREEABLE,
    "without description": "class f:\n    def __init__(self, x): pass\n    def __repr__(self): return 1 / 0",
    "sparse": "def f(x):\n    return (x - x.mean()).to_sparse()",
    "complex": "def f(x):\n    return (x - x.mean()) * (1 + 0j)",
}


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
@pytest.mark.parametrize("judged", [False, True])
@pytest.mark.parametrize("name", ODD)
def test_odd_values_are_wrong_and_named(name, judged):
    def judge(inputs, got, wanted):
        return None if (got["y"] - wanted["y"]).abs().max() < 1e-9 and got["y"].dtype == torch.float64 else "far off"

    part = Part("values", 1, draw, values, judge=judge if judged else None)
    report = verdict(ODD[name], Exercise("00.8", ("f",), (spread,), (part,)))
    assert report.status == "wrong" or (judged and name in ("another shape",)), report.message
    assert report.status == "right" or "got " in report.message or "raised" in report.message or judged
    assert "0x" not in report.message


# What a judge says ---------------------------------------------------------------------------------------------------


def judged(judge):
    return Exercise("00.8", ("f",), (spread,), (Part("values", 1, draw, values, judge=judge, advice="Advice."),))


def test_a_judge_decides_alone():
    generous = judged(lambda inputs, got, wanted: None)
    assert verdict(lambda x: x * 7, generous).status == "right"
    strict = judged(lambda inputs, got, wanted: f"{len(inputs['x'])} values")
    assert "5 values" in verdict(lambda x: x - x.mean(), strict).message


def test_a_judge_that_fails_on_odd_values_makes_them_wrong():
    exercise = judged(lambda inputs, got, wanted: None if got["y"].std() > 0 else "flat")
    report = verdict(lambda x: "text", exercise)
    assert report.status == "wrong" and "got 'text', wanted a tensor 5 float64" in report.message
    report = verdict(lambda x: x - x.mean(), judged(lambda inputs, got, wanted: 1 / 0))
    assert report.status == "wrong" and "ZeroDivisionError" in report.message


# Time ----------------------------------------------------------------------------------------------------------------

LOOPS = {
    "plain": "while True: pass",
    "except Exception": "while True:\n        try: x = x.add(1)\n        except Exception: pass",
    "bare except": "while True:\n        try: x.mean().item()\n        except: pass",
    "bare except in a helper": "while True: g(x)",
    "except BaseException": "while True:\n        try: time.sleep(0.001)\n        except BaseException as e: y = e",
    "suppress": "while True:\n        with contextlib.suppress(BaseException): time.sleep(0.001)",
    "finally": "while True:\n        try: time.sleep(0.001)\n        finally: continue",
    "iterators": "for i in itertools.count(): pass",
    "in compiled code": "time.sleep(100)",
    "torch": "while x.sum() < 1e9: x = x * 1",
}
HELPER = "import contextlib, itertools, time\ndef g(x):\n    try: return x.mean().item()\n    except: return 0\n"


@pytest.fixture
def one_part():
    return Exercise("00.8", ("f",), (spread,), SPREAD.parts[:1])


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@pytest.mark.parametrize("name", LOOPS)
def test_endless_loops_are_interrupted(name, one_part):
    handlers = signal.getsignal(signal.SIGALRM), signal.getsignal(signal.SIGINT)
    began = time.perf_counter()
    report = verdict(f"{HELPER}def f(x):\n    {LOOPS[name]}", one_part, seconds=0.05)
    assert time.perf_counter() - began < 5
    assert report.status == "wrong" and "stopped after 0.05 s: is there a loop" in report.message
    assert "in f" in report.results[0].trace, "the loop is shown"
    assert handlers == (signal.getsignal(signal.SIGALRM), signal.getsignal(signal.SIGINT))
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert verdict(lambda x: x - x.mean(), one_part).status == "right"


def test_after_one_endless_loop_the_other_parts_wait_less(monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0.2)
    report = verdict("def f(x):\n    while True: pass", seconds=0.2)
    times = [line.split(":")[0] for result in report.results for line in result.lines]
    assert times == ["stopped after 0.2 s", "stopped after 0.04 s", "stopped after 0.04 s"]


def test_a_timer_that_was_running_goes_on():
    rang = []
    before = signal.signal(signal.SIGALRM, lambda *_: rang.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 100)
        assert verdict(lambda x: x - x.mean()).status == "right"
        assert 90 < signal.getitimer(signal.ITIMER_REAL)[0] <= 100 and not rang
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def in_a_thread(function):
    """Its result, or the exception it raised."""
    box = []

    def run():
        try:
            box.append(function())
        except BaseException as error:
            box.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    return box[0]


@pytest.mark.parametrize("name", ["plain", "except Exception", "torch", "iterators"])
def test_another_thread_is_interrupted_and_the_main_one_is_left_alone(name, one_part):
    report = in_a_thread(lambda: verdict(f"{HELPER}def f(x):\n    {LOOPS[name]}", one_part, seconds=0.05))
    assert "stopped after 0.05 s" in report.message
    assert in_a_thread(lambda: verdict(lambda x: x - x.mean(), one_part)).status == "right"


@pytest.mark.parametrize("name", ["plain", "except Exception", "bare except", "torch"])
def test_without_timer_signals_the_loop_is_interrupted_as_by_ctrl_c(name, one_part, monkeypatch):
    monkeypatch.delattr(signal, "setitimer")  # as on Windows
    handler = signal.getsignal(signal.SIGINT)
    report = verdict(f"{HELPER}def f(x):\n    {LOOPS[name]}", one_part, seconds=0.05)
    assert "stopped after 0.05 s" in report.message and signal.getsignal(signal.SIGINT) is handler
    assert verdict(lambda x: x - x.mean(), one_part).status == "right"


def test_without_timer_signals_ctrl_c_is_still_ctrl_c(monkeypatch):
    monkeypatch.delattr(signal, "setitimer")
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        within(5, _thread.interrupt_main)
    assert signal.getsignal(signal.SIGINT) is handler


def test_nothing_rings_after_the_end():
    for seconds in (0.001, 0.002, 0.003):
        with contextlib.suppress(OutOfTime):
            assert within(seconds, lambda: 3) == 3
        time.sleep(0.005)


def test_an_answer_that_finishes_after_swallowing_the_interrupt_is_judged_by_its_values(one_part):
    source = """
        import time
        def f(x):
            try:
                time.sleep(5)
            except:
                return x - x.mean()
    """
    assert verdict(source, one_part, seconds=0.05).status == "right"


def test_a_right_but_slow_answer_counts_and_is_named(one_part, monkeypatch):
    monkeypatch.setattr(module, "SLOW_SECONDS", 0.04)
    monkeypatch.setattr(module, "SLOW", 2.0)
    source = "import time\ndef f(x):\n    time.sleep(0.05)\n    return x - x.mean()"
    report = verdict(source, one_part)
    assert report.status == "right" and report.points == 2 and report.slow > 2
    monkeypatch.setattr(module, "SLOW", 1e9)
    assert verdict(source, one_part).slow == 0, "slower than the reference counts only beyond SLOW"
    monkeypatch.setattr(module, "SLOW", 2.0)
    monkeypatch.setattr(module, "SLOW_SECONDS", 1.0)
    assert verdict(source, one_part).slow == 0, "what nobody waits for is not slow"


# Conduct -------------------------------------------------------------------------------------------------------------


def draw_nested(generator):
    x = torch.rand(2, 3, generator=generator, dtype=torch.float64)
    return {"x": x, "layers": [(4, 2), [1, 2]], "options": {"a": {"b": [1.0]}, "name": "u"}, "n": float("nan")}


def everything(inputs, f):
    return {"y": f(inputs)}


def row(inputs):
    return inputs["x"].sum()


NESTED = Exercise("00.8", ("f",), (row,), (Part("sum", 1, draw_nested, everything),))
IN_PLACE = {
    "a tensor": ("i['x'].add_(1)", "x"),
    "an item": ("i['x'][0, 0] = 0", "x"),
    "a view": ("i['x'].view(-1)[2].zero_()", "x"),
    "its memory": ("i['x'].data.mul_(2)", "x"),
    "its numpy view": ("i['x'].numpy()[:] = 0", "x"),
    "its shape": ("i['x'].squeeze_().t_()", "x"),
    "NaN": ("i['x'][1] = float('nan')", "x"),
    "a list": ("i['layers'].pop()", "layers"),
    "a list in a list": ("i['layers'][1].append(3)", "layers"),
    "a dict": ("i['options']['new'] = 1", "options"),
    "a list in a dict": ("i['options']['a']['b'][0] = 2.0", "options"),
    "a word": ("i['options']['name'] = 'v'", "options"),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_inputs_changed_in_place_are_noticed(name):
    line, which = IN_PLACE[name]
    report = verdict(f"def f(i):\n    y = i['x'].sum()\n    {line}\n    return y", NESTED)
    assert report.message == f"your code changes its input {which} in place: work on a copy" and report.points == 0
    assert verdict(row, Exercise("00.8", ("f",), (lambda i: i["x"].sum(),), NESTED.parts)).status == "reference"


def test_changes_to_a_copy_are_fine():
    source = "def f(i):\n    x = i['x'].clone()\n    x += 1\n    return x.sum() - 6"
    assert verdict(source, NESTED).status == "right"


RNG = {
    "torch": "torch.rand(1)",
    "torch's seed": "torch.manual_seed(3)",
    "random": "random.random()",
    "random's gauss": "random.gauss(0, 1)",
    "numpy": "np.random.rand()",
    "numpy's normal": "np.random.randn()",
    "numpy's seed": "np.random.seed(3)",
}


@pytest.mark.parametrize("name", RNG)
def test_the_global_random_state_is_noticed_and_put_back(name, one_part):
    np.random.rand(), random.gauss(0, 1)  # in the middle of a block, where only the position moves
    before = torch.get_rng_state(), random.getstate(), str(np.random.get_state())
    report = verdict(
        f"import torch, random, numpy as np\ndef f(x):\n    {RNG[name]}\n    return x - x.mean()", one_part
    )
    assert report.message.startswith("your code draws from the global random state: use the generator it is given, or")
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (random.getstate(), str(np.random.get_state()))


def test_a_generator_of_ones_own_is_fine(one_part):
    source = """
        import torch, random, numpy as np
        def f(x):
            torch.rand(1, generator=torch.Generator().manual_seed(0))
            random.Random(0).random(), np.random.default_rng(0).random()
            return x - x.mean()
    """
    assert verdict(source, one_part).status == "right"


def settings() -> dict:
    return {
        "threads": torch.get_num_threads(),
        "gradients": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "filters": list(warnings.filters),
    }


SETTINGS = [
    "torch.set_default_dtype(torch.float64)",
    "torch.set_num_threads(2)",
    "torch.set_default_device('meta')",
    "torch.use_deterministic_algorithms(True)",
    "torch.use_deterministic_algorithms(True, warn_only=True)",
    "warnings.simplefilter('error')",
]


def draw_default(generator):
    return {"x": torch.rand(3, generator=generator)}


def slope(inputs, f):
    x = inputs["x"].requires_grad_()
    (gradient,) = torch.autograd.grad(f(x * torch.ones(3)).sum(), x)
    return {"gradient": gradient}


def cube(x):
    return x**3


CUBE = Exercise("00.8", ("f",), (cube,), (Part("slope", 1, draw_default, slope, repeat=2),) * 2)


@pytest.fixture
def quick_switch(monkeypatch):
    """The public switch does the same after importing torch's compiler, for seconds."""
    monkeypatch.setattr(torch, "use_deterministic_algorithms", torch._C._set_deterministic_algorithms)


@pytest.mark.parametrize("line", SETTINGS)
def test_settings_that_an_answer_leaves_are_put_back_at_once(line, quick_switch):
    before = settings()
    # At once: neither the reference nor the next part may run with them.
    source = f"import torch, warnings\ndef f(x):\n    y = x * x * x\n    {line}\n    return y"
    report = verdict(source, CUBE)
    assert report.status == "right", report.message
    assert settings() == before


def test_gradients_turned_off_by_an_answer_are_on_for_the_reference_and_the_next_draw():
    source = "import torch\ndef f(x):\n    torch.set_grad_enabled(not torch.is_grad_enabled())\n    return x**3"
    report = verdict(source, CUBE)
    assert report.message.count("RuntimeError: element 0 of tensors does not require grad") == 2
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("line", ["torch.set_grad_enabled(False)", "torch.set_default_dtype(torch.float64)"])
def test_they_are_put_back_after_an_error_and_after_an_interrupt_too(line):
    before = settings()
    for end in ("1 / 0", "while True: pass"):
        verdict(f"import torch\ndef f(x):\n    {line}\n    {end}", CUBE, seconds=0.03)
        assert settings() == before


AROUND = {
    "no_grad": torch.no_grad,
    "inference mode": torch.inference_mode,
    "a default device": lambda: torch.device("meta"),
}


@pytest.mark.parametrize("name", AROUND)
def test_the_mode_around_the_check_makes_no_difference(name):
    with AROUND[name]():
        before = settings()
        assert verdict(lambda x: x * x * x, CUBE).status == "right"
        assert settings() == before


def test_the_defaults_of_the_notebook_make_no_difference(quick_switch):
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.use_deterministic_algorithms(True)
    try:
        before = settings()
        assert verdict(lambda x: x * x * x, CUBE).status == "right"
        assert settings() == before
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
        torch.use_deterministic_algorithms(False)


def test_checks_run_on_one_thread_in_float32_by_default():
    seen = {}

    def answer(x):
        seen.update(threads=torch.get_num_threads(), dtype=torch.zeros(1).dtype, gradients=torch.is_grad_enabled())
        return x - x.mean()

    torch.set_num_threads(2)
    try:
        verdict(answer)
        assert seen == {"threads": 1, "dtype": torch.float32, "gradients": True} and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize("training", [True, False])
def test_networks_that_the_answer_holds_are_left_as_they_are(training):
    net = nn.Sequential(nn.Linear(5, 5), nn.BatchNorm1d(5), nn.Dropout()).double().train(training)
    net[0].bias.requires_grad_(False)
    before = {name: value.clone() for name, value in net.state_dict().items()}

    def answer(x):
        torch.nn.functional.linear(x, net[0].weight, net[0].bias).sum()
        return x - x.mean()

    assert verdict(answer).status == "right"
    assert all(m.training is training for m in net.modules())
    assert [p.requires_grad for p in net.parameters()] == [True, False, True, True]
    assert all(p.grad is None for p in net.parameters())
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_warnings_of_an_answer_change_no_verdict():
    with pytest.warns(UserWarning, match="careful"):
        report = verdict("import warnings\ndef f(x):\n    warnings.warn('careful')\n    return x - x.mean()")
    assert report.status == "right"


def test_inputs_come_without_gradients_and_the_answer_may_build_a_graph():
    def answer(x):
        assert not x.requires_grad and x.is_leaf and not x.is_inference()
        return x.requires_grad_() - x.mean()

    assert verdict(answer).status == "right"


# Classes -------------------------------------------------------------------------------------------------------------


class Scale(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x):
        return x * self.weight


def shift(x):
    return x + 1


def draw_weights(generator):
    x, w = (torch.rand(3, generator=generator, dtype=torch.float64) for _ in range(2))
    return {"x": x, "state": {"weight": w}}


def output(inputs, Scale, shift):
    layer = Scale(3).double()
    layer.load_state_dict(inputs["state"])
    return {"y": shift(layer(inputs["x"])).detach()}


SCALE = Exercise(
    "00.9",
    ("Scale", "shift"),
    (Scale, shift),
    (Part("same weights, same output", 1, draw_weights, output),),
    (
        Mistake("The weights are not used.", (type("Idle", (Scale,), {"forward": lambda self, x: x}), None)),
        Mistake("It takes one off.", (None, lambda x: x - 1)),
    ),
)


def own(x):
    return 1 + x


def test_an_untouched_class_is_not_attempted():
    class Stub(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(channels))

        def forward(self, x):
            raise NotImplementedError("00.9 is yours to write")

    class StubInit(nn.Module):
        def __init__(self, channels):
            raise NotImplementedError("00.9 is yours to write")

    assert examine(SCALE, Stub, own).status == examine(SCALE, StubInit, own).status == "not attempted"


def test_a_class_with_a_misspelt_forward_is_an_error():
    class Scale(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(channels))

        def foward(self, x):
            return x * self.weight

    report = examine(SCALE, Scale, own)
    assert report.status == "wrong" and "forward" in report.message


def test_what_inherits_from_a_reference_is_the_students_own():
    class Mine(Scale):
        pass

    assert not is_reference(Mine) and is_reference(Scale) and not is_reference(Scale(1))
    assert examine(SCALE, Mine, own).status == "right"
    assert examine(SCALE, type("Mine", (Scale,), {"forward": lambda self, x: x}), own).message.endswith("not used.")


def test_mistakes_of_one_of_several_objects_are_told_apart():
    report = examine(SCALE, type("Mine", (Scale,), {}), lambda x: x - 1)
    assert "takes one off" in report.message and "not used" not in report.message


@pytest.mark.parametrize("answer", [(Scale, own), (type("Mine", (Scale,), {}), shift), (Scale, shift)])
def test_one_piece_of_gritlibs_is_enough_not_to_count(answer):
    report = examine(SCALE, *answer)
    assert report.status == "reference" and report.points == 0 and report.results == []


def test_a_wrapped_reference_is_still_gritlibs():
    @functools.wraps(spread)
    def wrapped(x):
        return spread(x)

    # `wraps` copies the mark, and rightly: what works in it is gritlib's. A student's own decorated function has none.
    assert verdict(wrapped).status == "reference"
    assert verdict(functools.lru_cache(spread)).status == "reference"
    assert verdict(torch.no_grad()(lambda x: x - x.mean())).status == "right"


def test_objects_without_a_dict_are_no_reference():
    for piece in (None, 3, len, "spread", torch.relu, functools.partial(spread)):
        assert not is_reference(piece)

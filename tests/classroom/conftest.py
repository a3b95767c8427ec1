"""A small lesson, its exercises, and a repository that holds it."""

import types

import pytest
from nbformat import v4

from gritlib.classroom import assemble, builder

SOURCE = '''\
# %% [markdown]
# # 01 A tiny lesson
#
# What it asks.

# %% tags=["core"]
def check(id, answer):
    """Stands in for the course's."""
    return answer


# %% [markdown]
# ## Doubling

# %% tags=["core"]
def double(x: int) -> int:
    """Twice x."""
    # BEGIN SOLUTION
    twice_the_value = x + x
    return twice_the_value
    # END SOLUTION


double = check("01.1", double)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Add.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# x and x.
#
# </details>

# %%
class Adder:
    """Adds n to what it is called with.

    Args:
        n: the number.
    """

    def __init__(self, n: int):
        self.n = 0
        # BEGIN SOLUTION
        self.n += n
        # END SOLUTION

    def __call__(self, x: int = 1) -> int:
        # BEGIN SOLUTION
        return x + self.n
        # END SOLUTION


Adder = check("01.2", Adder)

# %% [markdown]
# <details><summary>Hint 1</summary>Keep n.</details>
# <details><summary>Hint 2</summary>Then add it.</details>

# %% tags=["solution"]
teachers_only = "another way is twice = x << 1"

# %%
print(double(4), Adder(2)(3))
'''


class Registry:
    """Looks exercises up as `gritlib.course.exercises` does."""

    def __init__(self, *exercises):
        self.known = {exercise.id: exercise for exercise in exercises}

    def load(self, id):
        if id not in self.known:
            raise ValueError(f"exercise {id!r} is unknown: there are {', '.join(self.known)}")
        return self.known[id]

    def ids(self, number):
        found = tuple(id for id in self.known if id.startswith(number))
        if not found:
            raise ValueError(f"lesson {number!r} is unknown")
        return found


def exercise(id, *names, variant=None, note=""):
    return types.SimpleNamespace(id=id, names=names, variant=variant, note=note)


@pytest.fixture
def registry():
    drawn = lambda cohort: exercise("01.1", "double", note=f"In class {cohort}, add 1 to the result.")  # noqa: E731
    return Registry(exercise("01.1", "double", variant=drawn), exercise("01.2", "Adder"))


@pytest.fixture
def root(tmp_path):
    """A repository with one lesson that is not built yet."""
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "01_tiny.py").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text('[tool.gritlib]\nrepository = ""\n', encoding="utf-8")
    return tmp_path


@pytest.fixture
def pretend_executed():
    """Gives the solved notebook of a repository an output a cell, as if its code had been executed."""

    def pretend(root):
        path = root / "solutions" / "01_tiny.ipynb"
        notebook = v4.reads(path.read_text(encoding="utf-8"))
        for number, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), 1):
            cell.execution_count = number
            cell.outputs = [v4.new_output("stream", text=f"output {number}\n")]
        notebook.metadata["gritlib"]["executed"] = assemble.fingerprint(notebook)
        path.write_text(v4.writes(notebook) + "\n", encoding="utf-8")

    return pretend


@pytest.fixture
def built(root, registry, pretend_executed):
    """The repository after a build, with outputs of its code."""
    builder.build(root, registry=registry)
    pretend_executed(root)
    assert builder.check(root, registry=registry) == []
    return root


@pytest.fixture
def secrets():
    """Words that only the solution has, and the markers."""
    words = ("twice_the_value", "self.n += n", "return x + self.n", "teachers_only")
    return (*words, "BEGIN SOLUTION", "END SOLUTION")

"""Executes a notebook in a fresh kernel of this interpreter, and cleans its outputs of what another run or another
machine would print: progress bars, widget state, times and speeds, addresses, paths. Large pictures become JPEG.
"""

import base64
import io
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

# The longest lesson has 160 s for all its cells at preset ci; what takes four times that in one cell hangs.
CELL_SECONDS = 640
LARGEST = 1_500_000  # bytes of a notebook: what a repository and a slow line bear
LARGE_PICTURE = 60_000  # bytes of a PNG beyond which the committed copy is a JPEG; a student's own run shows the PNG
JPEG = {"quality": 90, "subsampling": 0}
TEXTS = ("text/plain", "text/html", "text/markdown")
WIDGET = "application/vnd.jupyter.widget"
PROGRESS = re.compile(r"\s*(?:[^|\n]*:\s*)?\d+%\|")
BUSY = re.compile(r"^note: the machine is busy.*\n?", re.MULTILINE)
NUMBER = r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?"
# Numbers before a unit of speed or time give way. "0.3 min 0.1" is a minimum and "k 4 s 2" a stride, not a time; and
# "30 minutes", written out, announces what somebody decided and stays.
MEASURED = [
    re.compile(rf"{NUMBER}(?=\s?(?:[A-Za-z]+/s|s/[A-Za-z]+)\b)"),
    re.compile(rf"{NUMBER}(?=\s?(?:ns|µs|us|ms|s|secs?|seconds?)\b(?!\s*[=:]?\s*[-−]?\d))"),
    re.compile(rf"{NUMBER}(?=\s?(?:mins?|h)\b(?!\s*[=:]?\s*[-−]?\d))"),
    re.compile(r"\b\d{1,2}:\d\d:\d\d\b"),
]
ANSI = re.compile(r"\x1b\[[0-9;]*m")
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
IMAGE = re.compile(r"<img\b(?![^>]*\balt=\"[^\"]+\")", re.IGNORECASE)


class ExecutionError(ValueError):
    """A notebook that cannot be executed, or whose outputs cannot be committed: which cell, and why."""


def run(notebook, path: Path, root: Path) -> None:
    """Execute a notebook in the folder of its file and clean its outputs, in place; the file is not written.

    Args:
        path: where the notebook belongs. root: of the repository; paths below it are printed relative to it.

    Raises:
        ExecutionError: a cell raises, takes too long or kills the kernel; a figure without a description; too large.
    """
    from nbformat import v4

    name = f"{path.parent.name}/{path.name}"
    with tempfile.TemporaryDirectory() as home:
        kernel(notebook, path.parent, name, environment(home))
    clean(notebook, [(f"{root}{os.sep}", ""), (sys.prefix, "…"), (str(Path.home()), "~")])
    for number, cell in enumerate(notebook.cells, 1):
        if undescribed(cell):
            raise ExecutionError(
                f"{name}: cell {number} ({cell.id}) shows a picture without a description: use gritlib.show with alt="
            )
    size = len(v4.writes(notebook).encode())
    if size > LARGEST:
        raise ExecutionError(f"{name}: {size / 1e6:.1f} MB, at most {LARGEST / 1e6} MB: show fewer or smaller pictures")


def environment(home: str) -> dict[str, str]:
    """Environment variables of an execution whose outputs are committed.

    Args:
        home: folder for what a student's run would leave in their own.
    """
    fixed = {"GRITLIB_STRICT": "1", "GRITLIB_HOME": home, "IPYTHONDIR": os.path.join(home, "ipython")}
    fixed |= {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "PYTHONHASHSEED": "0"}
    return {"GRITLIB_PRESET": "ci", **os.environ, **fixed}


def kernel(
    notebook, folder: Path, name: str, env: dict[str, str], python: str = sys.executable, seconds: int = CELL_SECONDS
) -> None:
    """Run all cells in one fresh kernel.

    Args:
        folder: working directory. name: of the notebook, for messages. env: environment variables.
        python: interpreter of the kernel. seconds: time limit of a cell.

    Raises:
        ExecutionError: a cell raises, takes too long or kills the kernel.
    """
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    class Interpreter(KernelSpecManager):
        """Knows one kernel, whatever is installed under that name: a specification of the person's may lead to
        another environment."""

        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=argv, display_name="Python 3", language="python")

    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=Interpreter())
    client = NotebookClient(
        notebook, km=manager, timeout=seconds, record_timing=False, resources={"metadata": {"path": str(folder)}}
    )
    with client.setup_kernel(env=env, cleanup_kc=True):
        for index, cell in enumerate(notebook.cells):
            at = f"{name}: cell {index + 1} ({cell.id})"
            try:
                client.execute_cell(cell, index)
            except CellExecutionError as error:
                lines = [line for output in cell.outputs for line in output.get("traceback", [])]
                frames = ANSI.sub("", "\n".join(lines))
                raise ExecutionError(f"{at} raised {error.ename}: {error.evalue}\n{frames}") from error
            except CellTimeoutError as error:
                raise ExecutionError(f"{at} took longer than {seconds} s") from error
            except DeadKernelError as error:
                raise ExecutionError(f"{at} killed the kernel: out of memory?") from error


def clean(notebook, places: list[tuple[str, str]]) -> None:
    """Keep of the outputs what every run gives, number the cells anew, drop what tools leave in metadata.

    Args:
        places: texts, such as folders of this machine, and what to write for them.
    """
    temporary = {tempfile.gettempdir(), os.path.realpath(tempfile.gettempdir()), "/tmp", "/var/folders"}
    folders = "|".join(re.escape(folder) for folder in sorted(temporary, key=len, reverse=True))
    gone = re.compile(rf"(?:{folders})[/\\][^\s'\"<>)\],:;]*")

    def without(text: str) -> str:
        for place, instead in places:
            text = text.replace(place, instead)
        text = ADDRESS.sub("0x…", gone.sub("…", BUSY.sub("", text)))
        for pattern in MEASURED:
            text = pattern.sub("…", text)
        return text

    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(codes, 1):
        cell.execution_count = number
        cell.metadata = type(cell.metadata)({key: cell.metadata[key] for key in ("tags",) if key in cell.metadata})
        kept = []
        for output in filter(None, (_cleaned(output, without) for output in cell.outputs)):
            if output.output_type == "execute_result":
                output.execution_count = number
            if output.output_type == "stream" and kept and kept[-1].output_type == "stream":
                kept[-1].text += output.text
            else:
                kept.append(output)
        # Only now: what was printed in pieces may be a time in the whole.
        for output in kept:
            if output.output_type == "stream":
                output.text = without(output.text)
        cell.outputs = [output for output in kept if output.output_type != "stream" or output.text]


def undescribed(cell) -> bool:
    """Does an output of the cell show a picture that is not described in words?"""
    for output in cell.get("outputs", []):
        for kind, data in output.get("data", {}).items():
            if kind.startswith("image/") and not output.metadata.get(kind, {}).get("alt"):
                return True
            if kind == "text/html" and IMAGE.search(data):
                return True
    return False


def _cleaned(output, without: Callable[[str], str]):
    """An output as it is kept, or None. The text of streams is left for later."""
    if output.output_type == "stream":
        return output if output.name == "stdout" else None
    if output.output_type == "error":
        output.evalue, output.traceback = without(output.evalue), [without(line) for line in output.traceback]
        return output
    widget = [kind for kind in output.data if kind.startswith(WIDGET)]
    if widget and PROGRESS.match(output.data.get("text/plain", "")):
        return None
    for kind in widget:
        del output.data[kind]
    for kind in TEXTS:
        if kind in output.data:
            output.data[kind] = _html(output.data[kind], without) if kind == "text/html" else without(output.data[kind])
    for kind, said in output.metadata.items():
        if isinstance(said, dict) and "alt" in said:
            output.metadata[kind]["alt"] = without(said["alt"])
    _lighten(output)
    return output if output.data else None


def _lighten(output) -> None:
    """Replace a large PNG by a JPEG of the same size in pixels: photos shrink to half."""
    from PIL import Image

    data = base64.b64decode(output.data.get("image/png", ""))
    if len(data) > LARGE_PICTURE:
        jpeg = io.BytesIO()
        Image.open(io.BytesIO(data)).convert("RGB").save(jpeg, "jpeg", comment="generated by gritlib", **JPEG)
        del output.data["image/png"]
        output.data["image/jpeg"] = base64.b64encode(jpeg.getvalue()).decode()
        output.metadata["image/jpeg"] = output.metadata.pop("image/png", {})


def _html(text: str, without: Callable[[str], str]) -> str:
    """Only what is read is cleaned: "transition: 0.3s" in a style is no measured time."""
    pieces = re.split(r"(<style.*?</style>|<script.*?</script>|<[^>]*>)", text, flags=re.DOTALL | re.IGNORECASE)
    return "".join(piece if i % 2 else without(piece) for i, piece in enumerate(pieces))

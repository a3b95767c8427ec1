"""Modules from texts: a box has no gritlib, only the files that are sent to it. Runs in the box, before all else."""

import importlib.abc
import importlib.util
import sys


class Served(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules whose texts it has, and the packages above them. Such a package is empty, but hands on what a
    module below it defines: `from gritlib.nets import Output` works when only the file with Output is here."""

    def __init__(self, texts: dict[str, str]):
        self.texts = texts

    def find_spec(self, name, path=None, target=None):
        package = any(text.startswith(name + ".") for text in self.texts)
        if name in self.texts or package:
            return importlib.util.spec_from_loader(
                name, self, is_package=package, origin=f"{name.replace('.', '/')}.py"
            )
        if name.split(".")[0] == "gritlib":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        name, file = module.__name__, module.__spec__.origin
        module.__file__ = file
        if name in self.texts:
            exec(compile(self.texts[name], file, "exec"), module.__dict__)
            return

        def first_below(attribute):
            for below in self.texts:
                if below.startswith(name + ".") and not attribute.startswith("__"):
                    found = getattr(importlib.import_module(below), attribute, self)
                    if found is not self:
                        return found
            raise AttributeError(f"module {name!r} has no attribute {attribute!r} here")

        module.__getattr__ = first_below


def serve(texts: dict[str, str]) -> None:
    """From now on gritlib is what these texts define, and nothing else."""
    for name in [name for name in sys.modules if name.split(".")[0] == "gritlib"]:
        del sys.modules[name]
    sys.meta_path[:] = [Served(texts), *(finder for finder in sys.meta_path if not isinstance(finder, Served))]

"""The user's own modules, for machines that do not have them: collected here, importable there."""

import linecache
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import decode_source, spec_from_loader
from pathlib import Path
from types import FunctionType, ModuleType

from gradproof.scenarios.fingerprint import is_installed


@dataclass(frozen=True)
class UserModules:
    """Modules by their names and texts of files by their paths.

    Attributes:
        files: by module its file, which is empty for a folder without one (a namespace package).
        packages: the modules that are packages.
        texts: by file what it holds, in bytes; also of files that are no module, whose lines are quoted.
    """

    files: Mapping[str, str]
    packages: frozenset[str]
    texts: Mapping[str, bytes]

    @classmethod
    def loaded(cls, functions: Sequence[object] = ()) -> "UserModules":
        """Collect all that are imported in this process, and the files of functions.

        Left out are modules of installed packages and Python's own, the main module, whose functions are sent
        as they are, and packages with compiled modules: no text of theirs would do.
        """
        found = {
            name: file
            for name, module in [*sys.modules.items()]
            if name not in {"__main__", "__mp_main__"} and (file := users_file(module))
        }
        compiled = {_top(name) for name, file in found.items() if not file.endswith(".py")}
        files = {name: file for name, file in found.items() if _top(name) not in compiled}
        parents = {
            name.rpartition(".")[0] for name in files if name.rpartition(".")[0] in sys.modules.keys() - files
        }
        files |= dict.fromkeys(parents, "")
        own = {each.__code__.co_filename for each in functions if isinstance(each, FunctionType)}
        texts = {file: Path(file).read_bytes() for file in {*files.values(), *own} if Path(file).is_file()}
        packages = frozenset(name for name in files if hasattr(sys.modules[name], "__path__"))
        return cls(files, packages, texts)

    @contextmanager
    def importable(self) -> Iterator[None]:
        """Let them be imported in this process, before others of their names, and their lines be quoted."""
        finder = _Finder(self)
        for file, text in self.texts.items():
            lines = decode_source(text).splitlines(keepends=True)
            linecache.cache[file] = (len(text), None, lines, file)
        sys.meta_path.insert(0, finder)
        try:
            yield
        finally:
            sys.meta_path.remove(finder)


class _Finder(MetaPathFinder):
    def __init__(self, modules: UserModules) -> None:
        self._modules = modules

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        del path, target
        if fullname not in self._modules.files:
            return None
        return spec_from_loader(fullname, _Loader(self._modules))


class _Loader(ExecutionLoader):
    def __init__(self, modules: UserModules) -> None:
        self._modules = modules

    def get_filename(self, fullname: str) -> str:
        return self._modules.files[fullname]

    def get_source(self, fullname: str) -> str:
        return decode_source(self._modules.texts.get(self._modules.files[fullname], b""))

    def is_package(self, fullname: str) -> bool:
        return fullname in self._modules.packages


def users_file(module: ModuleType) -> str:
    """Give the file of a module of the user's own; empty for all others."""
    file = getattr(module, "__file__", None) or ""
    return file if file and not is_installed(file) and Path(file).is_file() else ""


def _top(name: str) -> str:
    return name.partition(".")[0]

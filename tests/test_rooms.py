"""Which room may import which: data flow one way, from the reference to the report. Nothing has two names."""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import gradproof

PACKAGE = Path(gradproof.__file__).parent

OPEN = ("gradproof.errors", "gradproof.files", "gradproof.inputs", "gradproof.texts")
# Every room may import itself and what is open to all. What else, as prefixes of modules:
ALLOWED = {
    "reference": (),
    "scenarios": ("gradproof.reference",),
    "models": ("gradproof.reference", "gradproof.scenarios"),
    "backends": ("gradproof.reference", "gradproof.scenarios", "gradproof.models"),
    # Of the backends their records and the frameworks' arrays alone, and no backend.
    "verdicts": (
        "gradproof.reference",
        "gradproof.scenarios",
        "gradproof.backends.arrays",
        "gradproof.backends.framework",
        "gradproof.backends.loading",
        "gradproof.backends.protocol",
    ),
    # What was judged: records, verdicts and the drift between records, but none of the judging.
    "reporting": (
        "gradproof.scenarios.scenario",
        "gradproof.verdicts.numerals",
        "gradproof.verdicts.printing",
        "gradproof.verdicts.records",
        "gradproof.verdicts.tolerances",
        "gradproof.verdicts.trajectories",
        "gradproof.verdicts.verdict",
    ),
    "running": (
        "gradproof.reference",
        "gradproof.scenarios",
        "gradproof.backends",
        "gradproof.verdicts",
        "gradproof.reporting.environment",
    ),
    "plugin": ("gradproof",),
    "commands": ("gradproof",),
}
FRAMEWORKS = ("torch", "jax", "jaxlib", "array_api_compat", "autograd", "mlx", "tensorflow", "keras", "optax")
MAY_IMPORT_FRAMEWORKS = {
    f"backends/{path.name}"
    for path in PACKAGE.glob("backends/*_backend.py")
    if path.name != "reference_backend.py"
} | {
    f"{room}/{path.name}"
    for room in ("backends", "models")
    for name in ("torch", "jax")
    for path in PACKAGE.glob(f"{room}/{name}_*.py")
}


def imported(source: str) -> Iterator[tuple[int, str]]:
    """The line and the module of every import, wherever it stands: in functions and for type checkers too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield node.lineno, "a relative import"
            elif node.module == "gradproof":
                for alias in node.names:
                    yield node.lineno, f"gradproof.{alias.name}"
            else:
                yield node.lineno, str(node.module)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Lazy":
            yield node.lineno, ast.literal_eval(node.args[0])


def within(module: str, prefixes: tuple[str, ...]) -> bool:
    return any(module == prefix or module.startswith(f"{prefix}.") for prefix in prefixes)


def violations(room: str, file: str, source: str) -> list[str]:
    """What a file of a room imports and may not."""
    found = []
    allowed = (f"gradproof.{room}", *OPEN, *ALLOWED[room])
    for line, module in imported(source):
        foreign = within(module, ("gradproof",)) and not within(module, allowed)
        framework = within(module, FRAMEWORKS) and file not in MAY_IMPORT_FRAMEWORKS
        if foreign or framework or module == "a relative import":
            found.append(f"{file}:{line} imports {module}")
    return found


def files_of(room: str) -> dict[str, str]:
    paths = sorted((PACKAGE / room).rglob("*.py"))
    return {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in paths}


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    files = files_of(room)
    assert files
    assert [line for file, source in files.items() for line in violations(room, file, source)] == []


def test_every_folder_of_the_package_is_a_room() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(ALLOWED)


def test_only_backends_of_a_framework_import_it() -> None:
    for path in PACKAGE.glob("*.py"):
        modules = [module for _, module in imported(path.read_text(encoding="utf-8"))]
        assert not any(within(module, FRAMEWORKS) for module in modules), path.name
    for file in MAY_IMPORT_FRAMEWORKS:
        assert any(within(module, FRAMEWORKS) for _, module in imported((PACKAGE / file).read_text("utf-8")))


# -------------------------------------------------------------------- no circles, no name twice

MAY_REPEAT = {"__init__.py", "system.py", "claims.py"}  # the last two once for each document


def modules() -> dict[str, Path]:
    """Every module of the package by its name."""
    names = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def arrows(sources: dict[str, str]) -> dict[str, set[str]]:
    """Which modules each one imports: for type checkers and within functions, too."""
    found: dict[str, set[str]] = {}
    for name, source in sources.items():
        found[name] = set()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                of_it = [f"{node.module}.{alias.name}" for alias in node.names]
                targets = [each if each in sources else str(node.module) for each in of_it]
            else:
                continue
            found[name].update(target for target in targets if target in sources and target != name)
    return found


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Modules that import one another, some way round; each circle by its names."""
    try:
        tuple(TopologicalSorter(arrows).static_order())
    except CycleError as error:
        return [error.args[1]]
    return []


def repeated(names: Iterable[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)


def test_no_modules_import_one_another() -> None:
    sources = {name: path.read_text("utf-8") for name, path in modules().items()}
    found = arrows(sources)
    assert sum(map(len, found.values())) > len(found)  # arrows are seen at all
    assert circles(found) == []


def test_no_file_and_no_class_has_the_name_of_another() -> None:
    paths = list(modules().values())
    assert repeated(path.name for path in paths if path.name not in MAY_REPEAT) == []
    trees = [ast.parse(path.read_text("utf-8")) for path in paths]
    classes = [node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    assert repeated(classes) == []


@pytest.mark.parametrize(
    "source",
    [
        "import p.a",
        "from p.a import x",
        "from p import a",
        "def f():\n    from p.a import x",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import p.a",
    ],
)
def test_a_planted_circle_is_seen(source: str) -> None:
    sources = {"p": "", "p.a": "import p.b", "p.b": "import p.c", "p.c": source}
    (circle,) = circles(arrows(sources))
    assert set(circle) == {"p.a", "p.b", "p.c"}
    assert circles(arrows({**sources, "p.c": "import numpy"})) == []


def test_a_planted_name_is_seen() -> None:
    assert repeated(["columns.py", "tables.py", "columns.py"]) == ["columns.py"]


# -------------------------------------------------------------------- the checks themselves

PLANTED = {
    "another room": ("reference", "from gradproof.scenarios import Scenario", "gradproof.scenarios"),
    "a room downstream": (
        "backends",
        "import gradproof.verdicts.judging.proof",
        "gradproof.verdicts.judging.proof",
    ),
    "a room by its package": ("scenarios", "from gradproof import backends", "gradproof.backends"),
    "the front door": ("verdicts", "from gradproof import verify", "gradproof.verify"),
    "the whole package": ("reference", "import gradproof", "imports gradproof"),
    "a module of an allowed room's neighbour": (
        "verdicts",
        "from gradproof.backends.torch_backend import TorchBackend",
        "gradproof.backends.torch_backend",
    ),
    "the judging": (
        "reporting",
        "from gradproof.verdicts.judging.judge import judge",
        "gradproof.verdicts.judging",
    ),
    "inside a function": ("reference", "def f():\n    import gradproof.reporting.report", "reporting.report"),
    "for type checkers": (
        "reference",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from gradproof.backends import Run",
        "gradproof.backends",
    ),
    "a relative one": ("scenarios", "from ..backends import Run", "a relative import"),
    "a framework": ("reference", "import torch.nn", "torch.nn"),
    "a framework that is imported lazily": ("verdicts", "x = Lazy('torch.nn')", "torch.nn"),
    "a framework in a front of a backend": ("backends", "from jax import numpy", "jax"),
}


@pytest.mark.parametrize(("room", "source", "culprit"), PLANTED.values(), ids=PLANTED)
def test_a_planted_violation_is_seen(room: str, source: str, culprit: str) -> None:
    (found,) = violations(room, f"{room}/planted.py", source)
    assert culprit in found


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("reference", "from gradproof.errors import InputError"),
        ("reference", "from gradproof.reference.tape import Tape\nimport numpy"),
        ("verdicts", "from gradproof.backends.protocol import Run"),
        ("reporting", "import gradproofs_neighbour"),
    ],
)
def test_what_is_allowed_is_not_seen_as_a_violation(room: str, source: str) -> None:
    assert violations(room, f"{room}/planted.py", source) == []

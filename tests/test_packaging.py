"""What is packed, that it runs where nothing else is installed, and that the lower bounds are true."""

import ast
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What a command prints; the test fails with all of it unless it ends with 0."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**kept, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist, and the wheel that is made of it and of nothing else."""
    folder = tmp_path_factory.mktemp("archives")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


def package_files() -> set[str]:
    """All files of the package, as they lie in the tree."""
    files = (path for path in (ROOT / "gradproof").rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}


def test_the_source_archive_holds_the_whole_package_once_and_the_tests(archives: tuple[Path, Path]) -> None:
    with tarfile.open(archives[0]) as archive:
        members = archive.getmembers()
    names = {member.name.partition("/")[2] for member in members}
    assert {name for name in names if name.startswith("gradproof/")} == package_files()
    assert {
        "tests/conftest.py",
        "examples/attention.py",
        "docs/reference/formats.md",
        "LICENSE",
        "README.md",
    } <= names
    assert not [member.name for member in members if member.issym() or member.islnk()]
    assert {name.partition("/")[0] for name in names if "/" in name} == {
        "benchmarks", "completions", "docs", "examples", "gradproof", "reports", "tests",
    }  # fmt: skip


def test_the_wheel_that_is_made_of_it_holds_the_whole_package_and_nothing_else(
    archives: tuple[Path, Path],
) -> None:
    with zipfile.ZipFile(archives[1]) as wheel:
        names = set(wheel.namelist())
        (entry_points,) = (wheel.read(name).decode() for name in names if name.endswith("entry_points.txt"))
    shared = {name for name in names if ".data/data/share/" in name}
    assert {Path(name).name for name in shared} == {"gradproof", "_gradproof", "gradproof.fish"}
    assert {name for name in names if ".dist-info/" not in name} - shared == package_files()
    assert "gradproof = gradproof.cli:main" in entry_points
    assert "[pytest11]" in entry_points


def test_the_wheels_files_alone_verify_a_system(archives: tuple[Path, Path], tmp_path: Path) -> None:
    """With the dependencies that are installed, but before the tree's own package."""
    with zipfile.ZipFile(archives[1]) as wheel:
        wheel.extractall(tmp_path / "installed")  # noqa: S202 - it was just made here
    where = "import gradproof; print(gradproof.__file__)"
    inside = {"PYTHONPATH": str(tmp_path / "installed")}
    assert str(tmp_path) in run(sys.executable, "-P", "-c", where, cwd=tmp_path, **inside)
    verify = ("-m", "gradproof", "verify", "line_fit", "--backends", "reference", "--jobs", "1")
    told = run(sys.executable, "-P", *verify, "--formats", "csv", cwd=tmp_path, **inside)
    assert "Everything that was checked agrees" in told


def made_environment(folder: Path) -> Path:
    """The Python of a new, empty environment."""
    venv.create(folder, with_pip=True)
    return folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"


@pytest.mark.slow
def test_a_wheel_without_extras_verifies_a_system_in_an_empty_environment(
    archives: tuple[Path, Path], tmp_path: Path
) -> None:
    python = made_environment(tmp_path / "environment")
    run(python, "-m", "pip", "install", "--quiet", archives[1], cwd=tmp_path)
    told = run(python, "-m", "gradproof", "verify", "line_fit", cwd=tmp_path)
    assert "Everything that was checked agrees" in told
    assert "gradproof[torch]" in told
    assert "EQUAL" in run(
        python, "-m", "gradproof", "check", ROOT / "examples/softmax_classifier.py", cwd=tmp_path
    )
    assert "line_fit" in run(python, "-m", "gradproof", "list", cwd=tmp_path)


# -------------------------------------------------------------------- lower bounds


def lowest(requirements: list[str]) -> list[str]:
    """Each requirement at the lower bound that it states."""
    return [requirement.replace(">=", "==") for requirement in requirements]


ALL = [*PROJECT["dependencies"], *(r for rs in PROJECT["optional-dependencies"].values() for r in rs)]


@pytest.mark.parametrize("requirement", [entry for entry in ALL if not entry.startswith("gradproof[")])
def test_every_requirement_states_a_lower_bound_and_no_upper_one(requirement: str) -> None:
    assert re.fullmatch(r"[\w-]+(\[\w+\])?>=[\d.]+", requirement)


BESIDE = ["hypothesis", "jsonschema", "lxml", "mpmath", "pytest", "pytest-xdist", "pyyaml", "scipy", "sympy"]
"""What the tests need beside the requirements."""


NOT_REQUIRED = {
    *sys.stdlib_module_names,
    *("gradproof", "benchmarks", "toygrid"),
    *("markdown_it", "markupsafe"),  # of rich and of jinja2, which hand out their objects
    *(
        name
        for folder in ("tests", "docs")
        for path in (ROOT / folder).rglob("*.py")
        for name in (path.stem, path.parent.name)
    ),
}
"""Modules that no package of its own is required for."""


def test_what_contributors_run_is_required() -> None:
    """Whatever tests and tools import is a requirement, or in a group."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    required = {re.split(r"[>=\[]", entry)[0] for entry in (*ALL, *chain(*groups.values()))}
    folders = ("tests", "docs", "benchmarks", "examples", "gradproof")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    imported = set().union(*(imports(ast.parse(path.read_text(encoding="utf-8"))) for path in files))
    found = packages_distributions()
    lacking = {
        module
        for module in imported - NOT_REQUIRED
        if required.isdisjoint(name.lower().replace("_", "-") for name in (module, *found.get(module, ())))
    }
    assert lacking == set()


def imports(tree: ast.Module) -> set[str]:
    """The top-level modules that a file imports."""
    nodes = list(ast.walk(tree))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    origins = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in plain | origins}


@pytest.mark.slow
def test_the_lower_bounds_can_be_installed_together_and_work(
    archives: tuple[Path, Path], tmp_path: Path
) -> None:
    """All requirements at their lower bounds, but PyTorch at the version that is pinned for development.

    PyPI's wheels of old versions of PyTorch bring 5 GB of CUDA along.
    """
    python = made_environment(tmp_path / "environment")
    extras = PROJECT["optional-dependencies"]
    pinned = re.search(r"^torch==\S+", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE)
    assert pinned is not None
    chosen = ("torch", "optax", "autograd", "report")
    versions = lowest([*PROJECT["dependencies"], *(each for extra in chosen for each in extras[extra])])
    chosen = [pinned[0] if entry.startswith("torch==") else entry for entry in versions]
    run(python, "-m", "pip", "install", "--quiet", *chosen, *BESIDE, cwd=tmp_path)
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", archives[1], cwd=tmp_path)
    assert run(python, "-m", "pip", "check", cwd=tmp_path)
    # The tests of the source archive: the tree's own package must not be found beside them.
    with tarfile.open(archives[0]) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.glob("gradproof-*")
    (source / "gradproof").rename(source / "package_that_was_packed")
    parts = ("backends", "scenarios", "claims", "reporting/test_frames.py", "reporting/test_tables.py")
    parts += ("reporting/test_error_figures.py", "reporting/page/test_page.py", "reporting/formats")
    parts += ("checking/test_frameworks.py", "test_plugin.py", "reporting/test_comparison_plugin.py")
    tests = [f"tests/{part}" for part in parts]
    told = run(python, "-m", "pytest", "-q", "-x", "-n", "2", "-p", "no:cacheprovider", *tests, cwd=source)
    assert " passed" in told

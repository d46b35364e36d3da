"""Finding backends by name: gradproof's own, third parties', and those that cannot be used."""

import importlib.abc
import inspect
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from gradproof import verify
from gradproof.backends import Backend, backend_names, default_backends, load_backend, loading
from gradproof.backends.framework import Lazy
from gradproof.errors import BackendUnavailableError, InputError

MINE = """
class Mine:
    name = "mine"
    variants = ("plain",)
    dtypes = ("float64",)
    step_limits = {}

    def versions(self):
        return {"mine": "1"}

    def run(self, scenario, *, dtype, variant):
        raise NotImplementedError


class Partial:
    name = "partial"
    variants = ("plain",)
    dtypes = ("float64",)

    def run(self, scenario, *, dtype, variant):
        raise NotImplementedError


class Empty(Mine):
    variants = ()


class Formless(Mine):
    dtypes = ()
"""

Register = Callable[..., None]


@pytest.fixture
def register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Register:
    """Register backends as the entry points of installed packages would, from a module of this test's."""
    (tmp_path / "a_third_party.py").write_text(MINE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "a_third_party", raising=False)

    def registering(*entries: tuple[str, str]) -> None:
        points = tuple(EntryPoint(name, value, loading.GROUP) for name, value in entries)

        def entry_points(*, group: str) -> Sequence[EntryPoint]:
            assert group == "gradproof.backends"
            return points

        monkeypatch.setattr(loading, "entry_points", entry_points)

    return registering


def test_own_backends_come_first_and_third_parties_after_them_by_name(register: Register) -> None:
    own = backend_names()
    assert own[:3] == ("reference", "torch", "jax")
    assert own[3:] == tuple(sorted(own[3:]))
    register(("zeta", "a_third_party:Mine"), ("mine", "a_third_party:Mine"))
    assert backend_names() == (*own, "mine", "zeta")


@pytest.mark.parametrize(("kind", "what"), [("Empty", "variants"), ("Formless", "dtypes")])
def test_one_without_variants_or_dtypes_is_told_and_not_left_out(
    register: Register, kind: str, what: str
) -> None:
    register(("mine", f"a_third_party:{kind}"))
    report = verify("line_fit", ["mine", "reference"], ["float64"], limits=None)
    assert not report.ok
    assert report.runs.set_index("backend").loc["mine", "status"] == "failed"
    with pytest.raises(BackendUnavailableError, match=f"has no {what}"):
        loading.describe_backend("mine")


def test_a_module_that_is_imported_when_it_is_used_is_not_imported_by_a_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "this", raising=False)
    lazy = Lazy("this")
    assert inspect.unwrap(lazy) is lazy  # type: ignore[arg-type]
    assert "this" not in sys.modules


def test_the_usual_ones_and_what_is_installed_run_where_none_is_named(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the usual ones is told that they are missing; of all others that there are, nobody wants to know."""
    monkeypatch.setattr(loading, "find_spec", lambda name: True if name in {"autograd", "scipy"} else None)
    register(("mine", "a_third_party:Mine"))
    assert default_backends() == ("reference", "torch", "jax", "autograd", "mine")
    monkeypatch.setattr(loading, "find_spec", lambda _: None)
    assert default_backends() == ("reference", "torch", "jax", "mine")


def test_what_is_installed_and_removed_meanwhile_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def install(name: str) -> Path:
        folder = tmp_path / f"{name}-1.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n", encoding="utf-8"
        )
        (folder / "entry_points.txt").write_text(
            f"[{loading.GROUP}]\n{name} = {name}:Mine\n", encoding="utf-8"
        )
        return folder

    before = backend_names()
    install("alpha")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert backend_names() == (*before, "alpha")
    beta = install("beta")
    assert backend_names() == (*before, "alpha", "beta")
    shutil.rmtree(beta)
    assert backend_names() == (*before, "alpha")


@pytest.mark.parametrize(
    ("packages", "told"), [({"jax": ["jax-nightly"]}, "(jax 9.9)"), ({}, "(jax)")], ids=["another", "none"]
)
def test_a_library_whose_package_has_another_name_is_installed(
    packages: dict[str, list[str]], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        if name == "jax":
            raise PackageNotFoundError(name)
        return "9.9"

    monkeypatch.setattr(loading, "version", version)
    monkeypatch.setattr(loading, "packages_distributions", lambda: packages)
    monkeypatch.setattr(loading, "find_spec", lambda _: True)
    assert told in dict(loading.describe_backends())["jax"]


@pytest.mark.parametrize(
    ("name", "near"), [("troch", "torch"), ("Jax", "jax"), ("ref", "reference"), ("?", "")]
)
def test_an_unknown_name_is_told_with_the_nearest(name: str, near: str) -> None:
    with pytest.raises(InputError) as caught:
        load_backend(name)
    message = str(caught.value)
    assert repr(name) in message
    assert f"Did you mean {near!r}" in message or not near
    assert all(known in message for known in ("reference", "torch", "jax"))


def test_a_third_partys_backend_is_found_by_its_entry_point(register: Register) -> None:
    register(("mine", "a_third_party:Mine"))
    backend = load_backend("mine")
    assert isinstance(backend, Backend)
    assert backend.versions() == {"mine": "1"}
    with pytest.raises(InputError, match="Did you mean 'mine'"):
        load_backend("mime")


def test_naming_backends_imports_no_third_party(register: Register) -> None:
    register(("mine", "a_third_party:Mine"))
    backend_names()
    load_backend("reference")
    assert "a_third_party" not in sys.modules


def test_a_third_party_may_not_take_a_name_of_gradproofs(register: Register) -> None:
    register(("torch", "a_third_party:Mine"))
    for look_up in (backend_names, lambda: load_backend("reference")):
        with pytest.raises(InputError, match=r"a_third_party:Mine.*'torch'.*another name"):
            look_up()


def test_two_third_parties_may_not_take_one_name(register: Register) -> None:
    """Which of them ran would depend on the order in which they were installed."""
    register(("mine", "a_third_party:Mine"), ("mine", "another_party:Mine"))
    with pytest.raises(InputError, match=r"(?s)a_third_party:Mine.*another_party:Mine.*'mine'.*another name"):
        load_backend("mine")


def test_a_class_that_lacks_part_of_the_protocol_is_refused(register: Register) -> None:
    register(("partial", "a_third_party:Partial"))
    with pytest.raises(InputError, match=r"'partial' \(Partial\) lacks.*versions\(\)"):
        load_backend("partial")


@pytest.mark.parametrize("value", ["no_such_module:Mine", "a_third_party:NoSuchClass"])
def test_a_third_party_that_does_not_import_is_unavailable(register: Register, value: str) -> None:
    register(("mine", value))
    with pytest.raises(
        BackendUnavailableError, match=r"'mine' cannot be used: .*(no_such_module|NoSuchClass)"
    ):
        load_backend("mine")


def forget(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the next load_backend import the backend's module, and so its framework, anew."""
    monkeypatch.delitem(sys.modules, f"gradproof.backends.{name}_backend", raising=False)


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_a_framework_that_is_not_installed_makes_its_backend_unavailable(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget(name, monkeypatch)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        BackendUnavailableError, match=rf"'{name}'.*pip install 'gradproof\[{name}\]'"
    ) as caught:
        load_backend(name)
    assert isinstance(caught.value, ImportError)
    assert name in backend_names()
    assert load_backend("reference").name == "reference"


class Broken(importlib.abc.MetaPathFinder):
    """Lets an import fail as a broken installation does."""

    def __init__(self, name: str, error: Exception) -> None:
        self.name, self.error = name, error

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        del path, target
        if fullname == self.name:
            raise self.error


@pytest.mark.parametrize("name", ["torch", "jax"])
@pytest.mark.parametrize(
    "error",
    [
        ImportError("lib.so.12: undefined symbol"),
        OSError("lib.so.12: cannot open shared object file"),
        RuntimeError("version 2 is incompatible with version 1"),
        AttributeError("module 'numpy' has no attribute 'float'"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_framework_that_does_not_import_makes_its_backend_unavailable(
    name: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shared library that is missing and versions that do not match do not end in an ImportError."""
    forget(name, monkeypatch)
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(name, error), *sys.meta_path])
    with pytest.raises(BackendUnavailableError) as caught:
        load_backend(name)
    assert str(error) in str(caught.value)
    assert caught.value.__cause__ is error


HEAVY = ("torch", "jax", "pandas", "flint", "numpy", "loky", "optree", "rich")
LISTING = f"import sys; print('loaded:', *(m for m in {HEAVY!r} if m in sys.modules))"

LIGHT = {
    "import gradproof": ("-c", f"import gradproof; dir(gradproof); {LISTING}"),
    "its exceptions": ("-c", f"from gradproof import InputError; {LISTING}"),
    "gradproof --help": (
        "-c",
        "import contextlib\n"
        "from gradproof.cli import main\n"
        "with contextlib.suppress(SystemExit):\n    main(['--help'])\n" + LISTING,
    ),
    "gradproof verify --help": (
        "-c",
        "import contextlib\n"
        "from gradproof.cli import main\n"
        "with contextlib.suppress(SystemExit):\n    main(['verify', '--help'])\n" + LISTING,
    ),
    "the pytest plugin": ("-c", f"import pytest, gradproof.plugin.hooks; {LISTING}"),
}


def loaded_by(*arguments: str) -> list[str]:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("loaded:"))
    return line.split()[1:]


@pytest.mark.parametrize("arguments", LIGHT.values(), ids=LIGHT)
def test_what_is_not_used_is_not_imported(arguments: tuple[str, ...]) -> None:
    assert loaded_by(*arguments) == []


def test_the_list_of_backends_imports_no_framework() -> None:
    """What is installed is known from metadata."""
    done = loaded_by("-c", f"from gradproof.cli import main; main(['list']); {LISTING}")
    assert not {"torch", "jax", "pandas"} & set(done)


def test_the_check_sees_what_is_imported() -> None:
    assert "numpy" in loaded_by("-c", f"import gradproof.scenarios; {LISTING}")


def test_loading_a_backend_imports_its_framework_and_no_other() -> None:
    done = loaded_by(
        "-c", f"from gradproof.backends import load_backend; load_backend('reference'); {LISTING}"
    )
    assert not {"torch", "jax", "pandas"} & set(done)


def test_a_framework_that_is_there_and_does_not_import_is_to_be_installed_anew(monkeypatch):
    def broken(_name):
        raise DeprecationWarning("What it imports is gone.")

    monkeypatch.setattr(loading, "import_module", broken)
    told = (
        "Backend 'jax' cannot be used: DeprecationWarning: What it imports is gone. It is there and does not "
        "import: install it anew with `pip install -U 'gradproof[jax]'`."
    )
    with pytest.raises(BackendUnavailableError, match=f"^{re.escape(told)}$"):
        load_backend("jax")

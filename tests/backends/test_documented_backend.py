"""The backend that docs/backends.md explains has 40 lines, and works as is said there."""

import re
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import gradproof as gp
from gradproof.backends import backend_names, describe_backend, is_own, loading

PAGE = (Path(__file__).parents[2] / "docs/backends.md").read_text("utf-8")
(CODE,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def _installed(tmp_path, monkeypatch):
    (tmp_path / "documented_backend.py").write_text(CODE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    entry = EntryPoint("complex_step", "documented_backend:ComplexStep", loading.GROUP)
    monkeypatch.setattr(loading, "entry_points", lambda *, group: (entry,) if group == loading.GROUP else ())
    yield
    sys.modules.pop("documented_backend", None)


def test_it_has_40_lines():
    assert len([line for line in CODE.partition("class ")[2].splitlines() if line.strip()]) <= 40


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize("scenario", ["line_fit", "line_fit_minibatch"])
def test_it_is_right(scenario):
    report = gp.verify(scenario, "complex_step", limits=None)
    assert report.ok
    assert set(report.runs["status"]) == {"run"}
    assert set(report.runs["steps"]) == {50}


@pytest.mark.usefixtures("_installed")
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_and_wrong_where_a_modulus_is_taken():
    report = gp.verify("neuron_chain", "complex_step", "float64", limits=None)
    assert set(report.runs["status"]) == {"run"}
    assert not report.ok


@pytest.mark.parametrize("name", [name for name in backend_names() if is_own(name)])
def test_the_table_has_every_backend_with_its_variants(name):
    (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
    assert f"gradproof[{name}]" in row or name == "reference"
    try:
        found = describe_backend(name)
    except gp.BackendUnavailableError as error:
        pytest.skip(str(error))
    usual, optional = (
        ", ".join(f"`{variant}`" for variant in variants)
        for variants in (found.variants, found.optional_variants)
    )
    assert row.split("|")[3].strip() == usual + (f"; where they are named {optional}" if optional else "")

"""The backend of docs/howto/backend.md has 40 lines and works; docs/reference/backends.md has all others."""

import sys
from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest
from pages import DOCS, of_page

import gradproof as gp
from gradproof.backends import backend_names, describe_backend, is_own, loading
from gradproof.scenarios import line_fit

PAGE = (DOCS / "reference" / "backends.md").read_text("utf-8")
(CODE,) = (block.text for block in of_page("howto/backend.md") if block.file)


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
@pytest.mark.parametrize(("scenario", "steps"), [("line_fit", {118, 116}), ("line_fit_minibatch", {400})])
def test_it_is_right(scenario, steps):
    report = gp.verify(scenario, "complex_step", limits=None)
    assert report.ok
    assert set(report.runs["status"]) == {"run"}
    assert set(report.runs["verdict"]) == {"AGREES"}
    assert set(report.runs["steps"]) == steps
    assert set(report.runs["stopped"]) == {scenario == "line_fit"}


def trained(training, **changes):
    return replace(line_fit(), training=replace(training, **changes), claims=(), origin="")


@pytest.mark.usefixtures("_installed")
def test_it_follows_a_schedule():
    training = gp.GradientDescent(learning_rate=0.01, steps=20, schedule=gp.StepDecay(5, 0.5))
    report = gp.verify(trained(training), "complex_step", limits=None)
    assert set(report.runs["verdict"]) == {"AGREES"}
    assert set(report.states["parameter"]) == {"learning_rate"}
    plain = gp.verify(trained(training, schedule=None), "complex_step", limits=None)
    assert (report.runs["final_loss"] != plain.runs["final_loss"]).all()


@pytest.mark.usefixtures("_installed")
def test_a_scenario_without_training_has_one_gradient():
    report = gp.verify(replace(line_fit(), training=None, claims=(), origin=""), "complex_step", limits=None)
    assert set(report.runs["verdict"]) == {"AGREES"}
    assert len(report.updates) == 0


@pytest.mark.usefixtures("_installed")
def test_what_it_does_not_train_by_is_told_as_not_run():
    training = gp.GradientDescent(learning_rate=0.01, steps=20, optimizer=gp.Adam())
    report = gp.verify(trained(training), "complex_step", "float64", limits=None)
    assert report.runs["status"].tolist() == ["not run"]
    assert report.runs["reason"].tolist() == ["It makes no Adam(). Leave complex_step out."]


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

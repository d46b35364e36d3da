"""The pytest plugin, run as users run it: in a session of its own.

Sessions run in this process, whose imports they share; those that start processes or watch imports run apart.
"""

import contextlib
import tempfile
from typing import Any

import pandas as pd
import pandas.core.arrays.arrow.extension_types
import pytest

import gradproof.plugin.run_cases  # noqa: F401 - so that no session in this process imports it anew
from gradproof.backends import backend_names, default_backends, load_backend
from gradproof.backends.reference_backend import ReferenceBackend
from gradproof.errors import BackendUnavailableError
from gradproof.reporting.formats import report_formats
from gradproof.scenarios import CATALOGUE

# A session in this process drops what it imported first, and frameworks do not survive being imported twice.
for name in backend_names():
    with contextlib.suppress(BackendUnavailableError):
        load_backend(name)

SUBJECT = ["scenario", "backend", "variant", "dtype"]

AGREE = """
from gradproof.pytest_cases import assert_agrees

def test_agrees(gradproof_outcome):
    assert_agrees(gradproof_outcome)
"""

SCENARIOS = """
import numpy as np
import pytest
import gradproof as gp
from gradproof.pytest_cases import assert_agrees


def make(name, factor=2.0, loss=None):
    return gp.Scenario(
        name=name,
        loss=loss or (lambda xp, p, b: xp.sum((p["w"] * b["x"] - b["y"]) ** 2)),
        gradient=lambda p, b: {"w": np.sum(factor * (p["w"] * b["x"] - b["y"]) * b["x"])},
        params={"w": np.array(0.75)},
        batch={"x": np.array([1.0, 2.0]), "y": np.array([0.5, 0.25])},
        training=gp.GradientDescent(learning_rate=0.05, steps=3),
        provenance=(gp.Provenance("x, y", "given", f"the text of {name}"),),
    )
"""

TWO = (
    SCENARIOS
    + """
@pytest.mark.gradproof_scenarios(make("mine | yours/ours"), make("mine _ yours_ours"), "line_fit")
def test_mine(gradproof_outcome):
    assert_agrees(gradproof_outcome)
"""
)

# pytester puts sys.modules back afterwards.
NO_JAX = """
import sys
sys.modules.pop("gradproof.backends.jax_backend", None)
sys.modules["jax"] = None
"""

parallel = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two processes"])
rather_alone = pytest.mark.parametrize(
    "workers",
    [
        pytest.param((), id="one process"),
        pytest.param(("-n", "2"), id="two processes", marks=pytest.mark.slow),
    ],
)


class Session:
    """Runs pytest on one test file in an empty folder, with a temporary folder of its own."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        self.folder = pytester.path
        self.temporary = pytester.mkdir("temporary")
        monkeypatch.setenv("TMPDIR", str(self.temporary))
        monkeypatch.setattr(tempfile, "tempdir", str(self.temporary))
        monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(
        self,
        tests: str,
        *arguments: str,
        conftest: str = "",
        apart: bool = False,
        whole: bool = False,
        isolated: bool = False,
    ) -> pytest.RunResult:
        self.pytester.makeconftest(conftest)
        self.pytester.makepyfile(test_it=tests)
        options = ["-p", "no:cacheprovider", "--strict-markers", *arguments]
        if not whole and "--gradproof-formats" not in arguments:
            options += ["--gradproof-formats", "csv,markdown"]  # the page and its pictures take longest
        if not isolated:
            options += ["--gradproof-in-process"]  # quicker, and what a test puts in another's place is seen
        if apart:
            return self.pytester.runpytest_subprocess(*options)
        return self.pytester.runpytest_inprocess(*options)

    def frame(self, name: str, folder: str = "reports/latest") -> pd.DataFrame:
        path = self.folder / folder / f"{name}.csv"
        if not path.exists():  # a large table
            return report_formats()["parquet"].parse(name, path.with_suffix(".parquet").read_bytes())
        return pd.read_csv(path, keep_default_na=False)

    def subjects(self, folder: str = "reports/latest") -> list[tuple[str, ...]]:
        return [tuple(map(str, row)) for row in self.frame("runs", folder)[SUBJECT].to_numpy().tolist()]

    def left_behind(self) -> list[str]:
        return sorted(path.name for path in self.temporary.iterdir())


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Session:
    return Session(pytester, monkeypatch)


def collected(result: pytest.RunResult) -> list[str]:
    return [line.partition("[")[2].rstrip("]") for line in result.outlines if line.startswith("test_it.py::")]


def test_a_test_is_run_for_every_scenario_backend_variant_and_dtype(session: Session) -> None:
    expected = []
    for name in default_backends():
        try:
            variants = [f"-{variant}" for variant in load_backend(name).variants]
        except BackendUnavailableError:
            variants = [""]
        expected += [
            f"{scenario}-{name}{variant}-{dtype}"
            for scenario in CATALOGUE
            for variant in variants
            for dtype in ("float64", "float32")
        ]
    result = session.run(AGREE, "--collect-only", "-q")
    assert result.ret == 0
    assert sorted(collected(result)) == sorted(expected)


def test_options_select_backends_and_dtypes(session: Session) -> None:
    options = ("--gradproof-backends", "reference", "--gradproof-dtypes", "float32")
    result = session.run(AGREE, "--collect-only", "-q", *options)
    assert collected(result) == [f"{scenario}-reference-numpy-float32" for scenario in CATALOGUE]


ONE = '@pytest.mark.gradproof_scenarios("line_fit")'
LINE = "import pytest\n" + AGREE.replace("def test", f"{ONE}\ndef test")


def test_the_report_of_the_session_is_written(session: Session) -> None:
    result = session.run(LINE, "--gradproof-backends", "reference", whole=True)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*gradproof report: *reports/latest/index.html (and beside it *)"])
    assert session.subjects() == [("line_fit", "reference", "numpy", d) for d in ("float64", "float32")]
    assert "Everything that was checked agrees" in (session.folder / "reports/latest/summary.md").read_text()
    steps = session.frame("runs").set_index("dtype")["steps"]
    gradients = session.frame("gradients")
    assert len(gradients) == 2 * steps.sum()  # two parameters
    assert len(session.frame("updates")) == len(gradients)
    assert len(session.frame("predictions")) == 2 * 16
    assert (session.frame("provenance")["scenario"] == "line_fit").all()
    assert session.left_behind() == []


def test_the_report_goes_where_it_is_asked_for(session: Session) -> None:
    options = ("--gradproof-dtypes", "float64", "--gradproof-report", "else/where")
    session.run(LINE, "--gradproof-backends", "reference", *options).assert_outcomes(passed=1)
    assert len(session.subjects("else/where")) == 1
    assert not (session.folder / "reports").exists()


def test_a_report_that_cannot_be_written_is_told_and_fails_the_session(session: Session) -> None:
    (session.folder / "file").write_text("in the way", encoding="utf-8")
    options = ("--gradproof-dtypes", "float64", "--gradproof-report", "file/report")
    result = session.run(LINE, "--gradproof-backends", "reference", *options)
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["gradproof report: not written. *file/report* cannot be written*"])


def test_the_report_has_the_formats_that_are_asked_for(session: Session) -> None:
    options = ("--gradproof-dtypes", "float64", "--gradproof-formats", "csv, markdown")
    session.run(LINE, "--gradproof-backends", "reference", *options).assert_outcomes(passed=1)
    endings = {path.suffix for path in (session.folder / "reports/latest").iterdir()}
    assert endings == {".csv", ".md", ".json"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--gradproof-formats", "xls"), "*no report format called 'xls'*"),
        (("--gradproof-report", "."), "*is the current folder*"),
        (("--gradproof-report", "own"), "*own holds 'notes.txt', which no report wrote*"),
    ],
    ids=["an unknown format", "the current folder", "somebody's files"],
)
def test_a_report_that_will_not_be_written_is_told_before_anything_is_run(
    session: Session, options: tuple[str, ...], message: str
) -> None:
    (session.folder / "own").mkdir()
    (session.folder / "own/notes.txt").write_text("kept", encoding="utf-8")
    result = session.run(LINE, "--gradproof-backends", "reference", *options)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([message])
    assert [path.name for path in (session.folder / "own").iterdir()] == ["notes.txt"]


@rather_alone
def test_the_marker_gives_scenarios_of_ones_own(session: Session, workers: tuple[str, ...]) -> None:
    """And names whose letters differ only where a file name cannot hold them are still two scenarios."""
    result = session.run(TWO, "--gradproof-backends", "reference", "--gradproof-dtypes", "float64", *workers)
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["*gradproof report: *reports/latest/summary.md (and beside it *)"])
    names = ["mine | yours/ours", "mine _ yours_ours", "line_fit"]
    assert sorted(session.subjects()) == sorted((name, "reference", "numpy", "float64") for name in names)
    provenance = session.frame("provenance")
    told = provenance[provenance["scenario"] != "line_fit"]
    assert sorted(told["reason"]) == ["the text of mine _ yours_ours", "the text of mine | yours/ours"]
    assert (provenance["scenario"] == "line_fit").any()
    assert set(session.frame("solutions")["scenario"]) == {"line_fit"}
    assert session.left_behind() == []


def test_two_sessions_write_the_same_rows_in_the_same_order(session: Session) -> None:
    rows = []
    for _ in range(2):
        session.run(TWO, "--gradproof-backends", "reference")
        rows.append((session.subjects(), session.frame("gradients").to_csv()))
    assert rows[0] == rows[1]


def test_a_run_that_two_tests_use_is_made_and_reported_once(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[tuple[str, str]] = []
    run: Any = ReferenceBackend.run

    def counting(self: Any, scenario: Any, *, dtype: str, variant: str) -> Any:
        runs.append((scenario.name, dtype))
        return run(self, scenario, dtype=dtype, variant=variant)

    monkeypatch.setattr(ReferenceBackend, "run", counting)
    both = LINE + f"\n{ONE}\ndef test_again(gradproof_outcome):\n    assert gradproof_outcome.steps > 0\n"
    session.run(both, "--gradproof-backends", "reference").assert_outcomes(passed=4)
    assert sorted(runs) == [("line_fit", "float32"), ("line_fit", "float64")]
    assert len(session.subjects()) == 2


def test_a_missing_backend_is_skipped_with_its_reason(session: Session) -> None:
    options = ("--gradproof-backends", "reference,jax", "--gradproof-dtypes", "float64", "-rs")
    result = session.run(LINE, *options, conftest=NO_JAX)
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*'jax' cannot be used*pip install 'gradproof?jax?'*"])
    runs = session.frame("runs").set_index("backend")
    assert runs.loc["jax", "status"] == "not run"
    assert "gradproof[jax]" in runs.loc["jax", "reason"]
    assert "Everything that was checked agrees" in (session.folder / "reports/latest/summary.md").read_text()


@pytest.mark.parametrize("backends", ["reference,jax", "reference"])
def test_a_missing_backend_that_is_required_fails(session: Session, backends: str) -> None:
    options = (
        "--gradproof-backends",
        backends,
        "--gradproof-require",
        "jax",
        "--gradproof-dtypes",
        "float64",
    )
    result = session.run(LINE, *options, conftest=NO_JAX)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*gradproof?jax?*required by --gradproof-require*"])
    assert session.frame("runs").set_index("backend").loc["jax", "status"] == "failed"
    assert "Not everything agrees" in (session.folder / "reports/latest/summary.md").read_text()


def test_a_required_backend_that_is_there_is_run(session: Session) -> None:
    options = ("--gradproof-backends", "reference", "--gradproof-require", "reference")
    session.run(LINE, *options, "--gradproof-dtypes", "float64").assert_outcomes(passed=1)


def test_a_wrong_gradient_fails_with_its_entry(session: Session) -> None:
    mark = '@pytest.mark.gradproof_scenarios(make("right"), make("wrong", factor=1.0))\n'
    tests = SCENARIOS + mark + "def test_mine(gradproof_outcome):\n    assert_agrees(gradproof_outcome)\n"
    options = ("--gradproof-backends", "reference", "--gradproof-dtypes", "float64")
    result = session.run(tests, *options)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*DISAGREES: wrong reference/numpy float64, step ?, gradient of w*"])
    verdicts = session.frame("runs").set_index("scenario")["verdict"]
    assert verdicts.to_dict() == {"right": "AGREES", "wrong": "DISAGREES"}
    assert "Not everything agrees" in (session.folder / "reports/latest/summary.md").read_text()


def test_a_run_that_raises_fails_and_is_in_the_report(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report that left it out would say that everything agrees."""
    run: Any = ReferenceBackend.run

    def raising(self: Any, scenario: Any, *, dtype: str, variant: str) -> Any:
        if dtype == "float32":
            raise TypeError("no such axis")
        return run(self, scenario, dtype=dtype, variant=variant)

    monkeypatch.setattr(ReferenceBackend, "run", raising)
    result = session.run(LINE, "--gradproof-backends", "reference")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*could not be run: TypeError: no such axis*"])
    runs = session.frame("runs").set_index("dtype")
    assert runs["status"].to_dict() == {"float64": "run", "float32": "failed"}
    assert "Not everything agrees" in (session.folder / "reports/latest/summary.md").read_text()


@pytest.mark.parametrize(
    ("mark", "options", "message"),
    [
        ('"line_fti"', (), "*'line_fti'*Did you mean 'line_fit'*"),
        ('"line_fit"', ("--gradproof-backends", "troch"), "*'troch'*Did you mean 'torch'*"),
        (
            '"line_fit"',
            ("--gradproof-backends", "reference", "--gradproof-require", "jacks"),
            "*'jacks'*Did you mean 'jax'*",
        ),
        ('"line_fit"', ("--gradproof-dtypes", "float31"), "*'float31'*float64, float32*"),
        ('"line_fit", "line_fit"', (), "*Two scenarios are called 'line_fit'*"),
    ],
    ids=["scenario", "backend", "required backend", "dtype", "two of one name"],
)
def test_a_bad_name_ends_the_session_with_its_message(
    session: Session, mark: str, options: tuple[str, ...], message: str
) -> None:
    tests = LINE.replace('"line_fit"', mark)
    result = session.run(tests, *options)
    assert result.ret not in {0, pytest.ExitCode.NO_TESTS_COLLECTED, pytest.ExitCode.INTERNAL_ERROR}
    text = "\n".join(result.outlines + result.errlines)
    pytest.LineMatcher(text.splitlines()).fnmatch_lines([message])
    assert "INTERNALERROR" not in text
    assert "plugin/run_cases.py" not in text, "the traceback through gradproof is not the reader's concern"
    assert not (session.folder / "reports").exists()


def test_a_bad_scenario_is_told_in_one_message(session: Session) -> None:
    mark = '@pytest.mark.gradproof_scenarios(make("bad", loss=lambda xp, p, b: p["w"] * b["x"]))\n'
    tests = SCENARIOS + mark + "def test_mine(gradproof_outcome):\n    assert_agrees(gradproof_outcome)\n"
    result = session.run(tests, "--gradproof-backends", "reference", "--gradproof-dtypes", "float64")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*'bad' has shape (2,)*Reduce it*"])


WATCH = """
import sys

HEAVY = ("numpy", "pandas", "torch", "jax", "flint", "loky", "optree", "rich", "gradproof.plugin.run_cases")

def tell():
    with open("loaded.txt", "a", encoding="utf-8") as file:
        print(*(name for name in HEAVY if name in sys.modules), file=file)

def pytest_sessionfinish(session):
    # A worker tells before it says that it has finished: after that it may be ended at any moment.
    if hasattr(session.config, "workerinput"):
        tell()

def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        tell()
"""


def loaded(session: Session) -> list[str]:
    return (session.folder / "loaded.txt").read_text(encoding="utf-8").splitlines()


@rather_alone
def test_a_session_without_the_fixture_imports_and_writes_nothing(
    session: Session, workers: tuple[str, ...]
) -> None:
    result = session.run("def test_plain():\n    pass\n", *workers, conftest=WATCH, apart=True)
    result.assert_outcomes(passed=1)
    assert loaded(session) == [""] * (3 if workers else 1)
    assert not (session.folder / "reports").exists()
    assert "gradproof report" not in result.stdout.str()
    assert session.left_behind() == []


def test_the_watch_sees_what_a_session_imports(session: Session) -> None:
    session.run("import numpy\n\ndef test_plain():\n    pass\n", conftest=WATCH, apart=True)
    assert loaded(session) == ["numpy"]


def test_an_earlier_report_stays_when_nothing_was_judged(session: Session) -> None:
    (session.folder / "reports/latest").mkdir(parents=True)
    (session.folder / "reports/latest/runs.csv").write_text("an earlier report", encoding="utf-8")
    session.run(LINE + "\ndef test_plain():\n    pass\n", "-k", "plain", "--gradproof-backends", "reference")
    assert (session.folder / "reports/latest/runs.csv").read_text(encoding="utf-8") == "an earlier report"
    assert len(list((session.folder / "reports/latest").iterdir())) == 1


def test_the_options_and_the_marker_are_documented(session: Session) -> None:
    text = session.run("", "--help").stdout.str()
    for option in ("backends", "dtypes", "require", "report"):
        assert f"--gradproof-{option}" in text
    assert "gradproof_scenarios(*scenarios)" in session.run("", "--markers").stdout.str()
    assert "gradproof_outcome" in session.run("", "--fixtures").stdout.str()


ISOLATED = """
import os, time
import numpy as np
import pytest
import gradproof as gp
from gradproof.pytest_cases import assert_agrees


def scenario(name, act):
    def loss(xp, params, batch):
        return xp.sum((params["w"] * batch["x"]) ** 2)

    def gradient(params, batch):
        if os.getpid() != here:
            act()
        return {"w": 2 * params["w"] * np.sum(batch["x"] ** 2)}

    here = os.getpid()
    params, batch = {"w": np.array(1.0)}, {"x": np.array([1.0, 2.0])}
    return gp.Scenario(name=name, loss=loss, gradient=gradient, params=params, batch=batch)


ACTS = {"first": lambda: None, "crash": os.abort, "hang": lambda: time.sleep(60), "last": lambda: None}


@pytest.mark.gradproof_scenarios(*(scenario(name, act) for name, act in ACTS.items()))
def test_it(gradproof_outcome):
    assert_agrees(gradproof_outcome)
"""


@pytest.mark.slow
@rather_alone
def test_a_run_that_crashes_or_hangs_is_one_failed_test(session: Session, workers: tuple[str, ...]) -> None:
    options = (
        "--gradproof-backends",
        "reference",
        "--gradproof-dtypes",
        "float64",
        "--gradproof-time-limit",
        "3",
    )
    result = session.run(ISOLATED, *workers, *options, apart=True, isolated=True)
    result.assert_outcomes(passed=2, errors=2)  # in the fixture, as of every run that cannot be made
    runs = session.frame("runs").set_index("scenario")["status"].to_dict()
    assert runs == {"first": "run", "crash": "crashed", "hang": "timed out", "last": "run"}
    assert "SIGABRT" in result.stdout.str()
    assert session.left_behind() == []

"""The defaults of a project, `[tool.gradproof]` and pytest's ini file; what is given with a call wins."""

from pathlib import Path

import pytest

from gradproof import cli
from gradproof.configuration import KEYS, configuration
from gradproof.errors import InputError
from gradproof.reporting.reading import read_report

TABLE = """
[tool.gradproof]
backends = ["reference"]
dtypes = ["float32"]
report = "out/report"
formats = ["csv"]
strict = true
time-limit = 100
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text(TABLE)
    inner = tmp_path / "src"
    inner.mkdir()
    monkeypatch.chdir(inner)
    return tmp_path


def runs(folder: Path) -> set[tuple[str, str]]:
    return {(row.backend, row.dtype) for row in read_report(folder).runs.itertuples()}


def test_a_command_takes_what_is_not_given_from_the_table(project: Path) -> None:
    assert cli.main(["verify", "line_fit", "--in-process"]) == 0
    report = read_report(project / "out" / "report")
    assert runs(project / "out" / "report") == {("reference", "float32")}
    assert report.environment["strict"] is True
    assert not (project / "out" / "report" / "summary.md").exists()


def test_what_is_given_wins(project: Path, tmp_path: Path) -> None:
    given = [
        "--dtypes",
        "float64",
        "--report",
        str(tmp_path / "mine"),
        "--no-strict",
        "--formats",
        "csv,markdown",
    ]
    assert cli.main(["verify", "line_fit", "--in-process", *given]) == 0
    assert runs(tmp_path / "mine") == {("reference", "float64")}
    assert read_report(tmp_path / "mine").environment["strict"] is False
    assert (tmp_path / "mine" / "summary.md").exists()
    assert not (project / "out").exists()


def test_a_project_without_a_table_has_no_defaults(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'mine'\n")
    assert configuration(tmp_path).values == {}
    assert configuration(tmp_path).path == tmp_path / "pyproject.toml"


WRONG = {
    "an unknown key": ("[tool.gradproof]\nbackend = ['torch']", "has no key 'backend'"),
    "a text for a list": ("[tool.gradproof]\nbackends = 'torch'", "Give it a list of names"),
    "an empty list": ("[tool.gradproof]\ndtypes = []", "Give it a list of names"),
    "a list of numbers": ("[tool.gradproof]\nformats = [1]", "Give it a list of names"),
    "a number for a text": ("[tool.gradproof]\nreport = 3", "Give it a text"),
    "an empty text": ("[tool.gradproof]\nbaseline = ' '", "Give it a text"),
    "a text for a truth": ("[tool.gradproof]\nstrict = 'yes'", "Give it true or false"),
    "a negative number": ("[tool.gradproof]\ntime-limit = -1", "Give it a number of 0 or more"),
    "infinity": ("[tool.gradproof]\nmemory-limit = inf", "Give it a number of 0 or more"),
    "a truth for a number": ("[tool.gradproof]\nmemory-limit = true", "Give it a number of 0 or more"),
    "no table": ("[tool]\ngradproof = 3 # tool.gradproof", "is no table"),
    "no TOML": ("[tool.gradproof\n", "is no TOML"),
}


@pytest.mark.parametrize(("text", "told"), WRONG.values(), ids=WRONG)
def test_a_table_that_is_wrong_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(InputError, match=r"pyproject\.toml") as caught:
        configuration(tmp_path)
    assert told in str(caught.value)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["verify", "line_fit"]) == 2
    assert told in capfd.readouterr().err


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"\xff\xfe[tool.gradproof]")
    with pytest.raises(InputError, match="is no text in UTF-8"):
        configuration(tmp_path)


def test_every_key_is_an_option_of_the_command_or_of_pytest(pytestconfig: pytest.Config) -> None:
    command = cli.build_parser(["verify"])._subparsers._group_actions[0].choices["verify"]
    options = {option.removeprefix("--") for action in command._actions for option in action.option_strings}
    assert set(KEYS) - options == {"require"}
    for key in set(KEYS) - {"strict"}:
        assert pytestconfig.getoption(f"--gradproof-{key}", "none") != "none"


# In pytest.

TEST = """
def test_mine(gradproof_outcome):
    assert gradproof_outcome.subject.backend == "reference"
"""
MARKED = f"import pytest\npytestmark = pytest.mark.gradproof_scenarios('line_fit')\n{TEST}"


@pytest.mark.parametrize("where", ["table", "ini", "option"])
def test_a_session_takes_its_settings_from_all_three(pytester: pytest.Pytester, where: str) -> None:
    pytester.makepyfile(MARKED)
    chosen = {"table": ["float32"], "ini": ["float64"], "option": ["float16"]}
    order = ["table", "ini", "option"]
    lines = ["[pytest]", "gradproof_dtypes = float64", "gradproof_report = from_ini"]
    pytester.makepyprojecttoml(TABLE)
    if order.index(where) >= 1:
        pytester.makeini("\n".join(lines))
    options = ["--gradproof-dtypes", "float16", "--gradproof-report", "mine"] if where == "option" else []
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", *options)
    result.assert_outcomes(passed=1)
    folder = {"table": "out/report", "ini": "from_ini", "option": "mine"}[where]
    assert {dtype for _, dtype in runs(pytester.path / folder)} == set(chosen[where])
    assert not (pytester.path / folder / "summary.md").exists()  # the formats are the table's


@pytest.mark.parametrize(
    ("ini", "told"),
    [
        (
            "gradproof_time_limit = soon",
            "The gradproof setting time-limit is 'soon'. Give it a number of 0 or more.",
        )
    ],
)
def test_a_setting_that_is_wrong_is_told(pytester: pytest.Pytester, ini: str, told: str) -> None:
    pytester.makepyfile(MARKED)
    pytester.makeini(f"[pytest]\n{ini}")
    result = pytester.runpytest_inprocess()
    assert told in result.stdout.str() + result.stderr.str()
    assert result.ret != 0


def test_a_table_that_is_wrong_ends_a_session(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass")
    pytester.makepyprojecttoml("[tool.gradproof]\nbackend = 'x'")
    result = pytester.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "has no key 'backend'" in result.stderr.str()


# What a report of a fault tells.


def test_the_versions_are_told_with_the_configuration(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--version", "--verbose"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].startswith("gradproof ")
    for start in ("Python ", "platform: ", "processor cores: ", "numpy ", "configuration strict: True"):
        assert any(line.startswith(start) for line in lines), start
    assert f"configuration: {project / 'pyproject.toml'}" in lines
    assert any(line.endswith("(for mlx)") for line in lines)


def test_the_versions_are_told_where_the_configuration_is_wrong(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "pyproject.toml").write_text("[tool.gradproof]\nnothing = 1")
    assert cli.main(["--version", "--verbose"]) == 0
    assert "has no key 'nothing'" in capfd.readouterr().out

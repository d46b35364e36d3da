"""The files around the project are as the services that read them expect, and agree with one another."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SCHEMAS = {
    "CITATION.cff": "citation-file-format",
    "action.yml": "github-actions",
    ".github/dependabot.yml": "dependabot",
    ".github/ISSUE_TEMPLATE/config.yml": "github-issue-config",
    **{
        str(path.relative_to(ROOT)): "github-issue-forms"
        for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")
        if path.name != "config.yml"
    },
    **{
        str(path.relative_to(ROOT)): "github-workflows"
        for path in (ROOT / ".github" / "workflows").glob("*.yml")
    },
}
BASH = shutil.which("bash")
WORKFLOWS = [name for name, schema in SCHEMAS.items() if schema == "github-workflows"]
FORMS = [name for name, schema in SCHEMAS.items() if schema == "github-issue-forms"]

# The repository's own files: a wheel or an sdist has none of them.
pytestmark = pytest.mark.skipif(
    not (ROOT / ".github").is_dir(), reason="this is no checkout of the repository"
)


def read(name: str) -> Any:
    return YAML(typ="safe").load((ROOT / name).read_text("utf-8"))


def faults(schema: str, *files: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *map(str, files)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("schema", sorted(set(SCHEMAS.values())))
def test_each_file_is_as_its_schema_has_it(schema: str) -> None:
    assert faults(schema, *(ROOT / name for name, each in SCHEMAS.items() if each == schema)) == ""


def test_a_file_that_is_not_is_found(tmp_path: Path) -> None:
    path = tmp_path / "action.yml"
    path.write_text((ROOT / "action.yml").read_text("utf-8").replace("using: composite", "using: nothing"))
    assert "action.yml" in faults("github-actions", path)


def test_the_citation_is_of_this_version_and_these_addresses() -> None:
    citation = read("CITATION.cff")
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert citation["repository-code"] == PROJECT["urls"]["Source"]
    assert citation["url"] == PROJECT["urls"]["Documentation"]
    assert [each["name"] for each in citation["authors"]] == [each["name"] for each in PROJECT["authors"]]


@pytest.mark.parametrize("name", FORMS)
def test_every_form_asks_for_the_versions(name: str) -> None:
    fields = {field["id"]: field for field in read(name)["body"]}
    assert "gradproof --version --verbose" in fields["versions"]["attributes"]["description"]
    assert fields["versions"]["validations"]["required"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_do_little_and_ends(name: str) -> None:
    workflow = read(name)
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 90
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout"):
                assert step["with"]["persist-credentials"] is False
            # what others may write into a title or a branch's name must not become code
            assert "${{" not in step.get("run", "")


def test_the_workflow_tests_the_versions_that_the_index_is_told() -> None:
    told = {each.rpartition(" :: ")[2] for each in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", each)}
    tested = set(read(".github/workflows/ci.yml")["jobs"]["test"]["strategy"]["matrix"]["python"])
    assert tested <= told
    assert min(told, key=lambda each: int(each[2:])) == PROJECT["requires-python"].removeprefix(">=")


def test_security_says_plainly_which_commands_run_code() -> None:
    text = " ".join((ROOT / "SECURITY.md").read_text("utf-8").split())
    for command in ("check", "verify", "judge", "audit"):
        assert f"`gradproof {command} FILE`" in text
    assert "run the code of that file" in text


# The action's own script, run by bash with a stand-in for the command.


def step(name: str) -> str:
    [script] = [each["run"] for each in read("action.yml")["runs"]["steps"] if each.get("name") == name]
    return str(script)


def acted(folder: Path, status: int = 0, **inputs: str) -> subprocess.CompletedProcess[str]:
    (folder / "bin").mkdir()
    stand_in = folder / "bin" / "gradproof"
    stand_in.write_text(f'#!/bin/sh\nfor word; do echo "<$word>"; done\nexit {status}\n')
    stand_in.chmod(0o755)
    (folder / "bin" / "python").symlink_to(sys.executable)
    script = folder / "script.sh"
    script.write_text(step("Run"))
    given = {"COMMAND": "verify", "ARGUMENTS": "", "REPORT": "reports/latest", **inputs}
    return subprocess.run(
        # as GitHub calls it for `shell: bash`
        [str(BASH), "--noprofile", "--norc", "-eo", "pipefail", str(script)],
        env={
            **given,
            "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "RUNNER_TEMP": str(folder),
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        },
        capture_output=True, text=True, check=False,
    )  # fmt: skip


needs_bash = pytest.mark.skipif(BASH is None, reason="there is no bash")


@needs_bash
@pytest.mark.parametrize("status", [0, 1, 2])
def test_the_action_keeps_the_status_and_each_argument(tmp_path: Path, status: int) -> None:
    done = acted(tmp_path, status, ARGUMENTS="'my file.py::a' --backends torch,jax")
    assert done.returncode == status
    words = ["verify", "my file.py::a", "--backends", "torch,jax", "--report", "reports/latest"]
    assert done.stdout.splitlines() == [f"<{word}>" for word in words]


@needs_bash
def test_the_action_without_arguments_has_none(tmp_path: Path) -> None:
    assert acted(tmp_path).stdout.splitlines() == ["<verify>", "<--report>", "<reports/latest>"]


@needs_bash
@pytest.mark.parametrize("status", [0, 1])
def test_the_action_puts_what_check_says_into_the_summary(tmp_path: Path, status: int) -> None:
    done = acted(tmp_path, status, COMMAND="check", ARGUMENTS="mine.py")
    assert done.returncode == status
    assert (tmp_path / "summary.md").read_text().splitlines() == ["````text", "<check>", "<mine.py>", "````"]


@needs_bash
@pytest.mark.parametrize("command", ["list", "verify; echo", "$(echo verify)"])
def test_the_action_runs_nothing_else(tmp_path: Path, command: str) -> None:
    done = acted(tmp_path, COMMAND=command)
    assert done.returncode == 2
    assert "which is neither verify nor check. Name one of these." in done.stdout


@needs_bash
def test_arguments_are_words_and_no_code(tmp_path: Path) -> None:
    done = acted(tmp_path, ARGUMENTS="'$(touch hacked)' `touch hacked` a;b")
    assert not list(tmp_path.rglob("hacked"))
    assert "<$(touch hacked)>" in done.stdout

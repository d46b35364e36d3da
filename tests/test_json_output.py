"""`--json` prints one document, alone on standard output, that says what the command says."""

import json
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from gradproof import cli
from gradproof.reporting.columns import COLUMNS, SCHEMA
from gradproof.reporting.strict_json import strict

FILE = """
import numpy as np
import gradproof as gp

print("a file that talks")


def loss(xp, params, batch):
    print("and talks")
    return xp.sum((batch["x"] @ params["w"]) ** 2)


def gradient(params, batch):
    return {"w": FACTOR * batch["x"].T @ (batch["x"] @ params["w"])}


params = {"w": np.array([1.0, 2.0])}
batch = {"x": np.array([[1.0, 3.0], [0.5, -1.0], [2.0, 0.25]])}
"""


def printed(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    status = cli.main([*words, "--json"])
    document = json.loads(capfd.readouterr().out)
    assert document["schema"] == SCHEMA
    assert document["status"] == status
    assert document["command"] == words[0]
    return status, document


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(FILE.replace("FACTOR", "2"))
    return path


@pytest.mark.parametrize(("factor", "verdict"), [(2, "EQUAL"), (3, "WRONG")])
def test_check(capfd: pytest.CaptureFixture[str], mine: Path, factor: int, verdict: str) -> None:
    mine.write_text(FILE.replace("FACTOR", str(factor)))
    status, document = printed(capfd, "check", str(mine))
    [found] = document["checks"]
    assert (found["verdict"], found["ok"], status) == (verdict, verdict == "EQUAL", int(factor == 3))
    assert set(COLUMNS["checks"]) | {"conditions"} == set(found)
    assert found["cause"].startswith("your gradient of w is" if factor == 3 else "")
    assert bool(found["cause"]) is (factor == 3)


def test_what_a_file_prints_goes_to_standard_error(mine: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gradproof.cli", "check", str(mine), "--json", "--points", "0"],
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert json.loads(done.stdout)["status"] == done.returncode == 0
    assert "a file that talks" in done.stderr
    assert "and talks" in done.stderr


def test_judge(capfd: pytest.CaptureFixture[str], mine: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "gradients.npz", w=np.array([1.0, 2.0]))
    status, document = printed(
        capfd, "judge", str(mine), str(tmp_path / "gradients.npz"), "--dtype", "float64"
    )
    assert (status, document["checks"][0]["verdict"]) == (1, "DISAGREES")


def test_verify_merge_and_compare(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folders = [str(tmp_path / name) for name in ("one", "two")]
    schema = json.loads(
        (resources.files("gradproof.reporting.formats") / "verdicts.schema.json").read_text("utf-8")
    )
    validator = Draft202012Validator(schema)
    for folder in folders:
        words = ("verify", "line_fit", "--backends", "reference", "--dtypes", "float64", "--in-process")
        status, document = printed(capfd, *words, "--report", folder, "--formats", "csv,jsonl")
        lines = [json.loads(line) for line in Path(folder, "verdicts.jsonl").read_text("utf-8").splitlines()]
        assert (status, document["report"], document["verdicts"]) == (0, folder, lines)
        assert [list(validator.iter_errors(line)) for line in lines] == [[]] * len(lines)
    status, document = printed(capfd, "compare", *folders)
    assert (status, document["worse"], document["verdicts"]) == (0, False, [])
    assert document["sentences"]


def test_audit(capfd: pytest.CaptureFixture[str]) -> None:
    status, document = printed(capfd, "audit", "neuron_chain", "--strict")
    assert status == int(not document["ok"])
    assert document["claims"]
    assert all(set(claim) == set(COLUMNS["claims"]) for claim in document["claims"])


def test_list(capfd: pytest.CaptureFixture[str]) -> None:
    _, document = printed(capfd, "list")
    assert "line_fit" in {each["name"] for each in document["scenarios"]}
    assert "reference" in {each["name"] for each in document["backends"]}


@pytest.mark.parametrize("words", [("check", "no_file.py"), ("compare", "a", "b"), ("verify", "line_fti")])
def test_a_bad_call_prints_no_document(capfd: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    assert cli.main([*words, "--json"]) == 2
    told = capfd.readouterr()
    assert told.out == ""
    assert told.err.startswith("gradproof: ")


def test_what_json_has_no_sign_for_is_a_text() -> None:
    given = {"a": [float("nan"), (float("-inf"),)], 3: "\ud800"}
    assert strict(given) == {"a": ["NaN", ["-Infinity"]], "3": "\\ud800"}

"""A backend is one file, a document one folder, a cause a line and a rule: in a copy, they are found."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gradproof

BACKEND = '''
"""A backend that runs what the reference runs."""

from gradproof.backends.reference_backend import ReferenceBackend


class ToyBackend(ReferenceBackend):
    """The reference under another name."""

    name = "toy"


BACKEND = ToyBackend
'''

SYSTEM = '''
"""A parabola."""

from gradproof.scenarios.documents.parabola.claims import CLAIMS
from gradproof.scenarios.scenario import Scenario


def loss(xp, params, batch):
    """Compute the parabola."""
    return xp.sum((params["w"] * batch["x"]) ** 2)


def parabola():
    """Build the scenario."""
    return Scenario(
        name="parabola", loss=loss, params={"w": 3.0}, batch={"x": 2.0}, claims=CLAIMS, source="On parabolas",
        gradient=lambda params, batch: {"w": 2 * params["w"] * batch["x"] ** 2},
    )


SCENARIOS = {"parabola": parabola}
'''

STATED = """
[[claim]]
name = "value"
text = "The parabola is 35."
place = "page 1"
states = { value = "35" }
"""

CLAIMS = '''
"""What the document claims."""

from pathlib import Path

from gradproof.scenarios.claims import decimal
from gradproof.scenarios.claims_files import Checks
from gradproof.scenarios.claims_training import loss_at

check = Checks()


@check("value")
def _value(scenario, states):
    return decimal(states["value"], loss_at(scenario).value, "The parabola", cause="a slip")


CLAIMS = check.claims(Path(__file__).with_suffix(".toml"))
'''


KIND = """    LOGARITHM_OF_TWICE = 4.0, "the logarithm of twice the base is used"
"""

RULE = """

@rule({entrywise.LOG})
def logarithm_of_twice(use: Use) -> Iterator[Mistake]:
    words = "the logarithm of twice the base in the derivative of $at"
    yield Mistake(CauseKind.LOGARITHM_OF_TWICE, words, lambda g: g * (2 * use.x).function("log"))
"""

WRONG = """
import numpy as np

params = {"w": np.array([0.5, 2.0, 3.5])}
batch = {}


def loss(xp, params, batch):
    return xp.sum(xp.log(params["w"]) * xp.asarray([1.0, 3.0, 7.0]))


def gradient(params, batch):
    return {"w": np.array([1.0, 3.0, 7.0]) * np.log(2 * params["w"])}
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package."""
    ignored = shutil.ignore_patterns("__pycache__")
    return shutil.copytree(Path(gradproof.__file__).parent, tmp_path / "gradproof", ignore=ignored)


def run(copy: Path, *arguments: str, status: int = 0) -> str:
    """What the command of the copy prints."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "gradproof", *arguments],
        cwd=copy.parent, env={**os.environ, "PYTHONPATH": str(copy.parent)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    return done.stdout


def test_a_backend_is_one_file(copy: Path) -> None:
    (copy / "backends" / "toy_backend.py").write_text(BACKEND, encoding="utf-8")
    assert "toy                   numpy" in run(copy, "list")
    told = run(copy, "verify", "line_fit", "--backends", "toy", "--jobs", "1", "--formats", "csv")
    assert "Everything that was checked agrees" in told


def test_a_document_is_one_folder(copy: Path) -> None:
    folder = copy / "scenarios" / "documents" / "parabola"
    folder.mkdir()
    files = {"__init__.py": "", "system.py": SYSTEM, "claims.py": CLAIMS, "claims.toml": STATED}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    assert "parabola                   1 steps   On parabolas" in run(copy, "list")
    told = " ".join(run(copy, "audit", "parabola").split())
    assert "1 REFUTED" in told
    assert "36" in told


def test_a_cause_is_a_line_and_a_rule(copy: Path) -> None:
    (copy.parent / "wrong.py").write_text(WRONG, encoding="utf-8")
    words = "the logarithm of twice the base in the derivative of log (wrong.py:9)"
    assert words not in " ".join(run(copy, "check", "wrong.py", status=1).split())
    kinds, rules = copy / "verdicts/causes/kinds.py", copy / "verdicts/causes/mistakes/elementwise.py"
    before, constructor, after = kinds.read_text("utf-8").partition("\n    def __init__(self, cost")
    kinds.write_text(before + KIND + constructor + after, encoding="utf-8")
    rules.write_text(rules.read_text("utf-8") + RULE, encoding="utf-8")
    assert words in " ".join(run(copy, "check", "wrong.py", status=1).split())

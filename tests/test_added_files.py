"""What a contributor adds is found: in a copy of the package, an operation, a dtype, a backend, a document,
a cause and a format are added as docs/howto and CONTRIBUTING say, and work."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import followed

import gradproof

POWERS = """
import gradproof as gp
import numpy as np

params, batch = {"w": np.array([0.3, -1.2, 2.0])}, {"k": np.array([1.0, 2.0, 5.0])}


def loss(xp, params, batch):
    return xp.sum(xp.exp2(params["w"]) ** 2 * batch["k"])


def right(params, batch):
    return {"w": np.log(2) * 2 * np.exp2(params["w"]) ** 2 * batch["k"]}


def wrong(params, batch):
    return {"w": 2 * np.exp2(params["w"]) * batch["k"]}


print(gp.check(loss, right, params, batch))
print(gp.check(loss, wrong, params, batch))
print(gp.judge(loss, params, batch, right(params, batch), dtype="float64"))
"""

DTYPE = """
import gradproof as gp
import ml_dtypes
import numpy as np

w = np.array([0.5, 1.5, 3.0]).astype(ml_dtypes.float6_e3m2fn)
square = {"w": (2 * w.astype(float)).astype(ml_dtypes.float6_e3m2fn)}
for off in (1, -4):
    given, params = {"w": off * square["w"].astype(float)}, {"w": w.astype(float)}
    print(gp.judge(lambda xp, p, b: xp.sum(p["w"] ** 2), params, {}, given, dtype="float6_e3m2fn"))
"""

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

from gradproof.scenarios.claim import decimal
from gradproof.scenarios.claims_files import Checks
from gradproof.scenarios.claims_training import loss_at

check = Checks()


@check("value")
def _value(scenario, states):
    return decimal(states["value"], loss_at(scenario).value, "The parabola", cause="a slip")


CLAIMS = check.claims(Path(__file__).with_suffix(".toml"))
'''


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
    return python(copy, "-m", "gradproof", *arguments, status=status)


def python(copy: Path, *arguments: str, status: int = 0) -> str:
    """What Python prints with the copy in place of the package."""
    done = subprocess.run(
        [sys.executable, "-P", *arguments],
        cwd=copy.parent, env={**os.environ, "PYTHONPATH": str(copy.parent)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    return done.stdout


@pytest.mark.slow
def test_an_operation_is_an_entry_of_the_table_and_a_dtype_a_name(copy: Path) -> None:
    """With the elementary function that it is of numbers, if it is a new one, in the table of those."""
    followed("howto/operation.md", copy.parent)
    told = " ".join(python(copy, "-c", POWERS).split())
    assert "EQUAL" in told
    assert "with the derivative of exp2 (<string>:9) left out" in told
    assert "AGREES" in told
    right, wrong = (line for line in python(copy, "-c", DTYPE).splitlines() if "at the given point" in line)
    assert right.startswith("AGREES")
    assert wrong.startswith("DISAGREES")


def test_a_format_is_one_file(copy: Path) -> None:
    followed("howto/format.md", copy.parent)
    run(copy, "verify", "line_fit", "--backends", "reference", "--jobs", "1", "--formats", "counts")
    (written,) = copy.parent.glob("reports/*/counts.txt")
    assert "EQUAL" in written.read_text("utf-8")


@pytest.mark.slow
def test_a_backend_is_one_file(copy: Path) -> None:
    (copy / "backends" / "toy_backend.py").write_text(BACKEND, encoding="utf-8")
    assert "toy                   numpy" in run(copy, "list")
    told = run(copy, "verify", "line_fit", "--backends", "toy", "--jobs", "1", "--formats", "csv")
    assert "Everything that was checked agrees" in told


@pytest.mark.slow
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
    followed("howto/cause.md", copy.parent)
    assert words in " ".join(run(copy, "check", "wrong.py", status=1).split())

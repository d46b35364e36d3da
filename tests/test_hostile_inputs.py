"""Whatever a reader is given, it answers: what is wrong and what to do, and no traceback, and in time.

A thousand inputs: a report's folder with each field and each file damaged and the hashes made anew, points,
files to check, tables of claims. A part of them is tested always, all of them in the slow tests.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hostile_points
import hostile_reports
import pytest
from hostile_files import DANGEROUS, Case, answer, fault, in_time

HELPERS = Path(__file__).parent / "helpers"

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="pipes, devices and memory limits as Linux has them"),
    pytest.mark.filterwarnings("ignore"),  # what a check prints of numbers that overflow
]


def all_cases() -> list[Case]:
    return [*hostile_reports.reports(), *hostile_points.points()]


def is_dangerous(case: Case) -> bool:
    """Whether a reader that is careless would take the tests along."""
    sizes = ("60 million", "GB of zeros", "10^", "flipped")
    return any(case.name.endswith(f" is {kind}") for kind in DANGEROUS) or any(s in case.name for s in sizes)


def faults(cases: list[Case], folder: Path) -> Iterator[str]:
    for number, case in enumerate(cases):
        place = folder / f"{number}"
        place.mkdir()
        arguments = case.make(place)
        found = answer(arguments)
        text = fault(found, refused=case.refused)
        if not text and found.status != 2 and arguments[0] == "compare":
            try:
                with in_time():
                    hostile_reports.render_all(arguments[-1])
            except BaseException as error:  # noqa: BLE001 - that is what is looked for
                text = f"rendering raises {type(error).__name__}: {error}"
        if text:
            yield f"{case.name}: {text}"


def test_there_are_a_thousand_of_them_and_each_has_a_name_of_its_own() -> None:
    names = Counter(case.name for case in all_cases())
    assert len(names) >= 1_000
    assert [name for name, number in names.items() if number > 1] == []


def test_some_are_answered(tmp_path: Path) -> None:
    cases = [*hostile_reports.reports()][::140] + [*hostile_points.points()][::40]
    assert [*faults([case for case in cases if not is_dangerous(case)], tmp_path)] == []


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_all_are_answered(part: int, tmp_path: Path) -> None:
    cases = [case for case in all_cases() if not is_dangerous(case)]
    assert [*faults(cases[part::20], tmp_path)] == []


APART = """\
import json, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:4]
import hostile_files, test_hostile_inputs as tests
hostile_files.limit_memory()
cases = [case for case in tests.all_cases() if tests.is_dangerous(case)]
folder, step = Path(sys.argv[1]), int(sys.argv[4])
print(json.dumps([len(cases[::step]), [*tests.faults(cases[::step], folder)]]))
"""


@pytest.mark.parametrize("step", [30, pytest.param(1, marks=pytest.mark.slow)])
def test_those_that_never_end_or_fill_the_memory_are_answered(step: int, tmp_path: Path) -> None:
    """In a process of its own, with bounded memory."""
    arguments = [str(tmp_path), str(HELPERS), str(Path(__file__).parent), str(step)]
    command = [sys.executable, "-c", APART, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    number, found = json.loads(done.stdout)
    assert number >= 100 // step
    assert found == []


def test_a_fault_is_seen(tmp_path: Path) -> None:
    """The judge of answers refuses what none may be."""
    right = answer(["compare", str(tmp_path / "a"), str(tmp_path / "b")])
    assert fault(right, refused=True) == ""
    bad = {
        "raised": "KeyError",
        "status": 1,
        "output": "\x1b[31m",
        "errors": "gradproof: \ud83d. Mend it.\n",
    }
    for name, value in bad.items():
        assert fault(right.__class__(**{**vars(right), name: value}), refused=True), name
    for errors in ("Traceback", "gradproof: one sentence.\n", "gradproof: long. " + "x" * 20_000 + ".\n"):
        assert fault(right.__class__(**{**vars(right), "errors": errors}), refused=True)

"""docs/reference/trainings.md has every part of a training, optimizers, say; its example runs."""

import re
from pathlib import Path

import pytest

import gradproof as gp
from gradproof.reference.averaging import ExponentialAverage
from gradproof.reference.clipping import Clipping
from gradproof.reference.descent import Accumulation
from gradproof.reference.optimizers import Optimizer
from gradproof.reference.schedules import Schedule

PAGE = (Path(__file__).parents[1] / "docs" / "reference" / "trainings.md").read_text(encoding="utf-8")
PARTS = [
    name
    for name in gp.__all__
    if isinstance(getattr(gp, name), type)
    and issubclass(getattr(gp, name), Optimizer | Schedule | Clipping | Accumulation | ExponentialAverage)
]


@pytest.mark.parametrize("name", PARTS)
def test_the_page_has_each_part(name: str) -> None:
    assert re.search(rf"`{name}\b", PAGE)
    if issubclass(getattr(gp, name), Optimizer):
        assert len(re.findall(rf"^\| `{name}` \| [^|]", PAGE, flags=re.MULTILINE)) == 1
        assert re.search(rf"^\| `{name}\(", PAGE, flags=re.MULTILINE)


def test_the_page_has_an_example_that_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    place: dict[str, object] = {}
    exec(code, place)  # noqa: S102 - the page's own
    report = place["report"]
    assert isinstance(report, gp.Report)
    assert report.ok
    assert "learning_rate" in capsys.readouterr().out

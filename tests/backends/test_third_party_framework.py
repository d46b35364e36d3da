"""A framework of a third party's, registered by an entry point, in `verify`, `check` and `judge`."""

import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gradproof as gp
from gradproof import cli
from gradproof.backends import arrays, loading

LIBRARY = '''
"""A library of arrays that are no arrays of NumPy's, and that NumPy takes for nothing but objects."""

import numpy as np

PRECISION = ["float64"]


class Grid:
    def __init__(self, numbers):
        self._numbers = np.array(numbers, dtype=PRECISION[0])

    def __mul__(self, other):
        return Grid(self._numbers * (other._numbers if isinstance(other, Grid) else other))

    __rmul__ = __mul__

    def __add__(self, other):
        return Grid(self._numbers + other._numbers)

    def __sub__(self, other):
        return Grid(self._numbers - other._numbers)

    def total(self):
        return Grid(self._numbers.sum())

    def tolist(self):
        return self._numbers.tolist()

    def __array__(self, *_, **__):
        raise TypeError("a grid is no array")
'''

BACKEND = '''
"""The backend of the library."""

from contextlib import contextmanager

import numpy as np

from gradproof.backends import Framework, Lazy, Run, Timing

toygrid = Lazy("toygrid")


class ToyFramework(Framework):
    name = "toygrid"
    words = "toy grids"
    modules = ("toygrid",)

    def from_numpy(self, array, *, leaf=False):
        return toygrid.Grid(array)

    def to_numpy(self, array):
        return np.array(array.tolist(), dtype=array._numbers.dtype)

    @contextmanager
    def mode(self, dtype):
        before, toygrid.PRECISION[0] = toygrid.PRECISION[0], dtype
        try:
            yield
        finally:
            toygrid.PRECISION[0] = before


class ToyBackend:
    name = "toygrid"
    framework = ToyFramework()
    requires = ("toygrid",)
    variants = ("plain",)
    dtypes = ("float64", "float32")
    step_limits = {}

    def versions(self):
        return {"toygrid": "1"}

    def run(self, scenario, *, dtype, variant):
        params, batch = scenario.arrays(dtype)
        with self.framework.mode(dtype):
            w, x, y = (self.framework.from_numpy(a) for a in (params["w"], batch["x"], batch["y"]))
            error = w * x - y
            losses = [self.framework.to_numpy((error * error).total()).item()]
            gradient = self.framework.to_numpy((error * x).total() * 2.0)
        return Run(
            scenario=scenario.name, backend=self.name, variant=variant, dtype=dtype,
            losses=np.array(losses, dtype=dtype), gradients={"w": gradient[np.newaxis]},
            weights={"w": params["w"][np.newaxis]}, final_loss=losses[0], predictions=None,
            timing=Timing(0.0, 0.0), planned_steps=1,
        )
'''


@pytest.fixture
def toygrid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The library, installed with its backend."""
    (tmp_path / "toygrid.py").write_text(LIBRARY, encoding="utf-8")
    (tmp_path / "gradproof_for_toygrid.py").write_text(BACKEND, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    entry = EntryPoint("toygrid", "gradproof_for_toygrid:ToyBackend", loading.GROUP)

    def entry_points(*, group: str) -> Sequence[EntryPoint]:
        return (entry,) if group == loading.GROUP else ()

    monkeypatch.setattr(loading, "entry_points", entry_points)
    import toygrid  # type: ignore[import-not-found] # it was just written

    yield toygrid
    for name in ("toygrid", "gradproof_for_toygrid"):
        sys.modules.pop(name, None)


PARAMS = {"w": np.array(0.7)}
BATCH = {"x": np.array([0.5, -1.25, 3.0]), "y": np.array([1.0, 0.1, 2.0])}


def loss(xp: Any, params: Any, batch: Any) -> Any:
    return xp.sum((params["w"] * batch["x"] - batch["y"]) ** 2)


def gradient(factor: float) -> Any:
    """The gradient in grids alone: with NumPy's arrays it raises."""

    def by_hand(params: Any, batch: Any) -> Any:
        error = params["w"] * batch["x"] - batch["y"]
        return {"w": factor * (error * batch["x"]).total()}

    return by_hand


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_verify_runs_it(toygrid: ModuleType, dtype: str) -> None:
    assert toygrid.PRECISION == ["float64"]
    scenario = gp.Scenario(name="mine", loss=loss, params=PARAMS, batch=BATCH)
    report = gp.verify(scenario, "toygrid", dtype, limits=None)
    assert report.ok, report.runs.T
    assert report.runs["backend"].tolist() == ["toygrid"]


@pytest.mark.usefixtures("toygrid")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_check_hands_its_arrays_over_and_takes_them_back(dtype: str) -> None:
    result = gp.check(loss, gradient(2.0), PARAMS, BATCH, dtype=dtype, points=3)
    assert result.verdict is gp.Verdict.AGREES
    assert "it works with toy grids, which do not run on certified balls" in result.reason
    wrong = gp.check(
        loss, gradient(2.0 + {"float64": 1e-9, "float32": 1e-3}[dtype]), PARAMS, BATCH, dtype=dtype
    )
    assert wrong.verdict is gp.Verdict.DISAGREES


def test_its_mode_is_that_of_the_dtype_during_the_call_alone(toygrid: ModuleType) -> None:
    seen = set()

    def looks(params: Any, batch: Any) -> Any:
        seen.add(toygrid.PRECISION[0])
        return gradient(2.0)(params, batch)

    gp.check(loss, looks, PARAMS, BATCH, dtype="float32", points=0)
    assert seen == {"float32"}
    assert toygrid.PRECISION == ["float64"]


def test_judge_takes_its_arrays(toygrid: ModuleType) -> None:
    grids = (toygrid.Grid(PARAMS["w"]), {name: toygrid.Grid(array) for name, array in BATCH.items()})
    right = gradient(2.0)({"w": grids[0]}, grids[1])
    assert gp.judge(loss, PARAMS, BATCH, right, dtype="float64").ok
    assert not gp.judge(loss, PARAMS, BATCH, {"w": 1.5 * right["w"]}, dtype="float64").ok


def test_list_tells_of_it(toygrid: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert toygrid is not None
    assert cli.main(["list"]) == 0
    assert "toygrid               plain" in capsys.readouterr().out


@pytest.mark.usefixtures("toygrid")
def test_where_nobody_uses_its_library_its_module_is_not_imported() -> None:
    sys.modules.pop("toygrid")
    gp.check(
        loss, lambda p, b: {"w": 2 * np.sum((p["w"] * b["x"] - b["y"]) * b["x"])}, PARAMS, BATCH, points=0
    )
    assert arrays.framework_of(np.ones(2)).name == "numpy"
    assert "gradproof_for_toygrid" not in sys.modules

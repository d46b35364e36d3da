"""No row depends on the ones before it: in any order, beside culprits or without, it has the same bits."""

import numpy as np
import pytest
from bad_backends import CHANGING, KINDS, install, scenario

import gradproof as gp
from gradproof.backends import backend_names, default_backends, is_own

RIGHT = [name for name in default_backends() if is_own(name)]


def rows(report):
    """What the right backends recorded at each step, in one order."""
    steps = report.steps[report.steps["backend"].isin(RIGHT)]
    keys = ["scenario", "backend", "variant", "dtype", "step"]
    return steps.astype(object).sort_values(keys, ignore_index=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "limits",
    [pytest.param(None, id="in this process"), pytest.param(gp.Limits(), id="apart", marks=pytest.mark.slow)],
)
def test_all_rows_in_two_random_orders_have_the_same_bits(limits, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    culprits = install(tmp_path, {name: KINDS[name] for name in CHANGING})
    assert set(culprits) < set(backend_names())
    scenarios = [scenario("first"), scenario("second", 7)]
    alone = gp.verify(scenarios, RIGHT, limits=limits)
    assert alone.ok
    expected = rows(alone)
    for seed in (1, 2):
        names = [str(name) for name in np.random.default_rng(seed).permutation([*RIGHT, *culprits])]
        report = gp.verify(scenarios[::-1] if seed == 2 else scenarios, names, limits=limits)
        found = rows(report)
        assert len(found) == len(expected)
        assert found[(found != expected).any(axis=1)].empty, names
        runs = report.runs.set_index("backend")["status"].loc[culprits]
        assert not [*runs.index[runs != "failed"]]

"""Whatever a backend does, the report is whole, its row says what happened, and no other row is changed."""

import numpy as np
import pytest
from bad_backends import KINDS, install

import gradproof as gp

QUICK = (
    "segfault",
    "last_words",
    "exit",
    "hang",
    "one_large_array",
    "system_exit",
    "unspeakable",
    "patch",
    "batch_in_place",
)
LIMITS = gp.Limits(seconds=2.0, memory=2**30)


def loss(xp, params, batch):
    return xp.mean((xp.tanh(batch["x"] @ params["w"]) - batch["y"]) ** 2)


def scenario(steps=3):
    random = np.random.default_rng(0)

    def gradient(params, batch):
        output = np.tanh(batch["x"] @ params["w"])
        return {"w": batch["x"].T @ (2 * (output - batch["y"]) / output.size * (1 - output**2))}

    return gp.Scenario(
        name="mine",
        loss=loss,
        gradient=gradient,
        params={"w": random.normal(size=(3, 2))},
        batch={"x": random.normal(size=(4, 3)), "y": random.normal(size=(4, 2))},
        training=gp.GradientDescent(0.1, steps),
    )


def bits(report):
    """What the reference recorded, step by step."""
    rows = report.steps[report.steps["backend"] == "reference"]
    return rows.drop(columns=["seconds"], errors="ignore").reset_index(drop=True)


@pytest.fixture(scope="module")
def right():
    return gp.verify([scenario()], ["reference"], limits=None)


def verified(names, tmp_path, monkeypatch, **options):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    backends = install(tmp_path, {name: KINDS[name] for name in names})
    # Each culprit comes before rows that are right, and after some.
    return gp.verify([scenario()], [*backends[::2], "reference", *backends[1::2]], **options)


def assert_told(report, names, right):
    assert not report.ok
    runs = report.runs.set_index(["backend", "dtype"])
    off = {}
    for name in names:
        for dtype in ("float64", "float32"):
            _, _, status, told = KINDS[name]
            row = runs.loc[(f"bad_{name}", dtype)]
            if row["status"] != status or told not in row["reason"] or len(row["reason"]) > 3000:
                off[name] = (row["status"], row["reason"][:300])
    assert not off
    for dtype in ("float64", "float32"):
        assert runs.loc[("reference", dtype)]["status"] == "run"
    assert bits(report).equals(bits(right))


def test_a_backend_that_ends_its_process_hangs_or_changes_others_is_a_row(tmp_path, monkeypatch, right):
    report = verified(QUICK, tmp_path, monkeypatch, limits=LIMITS)
    assert_told(report, QUICK, right)
    report.write(tmp_path / "report")
    assert gp.read_report(tmp_path / "report").runs.equals(report.runs)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_every_way_to_misbehave_is_a_row(jobs, tmp_path, monkeypatch, right):
    report = verified(KINDS, tmp_path, monkeypatch, jobs=jobs, limits=gp.Limits(5.0, 2**30))
    assert_told(report, KINDS, right)

"""A backend that records something else than it was asked for is told so, and never judged to be right."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gradproof import GradientDescent, Scenario, dense_network, verify
from gradproof.backends import Run
from gradproof.backends.reference_backend import ReferenceBackend
from gradproof.reference.descent import StoppingRule

SCENARIO = dense_network(
    [3, 2, 1],
    ["sigmoid", "sigmoid"],
    "half_sum_squared_error",
    biases=False,
    seed=1,
    training=GradientDescent(learning_rate=0.5, steps=4),
)


def other_start(run: Run) -> Run:
    """The run is right in every step, but of another start."""
    return ReferenceBackend().run(
        replace(SCENARIO, params={name: 2 * array for name, array in SCENARIO.params.items()}),
        dtype=run.dtype,
        variant=run.variant,
    )


def fewer_steps(run: Run) -> Run:
    return replace(
        run,
        losses=run.losses[:2],
        gradients={name: array[:2] for name, array in run.gradients.items()},
        weights={name: array[:3] for name, array in run.weights.items()},
    )


def with_arrays(kind: str, change: Callable[[Any], Any]) -> Callable[[Run], Run]:
    return lambda run: replace(run, **{kind: {**getattr(run, kind), "w1": change(getattr(run, kind)["w1"])}})


RENAMED = {"gradients": lambda run: {"w1": run.gradients["w1"], "v": run.gradients["w2"]}}
WRONG: dict[str, tuple[Callable[[Run], Run], str]] = {
    "another start": (other_start, "records other first weights of 'w1' than the parameters"),
    "fewer steps": (fewer_steps, "records 2 steps of scenario .* where 4 are planned and no stopping rule"),
    "fewer, as if stopped": (
        lambda run: replace(fewer_steps(run), stopped=True),
        "records 2 steps of scenario .* where 4 are planned and no stopping rule",
    ),
    "another dtype": (lambda run: replace(run, dtype="float16"), "was asked to run .* and records .*float16"),
    "other names": (
        lambda run: replace(run, gradients=RENAMED["gradients"](run)),
        r"gradients of \['v', 'w1'\], but the parameters are \['w1', 'w2'\]",
    ),
    "a gradient too few": (
        with_arrays("gradients", lambda array: array[:-1]),
        r"gradients of 'w1' of shape \(3, 3, 2\) .* where \(4, 3, 2\) and float32 are wanted",
    ),
    "a transposed gradient": (
        with_arrays("gradients", lambda array: array.swapaxes(1, 2)),
        r"gradients of 'w1' of shape \(4, 2, 3\)",
    ),
    "gradients that were cast": (
        with_arrays("gradients", lambda array: array.astype(np.float64)),
        "gradients of 'w1' of .* dtype float64, where .* float32 are wanted",
    ),
    "complex gradients": (
        with_arrays("gradients", lambda array: array + 0j),
        "gradients of 'w1' of .* dtype complex64",
    ),
    "weights without the last": (
        with_arrays("weights", lambda array: array[:-1]),
        "weights of 'w1' of shape",
    ),
    "lists": (with_arrays("weights", lambda array: array.tolist()), "weights of 'w1' as list"),
    "losses of another dtype": (
        lambda run: replace(run, losses=run.losses.astype(np.float64)),
        "losses of .* dtype float64",
    ),
}


@pytest.fixture
def run_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[Scenario, Callable[[Run], Run]], Any]:
    right = ReferenceBackend.run

    def verified(scenario: Scenario, change: Callable[[Run], Run]) -> Any:
        with monkeypatch.context() as patched:

            def changed(self: ReferenceBackend, *arguments: Any, **options: Any) -> Run:
                patched.setattr(ReferenceBackend, "run", right)
                return change(right(self, *arguments, **options))

            patched.setattr(ReferenceBackend, "run", changed)
            return verify([scenario], ["reference"], dtypes=["float32"], limits=None)

    return verified


@pytest.mark.parametrize(("change", "reason"), WRONG.values(), ids=WRONG)
def test_a_record_that_breaks_a_law_is_told(run_with: Any, change: Callable[[Run], Run], reason: str) -> None:
    report = run_with(SCENARIO, change)
    assert not report.ok
    assert report.runs["status"].tolist() == ["failed"]
    assert report.runs["reason"].astype(str).str.match(f"Backend 'reference' .*{reason}").all(), report.runs[
        "reason"
    ].iloc[0]
    assert report.gradients.empty


def test_a_record_that_keeps_them_is_judged(run_with: Any) -> None:
    assert run_with(SCENARIO, lambda run: run).ok


def test_a_stopping_rule_may_end_a_run(run_with: Any) -> None:
    training = GradientDescent(learning_rate=0.5, steps=4, stopping=StoppingRule(relative_improvement=0.5))
    report = run_with(replace(SCENARIO, training=training), lambda run: run)
    assert report.ok
    assert report.runs["stopped"].all()
    assert (report.runs["steps"] < 4).all()

"""Learning rates are judged against the schedule: right programs pass, wrong schedules are named."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

import gradproof as gp
from gradproof.backends import load_backend
from gradproof.backends.protocol import Run
from gradproof.reference.planned_rates import exact_rates, spread_of_rates
from gradproof.reference.schedules import Schedule
from gradproof.scenarios import Scenario, line_fit
from gradproof.verdicts.records import ParameterRecord
from gradproof.verdicts.runs import judge
from gradproof.verdicts.verdict import Verdict

STEPS = 12
SCHEDULES: dict[str, Schedule] = {
    "cosine": gp.CosineDecay(STEPS),
    "cosine to a floor": gp.CosineDecay(STEPS, floor=0.1),
    "steps": gp.StepDecay(5, 0.1),
    "warm-up": gp.WarmUp(6, start=0.1),
    "warm-up from 0 and cosine": gp.WarmUp(4, gp.CosineDecay(STEPS - 4)),
}


@dataclass(frozen=True)
class Changed(Schedule):
    """A schedule with a mistake: another step's, or applied more than once."""

    schedule: Schedule
    by: int = 0
    times: int = 1

    def factors(self, xp: Any, steps: Any) -> Any:
        return self.schedule.factors(xp, np.maximum(steps + self.by, 0)) ** self.times


@dataclass(frozen=True)
class Recorded(Schedule):
    """A schedule that is its factors."""

    numbers: tuple[float, ...]

    def factors(self, xp: Any, steps: Any) -> Any:
        return xp.asarray(np.array(self.numbers)[np.asarray(steps)])


def trained(schedule: Schedule | None) -> Scenario:
    return replace(line_fit(), training=gp.GradientDescent(0.01, STEPS, schedule=schedule), claims=())


def made(schedule: Schedule | None, dtype: str = "float64") -> Run:
    return load_backend("reference").run(trained(schedule), dtype=dtype, variant="numpy")


def of_rates(scenario: Scenario, run: Run) -> ParameterRecord:
    outcome = judge(scenario, run, {})
    *states, record = outcome.states
    assert all(each.worst_verdict().passes for each in (*outcome.updates, *states))
    assert record.name == "learning_rate"
    return record


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_references_rates_are_right(name: str, dtype: str) -> None:
    schedule = SCHEDULES[name]
    assert of_rates(trained(schedule), made(schedule, dtype)).worst_verdict() is Verdict.AGREES


def one_by_one(name: str, steps: int) -> Any:
    """The rates of schedules, each from the one before, as PyTorch's manual has them."""
    rate, rates = 0.01, []
    for k in range(1, steps + 1):
        rates.append(rate)
        if name == "cosine":
            rate *= (1 + np.cos(np.pi * k / steps)) / (1 + np.cos(np.pi * (k - 1) / steps))
        elif name == "cosine to a floor":
            quotient = (1 + np.cos(np.pi * k / steps)) / (1 + np.cos(np.pi * (k - 1) / steps))
            rate = (rate - 0.001) * quotient + 0.001
        else:
            rate = rate * 0.99 if k % 3 == 0 else rate
    return np.array(rates)


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("cosine", gp.CosineDecay(10_000)),
        ("cosine to a floor", gp.CosineDecay(10_000, floor=0.1)),
        ("steps", gp.StepDecay(3, 0.99)),
    ],
)
def test_rates_that_are_computed_each_from_the_last_are_within_the_noise(
    name: str, schedule: Schedule
) -> None:
    steps = 10_000
    training = gp.GradientDescent(0.01, steps, schedule=schedule)
    off = np.abs(one_by_one(name, steps) - exact_rates(training, steps).values())
    spread = spread_of_rates(training, steps, "float64")
    assert np.max(off / spread) < 2
    assert np.max(spread / 0.01) < 1e-10


PLANTED = {
    "off by one step": (
        lambda schedule: Changed(schedule, by=1),
        "what is recorded is the learning rate of the next step",
    ),
    "one step late": (
        lambda schedule: Changed(schedule, by=-1),
        "what is recorded is the learning rate of the step before",
    ),
    "left out": (lambda _: None, "what is recorded is the learning rate without its schedule"),
    "twice": (
        lambda schedule: Changed(schedule, times=2),
        "what is recorded is the schedule of the learning rate applied twice",
    ),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("mistake", PLANTED)
@pytest.mark.parametrize("name", ["cosine to a floor", "steps", "warm-up"])
def test_a_wrong_schedule_is_caught_and_named_and_the_updates_are_right(
    name: str, mistake: str, dtype: str
) -> None:
    plant, cause = PLANTED[mistake]
    record = of_rates(trained(SCHEDULES[name]), made(plant(SCHEDULES[name]), dtype))
    assert record.worst_verdict() is Verdict.DISAGREES
    assert record.cause == cause


def test_rates_of_float32_in_float64_are_inaccurate_and_not_wrong() -> None:
    """As optax computes linear schedules where 64 bits are on."""
    scenario, run = trained(SCHEDULES["warm-up"]), made(SCHEDULES["warm-up"])
    assert run.learning_rates is not None
    rounded = replace(run, learning_rates=run.learning_rates.astype(np.float32).astype(np.float64))
    record = judge(scenario, rounded, {}).states[-1]
    assert record.worst_verdict() is Verdict.INACCURATE
    assert record.cause == "the learning rate has no more digits than float32"
    assert record.worst.verdict.tolist() == [record.verdict[record.worst.step]]


@pytest.mark.parametrize("optimizer", [gp.SGD(), gp.Adam()], ids=lambda rule: type(rule).__name__)
@pytest.mark.parametrize(
    ("change", "verdict", "cause"),
    [
        (lambda rates: 0.9 * rates, Verdict.DISAGREES, "what is recorded is 0.9 times the learning rate"),
        (lambda rates: rates * (1 + 1e-4 * (np.arange(STEPS) == 7)), Verdict.DISAGREES, ""),
        (
            lambda rates: rates.astype(np.float32).astype(np.float64),
            Verdict.INACCURATE,
            "the learning rate has no more digits than float32",
        ),
        (lambda rates: rates * (1 + 2**-52), Verdict.AGREES, ""),
    ],
    ids=["0.9 times as large", "another one at one step", "of float32", "of another last digit"],
)
def test_a_rate_that_was_recorded_is_the_planned_one_without_a_schedule_too(
    optimizer: Any, change: Any, verdict: Verdict, cause: str
) -> None:
    """A training that steps with another rate, and says so: each of its steps is right for that rate."""
    planned = gp.GradientDescent(0.01, STEPS, optimizer=optimizer)
    scenario = replace(line_fit(), training=planned, claims=())
    rates = change(planned.learning_rates)
    training = replace(planned, schedule=Recorded(tuple(rates / 0.01)))
    run = load_backend("reference").run(
        replace(scenario, training=training), dtype="float64", variant="numpy"
    )
    assert run.learning_rates is not None
    record = of_rates(scenario, replace(run, learning_rates=rates))
    assert (record.worst_verdict(), record.cause) == (verdict, cause)


def test_a_rate_that_is_planned_to_be_0_is_no_multiple_of_it() -> None:
    """All other steps are right, so the cause is none of all of them."""
    scenario, run = trained(gp.WarmUp(6, start=0.0)), made(gp.WarmUp(6, start=0.0))
    assert run.learning_rates is not None
    assert run.learning_rates[0] == 0
    other = run.learning_rates + 0.005 * (np.arange(STEPS) == 0)
    record = judge(scenario, replace(run, learning_rates=other), {}).states[-1]
    assert (record.worst_verdict(), record.cause) == (Verdict.DISAGREES, "")


def test_without_a_schedule_or_without_recorded_rates_none_are_judged() -> None:
    assert judge(trained(None), made(None), {}).states == ()
    schedule = SCHEDULES["cosine"]
    assert judge(trained(schedule), replace(made(schedule), learning_rates=None), {}).states == ()


def test_rates_and_states_are_told_in_reports_and_in_their_files(tmp_path: Any) -> None:
    training = gp.GradientDescent(0.01, STEPS, optimizer=gp.Adam(), schedule=SCHEDULES["cosine"])
    scenario = replace(line_fit(), training=training, claims=())
    report = gp.verify(scenario, "reference", ["float64", "float32"], limits=None)
    assert report.ok
    moments = {f"{entry}_moment of {name}" for entry in ("first", "second") for name in ("m", "c")}
    assert set(report.states["parameter"]) == {"learning_rate", *moments}
    report.write(tmp_path / "report")
    assert gp.read_report(tmp_path / "report").states.equals(report.states)

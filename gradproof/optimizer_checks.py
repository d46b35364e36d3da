"""`check_optimizer`: does an optimizer of one's own make the steps of its rule?"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.arrays import NUMPY, framework_of, tree_in_numpy
from gradproof.backends.framework import Framework, Step
from gradproof.backends.loading import frameworks_in_use
from gradproof.errors import DisagreementError, InputError
from gradproof.inputs import (
    COUNT,
    MAPPING,
    POSITIVE,
    SEED,
    TEXT,
    Wanted,
    accepts,
    instance_of,
    optional,
    sequence_of,
)
from gradproof.own_steps import GivenGradients, OwnSteps, drawn_gradients
from gradproof.reference.descent import GradientDescent
from gradproof.reference.numbers.run_formats import OWN, OWN_DTYPES
from gradproof.reference.optimizers import Optimizer
from gradproof.reference.trees import flatten
from gradproof.scenarios.scenario import UNNAMED, Scenario
from gradproof.scenarios.user_code import called, ends_nothing
from gradproof.texts import ShownInNotebooks, visible
from gradproof.verdicts.judging.check_findings import CheckFinding
from gradproof.verdicts.numerals import entry, index_text, sentence
from gradproof.verdicts.printing import printed, table_lines, terminal_width, wrapped
from gradproof.verdicts.records import CheckRecord, ParameterRecord
from gradproof.verdicts.updates.unrecorded_states import alike, judged_updates, steps_without_states
from gradproof.verdicts.verdict import SEVERITY, Verdict, worst

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class OptimizerCheck(ShownInNotebooks):
    """What `check_optimizer` found.

    Attributes:
        rule: what the steps were judged by.
        steps: how many were made and judged.
        dtype: what they were made in.
        records: what is said of each parameter's weights after each step, by the worst entry.
        findings: what else was noticed.
        unchecked: what was not looked at, or what these steps cannot tell, a sentence each.
        seed: what the gradients were drawn with.
    """

    rule: Optimizer
    steps: int
    dtype: str
    records: tuple[ParameterRecord, ...]
    findings: tuple[CheckFinding, ...] = ()
    unchecked: tuple[str, ...] = ()
    seed: int = 0

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all steps."""
        return worst([record.worst_verdict() for record in self.records])

    @property
    def ok(self) -> bool:
        """Whether the verdict passes."""
        return self.verdict.passes

    @property
    def cause(self) -> str:
        """What is wrong with the steps, in words; empty where they pass, or where no cause was found."""
        groups: dict[str, list[ParameterRecord]] = {}
        for record in (each for each in self._failing() if each.cause):
            groups.setdefault(record.cause.replace(f" of {record.name}", "", 1), []).append(record)
        return "; ".join(_told_together(group) for group in groups.values())

    @property
    def updates(self) -> "pd.DataFrame":
        """A row for each step and parameter, of the worst entry of its weights after the step."""
        import pandas as pd  # noqa: PLC0415 - only who looks at the table pays for it

        return pd.DataFrame([row for each in self.records for row in _rows(each)])

    def raise_if_wrong(self) -> None:
        """Raise DisagreementError with the cause and the worst entries, unless all steps pass."""
        if not self.ok:
            raise DisagreementError(self.told())

    def told(self, width: int | None = None, title: str = "") -> str:
        """Tell the verdict, the cause and, where steps fail, the worst entry of each parameter.

        Args:
            width: columns that prose and tables take at most; None for any number.
            title: what was judged, for the first line.
        """
        failing = self._failing()
        lines = [wrapped(f"{title}: {self._headline()}" if title else self._headline(), width, "  ")]
        lines += [wrapped(f"  {label:<9} {text}", width, " " * 12) for label, text in self._explanation()]
        if failing:
            lines.append(wrapped("  the worst entry of each parameter that does not pass:", width, "  "))
            lines += _table(failing, width)
        return "\n".join(lines)

    def __str__(self) -> str:
        """Tell it as wide as the terminal is."""
        return self.told(terminal_width())

    def record(self, test: str) -> CheckRecord:
        """Give what a report tells of the check.

        Args:
            test: who asked: a test as pytest names it, or what the command was asked to look at.
        """
        return CheckRecord(
            test=test,
            verdict=str(self.verdict),
            ok=self.ok,
            digits=np.nan,
            dtype=self.dtype,
            seed=self.seed,
            points=f"{self.steps} steps",
            cause=self.cause,
            where="",
            reason=self._reason(),
            findings="; ".join([*(finding.text for finding in self.findings), *self.unchecked]),
            failing_point="",
        )

    def _failing(self) -> list[ParameterRecord]:
        return [record for record in self.records if not record.worst_verdict().passes]

    def _headline(self) -> str:
        rule, dtype = type(self.rule).__name__, OWN_DTYPES if self.dtype == OWN else self.dtype
        wrong = np.zeros(self.steps, dtype=bool)
        for record in self.records:
            wrong |= [not SEVERITY[code].passes for code in record.verdict]
        off = f"{np.count_nonzero(wrong)} of " if wrong.any() else ""
        return f"{self.verdict} with {rule} in {off}{self.steps} steps, {dtype}"

    def _reason(self) -> str:
        record = max(self.records, key=lambda each: SEVERITY.index(each.worst_verdict()))
        step = record.worst_step()
        reason = str(record.reason[step])
        return sentence(f"after step {step} of {record.name} {reason}") if reason else ""

    def _explanation(self) -> Iterator[tuple[str, str]]:
        if self._failing():
            yield "cause", self.cause or "none found"
        if reason := self._reason():
            yield "why", reason
        yield from (("note", finding.text) for finding in self.findings)
        yield from (("unchecked", text) for text in self.unchecked)


def _told_together(group: Sequence[ParameterRecord]) -> str:
    """Tell a cause that several parameters have."""
    others = ", ".join(record.name for record in group[1:])
    return f"{group[0].cause} (likewise {others})" if others else group[0].cause


def _rows(record: ParameterRecord) -> Iterator[dict[str, Any]]:
    for step in range(len(record.verdict)):
        yield {
            "step": step,
            "parameter": record.parameter,
            "index": index_text(record.entry(step)),
            **{n: getattr(record, n)[step] for n in ("value", "exact", "error", "relative_error", "ulps")},
            "spreads": record.spreads[step],
            "verdict": str(SEVERITY[record.verdict[step]]),
        }


def _table(failing: Iterable[ParameterRecord], width: int | None) -> Iterator[str]:
    """Lay out the worst entry of each of some parameters, in lines that are indented."""
    rows = []
    for record in failing:
        step = record.worst_step()
        row = [*_rows(record)][step]
        name, numbers = visible(entry(record.parameter, row["index"])), ("error", "ulps", "spreads")
        shown = (f"{row[number]:.4g}" for number in numbers)
        rows.append((name, str(step), row["verdict"], repr(float(row["value"])), row["exact"], *shown))
    header = ("entry", "step", "verdict", "value", "exact", "error", "ulps", "spreads")
    room = None if width is None else width - 2
    yield from (f"  {line}".rstrip() for line in printed(table_lines(header, rows, room)))


_ONE_A_STEP = sequence_of(MAPPING, "")
_GRADIENTS = Wanted(
    lambda value: value is None or callable(value) or (_ONE_A_STEP.holds(value) and len([*value]) > 0),
    "a function of the weights, or a list of gradients laid out as they are, one a step",
)


@ends_nothing()
@accepts(
    "the check",
    rule=instance_of(Optimizer, "an optimizer such as gradproof.Adam(...)"),
    learning_rate=POSITIVE,
    steps=COUNT,
    dtype=optional(TEXT),
    seed=SEED,
    gradients=_GRADIENTS,
)
def check_optimizer(
    optimizer: Any,
    rule: Optimizer,
    params: Any,
    *,
    learning_rate: float,
    steps: int = 12,
    gradients: GivenGradients = None,
    dtype: str | None = None,
    seed: int = 0,
) -> OptimizerCheck:
    """Check an optimizer of one's own: whether its steps are those of its rule, and what is wrong if not.

    It makes some steps from given gradients. The weights after each step are judged against the exact ones:
    from its own weights before the step, and from what the rule keeps of all gradients so far, within the
    measured rounding noise. Wrong steps get a cause: "the update of w is Adam's with epsilon inside the
    root".

    Args:
        optimizer: a function `step(weights, gradients)` that gives the weights after the step, or changes
            those that it is given in place and gives None; a subclass of torch.optim.Optimizer; an object
            of one that has not stepped yet, whose tensors `params` names (a copy of it steps); or a
            transformation of optax.
        rule: what it is to compute, with its settings: `gradproof.Adam(beta2=0.99)`, say.
        params: the first weights, a mapping from names to arrays of NumPy, PyTorch or JAX; the function is
            given arrays of the same framework, laid out alike. Some entries are enough.
        learning_rate: what the optimizer steps with.
        steps: how many steps it makes.
        gradients: None for random ones, of sizes from tiny to large so that all settings count; or a
            function of the weights; or a sequence of gradients, one a step.
        dtype: what to compute in; None for the arrays' own.
        seed: of the random gradients.

    Raises:
        InputError: the optimizer raises, or an argument is none that can be worked with.

    >>> class MyAdam:
    ...     def __init__(self):
    ...         self.m, self.v, self.t = 0.0, 0.0, 0
    ...
    ...     def step(self, weights, gradients):
    ...         g, self.t = gradients["w"], self.t + 1
    ...         self.m = 0.9 * self.m + 0.1 * g
    ...         self.v = 0.999 * self.v + 0.001 * g**2
    ...         m, v = self.m / (1 - 0.9**self.t), self.v / (1 - 0.999**self.t)
    ...         return {"w": weights["w"] - 0.01 * m / np.sqrt(v + 1e-8)}
    >>> import gradproof as gp
    >>> check = check_optimizer(MyAdam().step, gp.Adam(), {"w": np.ones(4)}, learning_rate=0.01)
    >>> check.cause
    "the update of w is Adam's with epsilon inside the root"
    """
    scenario = Scenario(name=UNNAMED, loss=_no_loss, params=tree_in_numpy(params), batch={})
    chosen = OWN if dtype is None else dtype
    weights, _ = flatten(params, "params")
    step, framework = _step_of(optimizer, weights, scenario, float(learning_rate))
    if gradients is None:
        handed: Any = drawn_gradients(scenario, chosen, int(steps), int(seed))
    else:
        handed = gradients if callable(gradients) else [*gradients]
    count = len(handed) if isinstance(handed, list) else int(steps)
    training = GradientDescent(learning_rate=learning_rate, steps=count, optimizer=rule)
    run, findings = OwnSteps(step, framework, scenario, chosen).record(handed, training.steps)
    taken = steps_without_states(scenario, training, run.widened)
    records = judged_updates(taken)
    passes = all(record.worst_verdict().passes for record in records)
    unchecked = [
        *_not_made(run.steps, training.steps),
        *(_not_told_apart(rule, alike(taken)) if passes else ()),
    ]
    return OptimizerCheck(
        rule, run.steps, scenario.formats(chosen).dtype, records, findings, tuple(unchecked), int(seed)
    )


def _no_loss(xp: Any, params: Any, batch: Any) -> Any:
    """Stand for the loss of a scenario whose gradients are given."""
    del batch
    return sum(xp.sum(array) for array in params.values())


def _step_of(
    optimizer: Any, weights: Mapping[str, Any], scenario: Scenario, rate: float
) -> tuple[Step, Framework]:
    """Give how what was given steps, on flat mappings, and in whose arrays."""
    for framework in frameworks_in_use():
        made = partial(framework.own_step, optimizer, weights, rate)
        step = called("optimizer", made)
        if step is not None:
            return step, framework
    if not callable(optimizer) or isinstance(optimizer, type):
        raise InputError(
            f"The optimizer is {optimizer!r:.60}, which is no step. Give a function of weights and "
            "gradients, an object's method of this kind, an optimizer of PyTorch or one of optax."
        )
    nest: Callable[[Any], Any] = scenario.params_structure.nest

    def step_on_flat(flat: dict[str, Any], gradients: dict[str, Any]) -> Any:
        after = optimizer(nest(flat), nest(gradients))
        return None if after is None else scenario.laid_out(after, "weights after a step")

    frameworks = {each.name: each for each in map(framework_of, weights.values())}
    return step_on_flat, next(iter(frameworks.values())) if len(frameworks) == 1 else NUMPY


def _not_made(made: int, planned: int) -> Iterator[str]:
    if made < planned:
        yield (
            f"The weights after step {made - 1} are not finite, so the {planned - made} steps after it were "
            "not made."
        )


def _not_told_apart(rule: Optimizer, others: Iterable[str]) -> Iterator[str]:
    if words := list(dict.fromkeys(others)):
        name = type(rule).__name__
        yield (
            f"Within rounding these steps are also {', '.join(words)}: they do not tell that from what "
            f"{name} does as it was given."
        )

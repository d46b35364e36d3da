"""The fixture `gradproof`: checks of gradients in tests, and their part of the session's report.

Imports nothing that costs time: `check` itself is loaded when a test first calls it.
"""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from gradproof.errors import GradproofError, InputError
from gradproof.inputs import SEED, check_inputs, optional, sequence_of
from gradproof.plugin.parts import leave_check, report_folder

if TYPE_CHECKING:
    from gradproof.checking import Check
    from gradproof.optimizer_checks import OptimizerCheck
    from gradproof.reference.optimizers import Optimizer
    from gradproof.verdicts.judging.judgement import Judgement

_OPTIONS = {"dtype", "points", "seed", "seeds", "learning_rate", "conditions", "fixed", "batches"}


class Checker:
    """What the fixture `gradproof` gives to a test.

    Attributes:
        checks: the checks that the test has made.
    """

    def __init__(self, request: pytest.FixtureRequest) -> None:
        """Read the test's marker."""
        self._item = request.node
        self._config = request.config
        self._test = request.node.nodeid
        self._options: dict[str, Any] = {}
        for marker in reversed(list(request.node.iter_markers("gradproof"))):
            unknown = sorted({*marker.kwargs} - _OPTIONS)
            if unknown or marker.args:
                pytest.fail(
                    f"The marker gradproof does not know {unknown or list(marker.args)}. Give it "
                    f"{', '.join(sorted(_OPTIONS))} by name.",
                    pytrace=False,
                )
            self._options |= marker.kwargs
        seeds = optional(sequence_of(SEED, "a sequence of seeds, [0, 1, 2] say"))
        try:
            check_inputs("the marker gradproof", seeds=(self._options.get("seeds"), seeds))
        except InputError as error:
            pytest.fail(str(error), pytrace=False)
        self.checks: list[Check] = []

    def check(
        self,
        loss: Callable[[Any, Any, Any], Any],
        gradient: Callable[[Any, Any], Any],
        params: Any,
        batch: Any,
        **options: Any,
    ) -> "Check":
        """Check a gradient as `gradproof.check` does, and fail the test with the cause unless it is ok.

        Args:
            loss: called as `loss(xp, params, batch)`.
            gradient: called as `gradient(params, batch)`.
            params: a mapping from names to floating-point arrays.
            batch: likewise, of data.
            **options: those of `gradproof.check`, and `seeds` for several seeds one after the other. They
                come before those of the marker `gradproof`.

        Returns:
            the check; with several seeds the last one's.
        """
        __tracebackhide__ = True
        from gradproof.checking import check  # noqa: PLC0415 - only for those who use it

        chosen = {**self._options, **options}
        seeds: Sequence[int] = chosen.pop("seeds", None) or [chosen.get("seed", 0)]
        chosen.pop("seed", None)
        result: Check | None = None
        for seed in seeds:
            try:
                result = check(loss, gradient, params, batch, seed=seed, **chosen)
            except GradproofError as error:
                message = str(error)
                pytest.fail(message, pytrace=False)
            self.checks.append(result)
            saved = self._saved_point(result)
            leave_check(self._item, vars(result.record(self._test, saved)))
            if not result.ok:
                pytest.fail(
                    "\n".join([result.told(), *([f"  point    {saved}"] if saved else [])]), pytrace=False
                )
        if result is None:
            pytest.fail("There is no seed to check with. Give one or more.", pytrace=False)
        return result

    def judge(
        self,
        loss: Callable[[Any, Any, Any], Any],
        params: Any,
        batch: Any,
        gradients: Any,
        **options: Any,
    ) -> "Judgement":
        """Judge a gradient that was computed as `gradproof.judge` does, and fail the test unless it is ok.

        Args:
            loss: called as `loss(xp, params, batch)`.
            params: where it was computed: a mapping from names to arrays.
            batch: likewise, of data.
            gradients: what was computed, laid out as `params`.
            **options: those of `gradproof.judge`; the marker's `dtype` stands for one that is not given.

        Returns:
            the judgement.
        """
        __tracebackhide__ = True
        from gradproof.single import judge, record_of  # noqa: PLC0415 - only for those who use it

        chosen = {name: self._options[name] for name in ("dtype",) if name in self._options} | options
        try:
            found = judge(loss, params, batch, gradients, **chosen)
        except GradproofError as error:
            message = str(error)
            pytest.fail(message, pytrace=False)
        leave_check(self._item, vars(record_of(found, self._test)))
        if not found.ok:
            pytest.fail(found.told(), pytrace=False)
        return found

    def check_optimizer(
        self, optimizer: Any, rule: "Optimizer", params: Any, **options: Any
    ) -> "OptimizerCheck":
        """Check an optimizer as `gradproof.check_optimizer` does, and fail the test unless it is ok.

        Args:
            optimizer: a function `step(weights, gradients)`, or an optimizer of PyTorch or optax.
            rule: what it is to compute.
            params: the first weights: a mapping from names to arrays.
            **options: those of `gradproof.check_optimizer`; the marker's `learning_rate`, `dtype` and `seed`
                stand for those that are not given.

        Returns:
            the check.
        """
        __tracebackhide__ = True
        from gradproof.optimizer_checks import check_optimizer  # noqa: PLC0415 - only for those who use it

        own = ("learning_rate", "dtype", "seed")
        chosen = {name: self._options[name] for name in own if name in self._options} | options
        try:
            found = check_optimizer(optimizer, rule, params, **chosen)
        except GradproofError as error:
            message = str(error)
            pytest.fail(message, pytrace=False)
        leave_check(self._item, vars(found.record(self._test)))
        if not found.ok:
            pytest.fail(found.told(), pytrace=False)
        return found

    def _saved_point(self, result: "Check") -> str:
        """Save a failing point of the check's own in a folder beside the report's; empty if there is none."""
        if result.failing_point is None or result.failing_point.seed is None:
            return ""
        # Not in the report's folder, which is replaced as a whole at the end of the session.
        report = report_folder(self._config)
        folder = report.with_name(f"{report.name}-points")
        folder.mkdir(parents=True, exist_ok=True)
        slug = re.sub(r"[^\w.-]+", "_", self._test).strip("_")[-120:]
        return str(result.save_point(folder / f"{slug}-{len(self.checks)}.npz"))

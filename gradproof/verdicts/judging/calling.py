"""Calling the user's gradient in floating point, with arrays of whatever framework it wants."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.arrays import NUMPY, as_numpy, computing_in
from gradproof.backends.framework import Framework
from gradproof.backends.loading import frameworks, frameworks_in_use
from gradproof.errors import InputError
from gradproof.reference.numbers.run_formats import RunFormats
from gradproof.reference.trees import described, flatten
from gradproof.scenarios.user_code import called
from gradproof.verdicts.judging.check_findings import CheckFinding
from gradproof.verdicts.judging.claimed import Place
from gradproof.verdicts.judging.given import Given, read
from gradproof.verdicts.judging.user_gradient import UserGradient

Array = NDArray[Any]


@dataclass(frozen=True)
class Called:
    """What a gradient returned in floating point.

    Attributes:
        values: by parameter, float64 arrays; only those that can be compared with the true gradient's.
        findings: what is wrong with what it returned, and with what it did.
        takes: what it was given: a framework's name, or `NAME-leaves`.
        gives: the name of the framework whose arrays it returned.
        formats: what its numbers are held in.
        works_with: the framework whose arrays it takes or gives, if they are not NumPy's.
    """

    values: Mapping[str, Array]
    findings: tuple[CheckFinding, ...]
    takes: str
    gives: str
    formats: RunFormats
    works_with: Framework | None


def call_gradient(
    subject: UserGradient, place: Place, formats: RunFormats, takes: str | None = None
) -> Called:
    """Call the gradient in a dtype.

    Args:
        subject: whose gradient.
        place: where; the floating-point arrays are rounded to the formats.
        formats: those that it is to compute in.
        takes: the arrays that it wants, if known. Else NumPy's are tried first, then those of a framework
            that the user's code has imported.

    Raises:
        InputError: the gradient raises, whatever arrays it is given.
    """
    failure: InputError | None = None
    for name, framework, leaf in _handings():
        if takes in {None, name}:
            try:
                return replace(_call(subject, place, formats, framework, leaf=leaf), takes=name)
            except InputError as error:
                # The first one's is told: with NumPy arrays the user's own lines are the shortest.
                failure = failure or error
    assert failure is not None  # noqa: S101 - NumPy's arrays were tried
    raise failure


def _handings() -> Iterator[tuple[str, Framework, bool]]:
    """Give the ways to hand arrays over, in the order in which they are tried.

    They are NumPy's arrays, then those of the libraries that the process has imported: as they are, and as
    leaves for code that calls `backward()` on them.
    """
    yield NUMPY.name, NUMPY, False
    told = {NUMPY.name}
    for framework in chain(frameworks_in_use(), (each for each in frameworks() if each.is_used)):
        if framework.name not in told:
            told.add(framework.name)
            yield framework.name, framework, False
            if framework.has_leaves:
                yield f"{framework.name}-leaves", framework, True


def _call(
    subject: UserGradient, place: Place, formats: RunFormats, framework: Framework, *, leaf: bool
) -> Called:
    params = {name: array.astype(formats.of_param(name)) for name, array in place.params.items()}
    batch = {
        name: array.astype(formats.of_data(name)) if array.dtype.kind == "f" else array.copy()
        for name, array in place.batch.items()
    }
    with computing_in(formats.finest), np.errstate(all="ignore"):
        given = (
            {name: framework.from_numpy(array, leaf=leaf) for name, array in params.items()},
            {name: framework.from_numpy(array) for name, array in batch.items()},
        )
        nested = subject.nested(*given)
        result = called("gradient", lambda: subject.function(*nested))
        mutations = (*_mutations("params", params, given[0]), *_mutations("batch", batch, given[1]))
        leaves, problems = _leaves(result, [*params])
        got = Given({}, problems) if problems else read(leaves, {name: a.shape for name, a in params.items()})
    works_with = next((each for each in (framework, got.framework) if each.name != NUMPY.name), None)
    findings = (*mutations, *got.findings)
    return Called(got.values, findings, "", got.framework.name, formats.given(got.dtypes), works_with)


def _mutations(kind: str, before: Mapping[str, Array], after: Mapping[str, Any]) -> Iterator[CheckFinding]:
    for name, array in before.items():
        if not np.array_equal(array, as_numpy(after[name]), equal_nan=array.dtype.kind == "f"):
            yield CheckFinding(
                "mutated-input",
                f"The gradient changes {kind}[{name!r}] in place. Work on a copy, or write x = x + y instead "
                "of x += y.",
                fails=True,
                parameter=name if kind == "params" else "",
            )


def _leaves(result: Any, names: list[str]) -> tuple[Mapping[str, Any], tuple[CheckFinding, ...]]:
    """Give what the gradient returned by dotted name, or what is wrong with it as a whole."""
    if result is None:
        text = "The gradient returns None. Return a mapping from the parameters' names to arrays."
        return {}, (CheckFinding("none", text, fails=True),)
    try:
        return flatten(result, "gradient")[0], ()
    except InputError:
        text = (
            f"What the gradient returns is {described(result)}, and a mapping from the parameters' names to "
            f"arrays is wanted. Return one entry for each of {names}."
        )
        return {}, (CheckFinding("not-a-mapping", text, fails=True),)

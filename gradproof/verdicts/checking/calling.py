"""Calling the user's gradient in floating point, with arrays of whatever framework it wants."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.arrays import NUMPY, as_float64, as_numpy, computing_in, framework_of
from gradproof.backends.framework import Framework
from gradproof.backends.loading import frameworks, frameworks_in_use
from gradproof.errors import InputError
from gradproof.reference.trees import described, flatten
from gradproof.scenarios.user_code import called
from gradproof.verdicts.judging.claimed import Place
from gradproof.verdicts.judging.findings import CheckFinding
from gradproof.verdicts.judging.user_gradient import UserGradient

Array = NDArray[Any]

_ORDER = ("float64", "float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Called:
    """What a gradient returned in floating point.

    Attributes:
        values: by parameter, float64 arrays; only those that can be compared with the true gradient's.
        findings: what is wrong with what it returned, and with what it did.
        takes: what it was given: a framework's name, or `NAME-leaves`.
        gives: the name of the framework whose arrays it returned.
        dtype: what its numbers are held in.
        works_with: what the arrays that it takes or gives are called, if they are not NumPy's; else empty.
    """

    values: Mapping[str, Array]
    findings: tuple[CheckFinding, ...]
    takes: str
    gives: str
    dtype: str
    works_with: str


def call_gradient(subject: UserGradient, place: Place, dtype: str, takes: str | None = None) -> Called:
    """Call the gradient in a dtype.

    Args:
        subject: whose gradient.
        place: where; the floating-point arrays are rounded to the dtype.
        dtype: float64, float32 or float16.
        takes: the arrays that it wants, if known. Else NumPy's are tried first, then those of a framework
            that the user's code has imported.

    Raises:
        InputError: the gradient raises, whatever arrays it is given.
    """
    failure: InputError | None = None
    for name, framework, leaf in _handings():
        if takes in {None, name}:
            try:
                return replace(_call(subject, place, dtype, framework, leaf=leaf), takes=name)
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


def _call(subject: UserGradient, place: Place, dtype: str, framework: Framework, *, leaf: bool) -> Called:
    params = {name: array.astype(dtype) for name, array in place.params.items()}
    batch = {
        name: array.astype(dtype) if array.dtype.kind == "f" else array.copy()
        for name, array in place.batch.items()
    }
    with computing_in(dtype), np.errstate(all="ignore"):
        given = (
            {name: framework.from_numpy(array, leaf=leaf) for name, array in params.items()},
            {name: framework.from_numpy(array) for name, array in batch.items()},
        )
        nested = subject.nested(*given)
        result = called("gradient", lambda: subject.function(*nested))
        findings = [*_mutations("params", params, given[0]), *_mutations("batch", batch, given[1])]
        values, gives, used, problems = _read(result, subject)
    works_with = next((each.words for each in (framework, gives) if each.name != NUMPY.name), "")
    return Called(values, (*findings, *problems), "", gives.name, _coarser(dtype, used), works_with)


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


# -------------------------------------------------------------------- what it returned


def _read(result: Any, subject: UserGradient) -> tuple[dict[str, Array], Framework, str, list[CheckFinding]]:
    """Read what the gradient returned: its values, whose arrays they are, their dtype, what is wrong."""
    if result is None:
        text = "The gradient returns None. Return a mapping from the parameters' names to arrays."
        return {}, NUMPY, "", [CheckFinding("none", text, fails=True)]
    names = list(subject.scenario.flat_params)
    try:
        leaves, _ = flatten(result, "gradient")
    except InputError:
        text = (
            f"What the gradient returns is {described(result)}, and a mapping from the parameters' names to "
            f"arrays is wanted. Return one entry for each of {names}."
        )
        return {}, NUMPY, "", [CheckFinding("not-a-mapping", text, fails=True)]
    findings = [*_names(leaves, names)]
    values: dict[str, Array] = {}
    gives, dtypes = NUMPY, []
    for name in names:
        if name not in leaves:
            continue
        gives = framework_of(leaves[name]) if gives is NUMPY else gives
        array = as_float64(leaves[name])
        if array is None:
            text = f"The gradient of {name!r} is {leaves[name]!r:.60}, which is no array of real numbers."
            findings.append(CheckFinding("none", f"{text} Return an array.", fails=True, parameter=name))
            continue
        shape = subject.scenario.flat_params[name].shape
        if array.shape != shape:
            findings.append(_wrong_shape(name, array.shape, shape))
            continue
        dtypes.append(_dtype_name(leaves[name]))
        values[name] = array
    coarsest = max((d for d in dtypes if d in _ORDER), key=_ORDER.index, default="")
    return values, gives, coarsest, findings


def _names(leaves: Mapping[str, Any], names: list[str]) -> Iterator[CheckFinding]:
    for name in names:
        if name not in leaves:
            yield CheckFinding(
                "missing-parameter",
                f"The gradient has no entry for parameter {name!r}. Return one for each of {names}.",
                fails=True,
                parameter=name,
            )
    for name in leaves:
        if name not in names:
            yield CheckFinding(
                "superfluous-parameter",
                f"The gradient has an entry {str(name)!r}, and there is no such parameter. Return one for "
                f"each of {names}.",
                fails=True,
            )


def _wrong_shape(name: str, shape: tuple[int, ...], right: tuple[int, ...]) -> CheckFinding:
    return CheckFinding(
        "wrong-shape",
        f"The gradient of {name!r} has shape {shape}, but the parameter has shape {right}. Give it the "
        "parameter's shape.",
        fails=True,
        parameter=name,
    )


def _dtype_name(leaf: Any) -> str:
    return str(getattr(leaf, "dtype", "float64")).removeprefix("torch.")


def _coarser(asked: str, used: str) -> str:
    return max((asked, used), key=_ORDER.index) if used in _ORDER else asked

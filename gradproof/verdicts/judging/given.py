"""Reading what was given for a gradient: its values, and what is missing, superfluous or of a wrong shape."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from gradproof.backends.arrays import NUMPY, as_float64, framework_of
from gradproof.backends.framework import Framework
from gradproof.reference.numbers.formats import FORMATS
from gradproof.verdicts.judging.check_findings import CheckFinding

Array = NDArray[Any]


@dataclass(frozen=True)
class Given:
    """What was given for a gradient.

    Attributes:
        values: by parameter, float64 arrays; only those that can be compared with the true gradient's.
        findings: what is wrong with what was given.
        framework: whose arrays they are.
        dtypes: by parameter, the one that it is held in; without those that are none of gradproof's.
    """

    values: Mapping[str, Array]
    findings: tuple[CheckFinding, ...]
    framework: Framework = NUMPY
    dtypes: Mapping[str, str] = field(default_factory=dict)


def read(leaves: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> Given:
    """Read the arrays that were given for a gradient.

    Args:
        leaves: by dotted name, arrays of whatever framework, or what stands in their place.
        shapes: by dotted name, those of the parameters.
    """
    findings = [*_names(leaves, [*shapes])]
    values: dict[str, Array] = {}
    framework, dtypes = NUMPY, {}
    for name in (name for name in shapes if name in leaves):
        leaf = leaves[name]
        framework = framework_of(leaf) if framework is NUMPY else framework
        array = as_float64(leaf)
        problem = _problem(name, leaf, array, shapes[name])
        if array is None or problem is not None:
            findings += [] if problem is None else [problem]
            continue
        values[name] = array
        dtypes[name] = str(getattr(leaf, "dtype", "float64")).removeprefix("torch.")
    known = {name: dtype for name, dtype in dtypes.items() if dtype in FORMATS}
    return Given(values, tuple(findings), framework, known)


def _names(leaves: Mapping[str, Any], names: list[str]) -> Iterator[CheckFinding]:
    """Find the names that are missing, and those that are no parameter's."""
    for name in names:
        if name not in leaves:
            text = f"The gradient has no entry for parameter {name!r}. Give one for each of {names}."
            yield CheckFinding("missing-parameter", text, fails=True, parameter=name)
    for name in leaves:
        if name not in names:
            text = (
                f"The gradient has an entry {str(name)!r}, and there is no such parameter. Give one for each "
                f"of {names}."
            )
            yield CheckFinding("superfluous-parameter", text, fails=True)


def _problem(name: str, leaf: Any, array: Array | None, shape: tuple[int, ...]) -> CheckFinding | None:
    """Find why an entry cannot be compared with the true gradient; None if it can be."""
    if array is None:
        text = f"The gradient of {name!r} is {leaf!r:.60}, which is no array of real numbers. Give an array."
        return CheckFinding("none", text, fails=True, parameter=name)
    if array.shape != shape:
        text = (
            f"The gradient of {name!r} has shape {array.shape}, but the parameter has shape {shape}. Give it "
            "the parameter's shape."
        )
        return CheckFinding("wrong-shape", text, fails=True, parameter=name)
    return None

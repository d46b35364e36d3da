"""Calling the user's gradient in floating point, with arrays of whatever framework it wants."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError
from gradproof.reference.trees import described, flatten
from gradproof.scenarios.user_code import called
from gradproof.verdicts.arrays import as_float64, as_numpy, framework_of
from gradproof.verdicts.judging.claimed import Place
from gradproof.verdicts.judging.findings import CheckFinding
from gradproof.verdicts.judging.user_gradient import UserGradient

Array = NDArray[Any]

FRAMEWORKS = {"numpy": "NumPy arrays", "torch": "PyTorch tensors", "jax": "JAX arrays"}
"""What each framework's arrays are called."""

_ORDER = ("float64", "float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Called:
    """What a gradient returned in floating point.

    Attributes:
        values: by parameter, float64 arrays; only those that can be compared with the true gradient's.
        findings: what is wrong with what it returned, and with what it did.
        takes: what it was given: a key of the converters.
        gives: `numpy`, `torch` or `jax`: what it returned.
        dtype: what its numbers are held in.
    """

    values: Mapping[str, Array]
    findings: tuple[CheckFinding, ...]
    takes: str
    gives: str
    dtype: str


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
    if takes is not None:
        return _call(subject, place, dtype, takes)
    failure: InputError | None = None
    loaded = [name for name in _CONVERTERS if name.partition("-")[0] in {"numpy", *sys.modules}]
    for framework in loaded:
        try:
            return _call(subject, place, dtype, framework)
        except InputError as error:
            # The first one's is told: with NumPy arrays the user's own lines are the shortest.
            failure = failure or error
    assert failure is not None  # noqa: S101 - the loop ran at least once
    raise failure


def _call(subject: UserGradient, place: Place, dtype: str, framework: str) -> Called:
    params = {name: array.astype(dtype) for name, array in place.params.items()}
    batch = {
        name: array.astype(dtype) if array.dtype.kind == "f" else array.copy()
        for name, array in place.batch.items()
    }
    given = {**{("params", n): a for n, a in params.items()}, **{("batch", n): a for n, a in batch.items()}}
    before = {key: array.copy() for key, array in given.items()}
    with _mode(dtype), np.errstate(all="ignore"):
        arguments = [
            {name: convert(array) for name, array in arrays.items()}
            for convert, arrays in zip(_CONVERTERS[framework], (params, batch), strict=True)
        ]
        nested = subject.nested(*arguments)
        result = called("gradient", lambda: subject.function(*nested))
    for kind, arrays in zip(("params", "batch"), arguments, strict=True):
        for name, array in arrays.items():
            given[kind, name] = as_numpy(array)
    findings = [*_mutations(before, given)]
    values, gives, used, problems = _read(result, subject)
    return Called(values, (*findings, *problems), framework, gives, _coarser(dtype, used))


def _mutations(before: Mapping[Any, Array], after: Mapping[Any, Array]) -> Iterator[CheckFinding]:
    for (kind, name), array in before.items():
        if not np.array_equal(array, after[kind, name], equal_nan=array.dtype.kind == "f"):
            yield CheckFinding(
                "mutated-input",
                f"The gradient changes {kind}[{name!r}] in place. Work on a copy, or write x = x + y instead "
                "of x += y.",
                fails=True,
                parameter=name if kind == "params" else "",
            )


# -------------------------------------------------------------------- what it returned


def _read(result: Any, subject: UserGradient) -> tuple[dict[str, Array], str, str, list[CheckFinding]]:
    """Read what the gradient returned: its values, whose arrays they are, their dtype, what is wrong."""
    if result is None:
        text = "The gradient returns None. Return a mapping from the parameters' names to arrays."
        return {}, "numpy", "", [CheckFinding("none", text, fails=True)]
    names = list(subject.scenario.flat_params)
    try:
        leaves, _ = flatten(result, "gradient")
    except InputError:
        text = (
            f"What the gradient returns is {described(result)}, and a mapping from the parameters' names to "
            f"arrays is wanted. Return one entry for each of {names}."
        )
        return {}, "numpy", "", [CheckFinding("not-a-mapping", text, fails=True)]
    findings = [*_names(leaves, names)]
    values: dict[str, Array] = {}
    gives, dtypes = "numpy", []
    for name in names:
        if name not in leaves:
            continue
        gives = framework_of(leaves[name]) if gives == "numpy" else gives
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


# -------------------------------------------------------------------- frameworks, if they are loaded


def _mode(dtype: str) -> AbstractContextManager[Any]:
    """Let JAX, if it is loaded, have 64-bit numbers where they are asked for, for this call alone."""
    jax = sys.modules.get("jax")
    if jax is None:
        return nullcontext()
    context: AbstractContextManager[Any] = jax.enable_x64(dtype == "float64")
    return context


def _unchanged(array: Array) -> Any:
    return array


def _to_torch(array: Array) -> Any:
    torch: Any = sys.modules["torch"]
    return torch.from_numpy(array.copy())


def _to_leaf(array: Array) -> Any:
    return _to_torch(array).requires_grad_()


def _to_jax(array: Array) -> Any:
    jax: Any = sys.modules["jax"]
    return jax.numpy.asarray(array)


_CONVERTERS: Mapping[str, tuple[Callable[[Array], Any], Callable[[Array], Any]]] = {
    "numpy": (_unchanged, _unchanged),
    "torch": (_to_torch, _to_torch),
    # For code that calls backward() or torch.autograd.grad on what it is given.
    "torch-leaves": (_to_leaf, _to_torch),
    "jax": (_to_jax, _to_jax),
}
"""How parameters and data are handed over, in the order that it is tried in."""

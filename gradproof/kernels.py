"""`check_function`: is an operation of one's own right, forward and backward, whatever the strides are?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.arrays import as_float64, as_numpy, framework_of
from gradproof.errors import DisagreementError, InputError
from gradproof.inputs import FUNCTION, SEED, TEXT, accepts, optional, sequence_of
from gradproof.models.upstream import EVERY_LAYOUT, OperationCall
from gradproof.reference.numbers.formats import FORMATS, format_of, widened
from gradproof.reference.source import UPSTREAM, standing_at
from gradproof.scenarios.scenario import UNNAMED, Scenario
from gradproof.scenarios.user_code import called, ends_nothing
from gradproof.texts import ShownInNotebooks
from gradproof.verdicts.explaining import explained
from gradproof.verdicts.judging.check_findings import CheckFinding
from gradproof.verdicts.judging.claimed import Claimed, Place
from gradproof.verdicts.judging.evidence import PlaceEvidence
from gradproof.verdicts.judging.judge import judge
from gradproof.verdicts.judging.judgement import Judgement
from gradproof.verdicts.printing import terminal_width
from gradproof.verdicts.tolerances import DATA_UNITS, REORDERED
from gradproof.verdicts.verdict import Verdict, worst

Array = NDArray[Any]
Function = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class FunctionCase:
    """What is said of an operation in one dtype, with upstream gradients of one layout.

    Attributes:
        dtype: what it computed in.
        layout: how the upstream gradient lay in memory: contiguous, transposed, expanded or cut.
        judgement: of its outputs, called `output0` and so on, and of the gradient of each input.
    """

    dtype: str
    layout: str
    judgement: Judgement

    def told(self, width: int | None = None, others: Sequence[str] = ()) -> str:
        """Tell it, under the case's name, and which other layouts fail alike."""
        likewise = f" (likewise {', '.join(others)})" if others else ""
        return self.judgement.told(width, f"{self.dtype}, upstream gradient {self.layout}{likewise}")

    @property
    def fault(self) -> tuple[object, ...]:
        """What is wrong, without the numbers: that of layouts which fail alike is the same."""
        found, cause = self.judgement, self.judgement.cause
        wrong = tuple(name for name, each in found.parameters.items() if not each.worst.passes)
        told = found.unexplained if cause is None else cause.text
        return self.dtype, found.verdict, wrong, told, tuple(each.text for each in found.findings)


@dataclass(frozen=True, eq=False)
class FunctionCheck(ShownInNotebooks):
    """What `check_function` found.

    Attributes:
        cases: one for each dtype and layout.
        unchecked: what was not looked at, a sentence each.
    """

    cases: tuple[FunctionCase, ...]
    unchecked: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every case passes."""
        return all(case.judgement.ok for case in self.cases)

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all cases."""
        return worst([case.judgement.verdict for case in self.cases])

    def raise_if_wrong(self) -> None:
        """Raise DisagreementError with the cases that fail, unless all pass."""
        if not self.ok:
            raise DisagreementError(self.told())

    def told(self, width: int | None = None) -> str:
        """Tell the cases that fail, or in a line that all pass."""
        failing = [case for case in self.cases if not case.judgement.ok]
        alike: dict[object, list[FunctionCase]] = {}
        for case in failing:
            alike.setdefault(case.fault, []).append(case)
        lines = [first.told(width, [case.layout for case in others]) for first, *others in alike.values()]
        if not failing:
            dtypes = ", ".join(dict.fromkeys(case.dtype for case in self.cases))
            layouts = ", ".join(dict.fromkeys(case.layout for case in self.cases))
            lines = [f"forward and backward pass in {dtypes}; upstream gradients {layouts}"]
        return "\n".join([*lines, *(f"  note     {each}" for each in self.unchecked)])

    def __str__(self) -> str:
        """Tell it as wide as the terminal is."""
        return self.told(terminal_width())


@ends_nothing()
@accepts(
    "the check",
    op=FUNCTION,
    reference=FUNCTION,
    dtypes=optional(sequence_of(TEXT, "a sequence of dtypes' names")),
    seed=SEED,
)
def check_function(
    op: Function, reference: Function, inputs: Any, *, dtypes: Sequence[str] | None = None, seed: int = 0
) -> FunctionCheck:
    """Check an operation of one's own: what it gives, and the gradients that autograd gets of it.

    The outputs are judged as gradients are: against the exact value, by the measured rounding noise. So are
    the gradients of a weighted sum of the outputs, whose weights are the upstream gradient: once contiguous,
    once transposed, once expanded along the last axis, and once cut from a larger array. Beside that, the
    inputs, the upstream gradient and the tensors that are saved for the backward pass must be left as they
    were, and two calls must agree.

    Args:
        op: called as `op(*inputs)`, or by name where `inputs` is a mapping; of PyTorch or of JAX, whose
            autograd goes through it. It gives an array, or a tuple of arrays.
        reference: the same function in plain operations: `reference(xp, *inputs)` if its first argument is
            called `xp`; else a function of the framework's arrays, whose graph is traced.
        inputs: a sequence, or a mapping from names, of tensors or JAX arrays. Gradients are taken by all that
            are of floating point.
        dtypes: what to compute in; None for the inputs' own.
        seed: of the upstream gradients.

    Raises:
        InputError: the operation or the reference raises, or they give outputs of different shapes; or there
            is nothing to check, since no dtype was chosen, or an input or an output is empty.
        UnsupportedError: the reference uses something that the tape cannot follow.

    >>> import torch
    >>> def silu(xp, x):
    ...     return x * xp.nn.sigmoid(x)
    >>> x = torch.linspace(-2, 2, 12).reshape(3, 4)
    >>> check_function(torch.nn.functional.silu, silu, [x]).ok
    True
    >>> check_function(torch.nn.functional.relu, silu, [x]).verdict
    <Verdict.DISAGREES: 'DISAGREES'>
    """
    given = _Inputs.of(reference, inputs)
    chosen = list(dtypes) if dtypes is not None else [given.dtype]
    if not chosen:
        raise InputError("No dtype was chosen. Name one at least, or leave dtypes out for the inputs' own.")
    cases = [case for dtype in chosen for case in _cases(op, reference, given, dtype, seed)]
    unchecked = () if given.framework == "torch" else ("JAX has no strides: only values were varied.",)
    return FunctionCheck(tuple(cases), unchecked)


@ends_nothing()
@accepts("the output", f=FUNCTION, dtype=TEXT)
def judge_output(f: Function, inputs: Any, value: Any, dtype: str = "float32") -> Judgement:
    """Say whether an array that was computed is as near to a function's value as its dtype allows.

    Args:
        f: called as `f(xp, *inputs)`; gives an array.
        inputs: a sequence of arrays, or a mapping of those by name; rounded to the dtype first.
        value: what was computed of them, of the same shape.
        dtype: what it was computed in.

    Raises:
        InputError: the value has another shape, or an input is bad.

    >>> x = np.linspace(0.1, 2.0, 5, dtype=np.float32)
    >>> judge_output(lambda xp, x: xp.exp(-x), [x], np.exp(-x)).verdict
    <Verdict.AGREES: 'AGREES'>
    >>> judge_output(lambda xp, x: xp.exp(-x), [x], 1.001 * np.exp(-x)).verdict
    <Verdict.DISAGREES: 'DISAGREES'>
    """
    format_of(dtype)
    named, by_name = _named(f, inputs, skip=1)
    loss = partial(_weighted, _xp_call(f, [*named], by_name=by_name))
    computed = as_float64(value)
    if computed is None:
        raise InputError(f"The value is {value!r:.60}, which is no array of real numbers. Give an array.")
    scenario = Scenario(name=UNNAMED, loss=loss, params={"output0": np.ones(computed.shape)}, batch=named)
    place = Place(scenario.flat_params, scenario.flat_batch).rounded(dtype)
    evidence = PlaceEvidence(scenario.flat_loss, place, dtype)
    return judge(Claimed(place, {"output0": computed}, evidence.formats), evidence)


# -------------------------------------------------------------------- the reference as a loss


def _weighted(outputs_of: Callable[[Any, Mapping[str, Any]], Any], xp: Any, params: Any, batch: Any) -> Any:
    """Sum the outputs with weights.

    Of L = Σ w f(x) the derivative by the weights w is f(x), exactly and with f's own rounding noise, and that
    by x is what autograd gives for the upstream gradient w. So one judgement holds both passes.
    """
    outputs = _tuple(outputs_of(xp, {**batch, **params}))
    total: Any = 0
    for position, output in enumerate(outputs):
        weights = params[f"output{position}"]
        if weights.shape != output.shape:
            raise InputError(
                f"The reference gives output {position} of shape {output.shape}, and {weights.shape} was "
                "computed. Give functions of the same shape."
            )
        with standing_at(UPSTREAM):
            total = total + xp.sum(weights * output)
    return total


def _tuple(outputs: Any) -> tuple[Any, ...]:
    return tuple(outputs) if isinstance(outputs, tuple | list) else (outputs,)


def _xp_call(f: Function, names: Sequence[str], *, by_name: bool) -> Callable[[Any, Mapping[str, Any]], Any]:
    def outputs_of(xp: Any, arrays: Mapping[str, Any]) -> Any:
        return f(xp, **{n: arrays[n] for n in names}) if by_name else f(xp, *(arrays[n] for n in names))

    return outputs_of


def _named(f: Function, inputs: Any, skip: int) -> tuple[dict[str, Any], bool]:
    """Give the inputs by name: their own, or those of the function's arguments; and which it was."""
    if isinstance(f, type):
        raise InputError(f"The function is {f!r:.60}, a class. Give a function of arrays.")
    if isinstance(inputs, Mapping):
        return {str(name): each for name, each in inputs.items()}, True
    if not isinstance(inputs, Sequence) or isinstance(inputs, str) or not inputs:
        raise InputError(f"The inputs are {inputs!r:.60}. Give a list of arrays, or a mapping from names.")
    try:
        names = [*signature(f).parameters][skip:]
    except (TypeError, ValueError):
        names = []
    usual = [f"input{position}" for position in range(len(inputs))]
    fits = len(names) >= len(inputs)
    return dict(zip(names if fits else usual, inputs, strict=False)), False


# -------------------------------------------------------------------- the operation


@dataclass(frozen=True, eq=False)
class _Inputs:
    """The inputs by name, and how they are handed over.

    Attributes:
        arrays: the framework's.
        by_name: whether they are handed over by name.
        framework: whose they are: torch or jax.
        dtype: the coarsest that they are of.
        written_with_xp: whether the reference is.
    """

    arrays: Mapping[str, Any]
    by_name: bool
    framework: str
    dtype: str
    written_with_xp: bool

    @classmethod
    def of(cls, reference: Function, inputs: Any) -> "_Inputs":
        with_xp = _first_argument(reference) == "xp"
        arrays, by_name = _named(reference, inputs, skip=1 if with_xp else 0)
        frameworks = {framework_of(array).name for array in arrays.values()} - {"numpy"}
        if len(frameworks) != 1 or not frameworks <= {"torch", "jax"}:
            raise InputError(
                "The inputs are no arrays of one framework that differentiates. Give tensors of PyTorch, or "
                "arrays of JAX."
            )
        dtypes = [str(a.dtype).removeprefix("torch.") for a in arrays.values() if hasattr(a, "dtype")]
        known = [dtype for dtype in dtypes if dtype in FORMATS]
        if not known:
            raise InputError("No input is of floating point. Give one that is, to take a gradient by.")
        coarsest = max(known, key=lambda dtype: FORMATS[dtype].unit_roundoff)
        return cls(arrays, by_name, frameworks.pop(), coarsest, with_xp)

    def call(self, op: Function) -> Callable[[Mapping[str, Any]], Any]:
        """Give the operation as a function of a mapping."""
        names, by_name = [*self.arrays], self.by_name

        def on_mapping(arrays: Mapping[str, Any]) -> Any:
            return op(**{n: arrays[n] for n in names}) if by_name else op(*(arrays[n] for n in names))

        return on_mapping


def _first_argument(f: Function) -> str:
    try:
        return next(iter(signature(f).parameters), "")
    except (TypeError, ValueError):
        return ""


def _cases(
    op: Function, reference: Function, given: _Inputs, dtype: str, seed: int
) -> Iterator[FunctionCase]:
    format_of(dtype)
    operation, call = given.call(op), _caller(given.framework)
    evidence: dict[bool, PlaceEvidence] = {}
    for layout in EVERY_LAYOUT:
        once = partial(call, operation, given.arrays, dtype, layout, seed)
        first, second = called("operation", once), called("operation", once)
        if first is None or second is None:
            continue
        expanded = layout == "expanded"
        if expanded not in evidence:
            evidence[expanded] = _evidence(reference, given, first, dtype)
        known = evidence[expanded]
        findings = (*_changed(first), *_agree(first, second, dtype))
        found = judge(Claimed(known.place, first.values, known.formats, findings=findings), known)
        yield FunctionCase(dtype, layout, explained(replace(found, findings=findings), known.loss))


def _evidence(reference: Function, given: _Inputs, first: OperationCall, dtype: str) -> PlaceEvidence:
    arrays = {name: widened(as_numpy(array)) for name, array in given.arrays.items()}
    params = {name: array for name, array in arrays.items() if array.dtype.kind == "f"}
    batch = {name: array for name, array in arrays.items() if array.dtype.kind != "f"}
    place = Place({**params, **first.upstream}, batch).rounded(dtype)
    empty = next((name for name, array in place.params.items() if not array.size), None)
    if empty is not None:  # no error can be in it, and it would be said to pass
        raise InputError(
            f"{empty!r} is empty (shape {place.params[empty].shape}), so that nothing of it can be checked. "
            "Give inputs of at least one entry, of which outputs have one, too."
        )
    if given.written_with_xp:
        loss: Any = partial(_weighted, _xp_call(reference, [*arrays], by_name=given.by_name))
    else:
        loss = _traced(reference, given, place)
    return PlaceEvidence(loss, place, dtype)


def _traced(reference: Function, given: _Inputs, place: Place) -> Any:
    """Trace a reference that is written with the framework's own functions."""
    outputs_of = given.call(reference)

    def total(arrays: Mapping[str, Any]) -> Any:
        outputs = _tuple(outputs_of(arrays))
        return sum((arrays[f"output{n}"] * each).sum() for n, each in enumerate(outputs))

    exactly = {name: np.asarray(array, dtype=np.float64) for name, array in place.params.items()}
    if given.framework == "torch":
        from gradproof.models.pytorch import from_torch  # noqa: PLC0415 - loads PyTorch
        from gradproof.models.torch_model import as_tensor  # noqa: PLC0415

        tensors = {name: as_tensor(array) for name, array in (exactly | dict(place.batch)).items()}
        return from_torch(lambda **arrays: total(arrays), tensors, params=[*exactly]).flat_loss
    from gradproof.models.functions_of_jax import from_jax  # noqa: PLC0415 - loads JAX

    return from_jax(lambda p, b: total({**b, **p}), exactly, dict(place.batch)).flat_loss


def _caller(framework: str) -> Callable[..., OperationCall | None]:
    if framework == "torch":
        from gradproof.models.torch_kernels import call_with_torch  # noqa: PLC0415 - loads PyTorch

        return call_with_torch
    from gradproof.models.jax_kernels import call_with_jax  # noqa: PLC0415 - loads JAX

    return call_with_jax


def _changed(call: OperationCall) -> Iterator[CheckFinding]:
    for what in call.changed:
        text = f"The operation changes {what} in place. Work on a copy, or tell autograd with mark_dirty."
        yield CheckFinding("mutated-input", text, fails=True)


def _agree(first: OperationCall, second: OperationCall, dtype: str) -> Iterator[CheckFinding]:
    """Compare two calls: sums may be taken in another order, which is no more than rounding."""
    slack = max(REORDERED, DATA_UNITS * FORMATS[dtype].unit_roundoff)
    for name, values in first.values.items():
        most = slack * float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values)))
        if not np.allclose(values, second.values[name], rtol=0.0, atol=most, equal_nan=True):
            text = (
                f"Two calls give different values of {name!r}. Let the operation depend on its inputs alone."
            )
            yield CheckFinding("random", text, fails=True, parameter=name)

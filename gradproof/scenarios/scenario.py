"""The Scenario: a loss, its parameters and data, and how it is trained."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError
from gradproof.inputs import FUNCTION, TEXT, Wanted, check_inputs, instance_of, optional, sequence_of
from gradproof.reference.descent import GradientDescent
from gradproof.reference.numbers.formats import numpy_dtype, widened
from gradproof.reference.numbers.run_formats import OWN, RunFormats
from gradproof.reference.trajectory import select_examples
from gradproof.reference.trees import Structure, described, flatten, with_nesting
from gradproof.scenarios.claim import Claim
from gradproof.scenarios.fingerprint import fingerprint
from gradproof.scenarios.tables import entries, read_tables

Array = NDArray[Any]

UNNAMED = "(unnamed)"
"""The name of what is given to a function without one; messages do not tell it."""


@dataclass(frozen=True)
class Provenance:
    """Where a value of a scenario comes from.

    Attributes:
        value: which value, in words (`first point`, `learning rate`).
        kind: `given` where the source's text states it; `reconstructed` where the source shows it only
            in a picture or leaves it open, and it was chosen to satisfy what the text states.
        reason: what the text states, or why this value was chosen.
    """

    value: str
    kind: Literal["given", "reconstructed"]
    reason: str

    def __post_init__(self) -> None:
        """Refuse what cannot be reported."""
        kind = Wanted(lambda kind: str(kind) in ("given", "reconstructed"), "'given' or 'reconstructed'")
        check_inputs(
            "the provenance", value=(self.value, TEXT), kind=(self.kind, kind), reason=(self.reason, TEXT)
        )


def read_provenance(file: Path, *tables: str) -> tuple[Provenance, ...]:
    """Read where values come from out of tables of a TOML file: of `provenance` unless others are named.

    Raises:
        InputError: the file is no such file, or an entry lacks a text.
    """
    told, names = read_tables(file), ("value", "kind", "reason")
    return tuple(
        Provenance(**{name: entry[name] for name in names})
        for table in tables or ("provenance",)
        for entry in entries(file, told, table, names)
    )


@dataclass(frozen=True, eq=False)
class Scenario:
    """A system whose gradients and updates are compared.

    Attributes:
        name: what reports and the command line call it.
        loss: `loss(xp, params, batch)` gives a scalar; xp is an array namespace (the array API
            standard's functions, and `xp.nn`), so that the one loss runs on every backend.
        params: a mapping from names to floating-point arrays; mappings, lists and tuples may be nested.
        batch: a mapping from names to arrays of data, nested likewise; {} for a loss without data.
        gradient: `gradient(params, batch)` in plain NumPy gives the hand-derived gradient, laid out as
            `params`; None where there is none.
        value_and_gradient: the same with the loss before it, from one pass; spares the reference a
            second forward pass. None to call `loss` and `gradient`.
        predict: `predict(xp, params, batch)` gives the model's output, reported for the final weights.
        solution: the parameters at which the loss is least, laid out as `params`, where they are known
            otherwise than by descending; the ends of the runs are compared with it.
        origin: what the command line calls it: a name that `gradproof list` shows, a file, or `FILE.py::NAME`
            where the file defines several; empty if it cannot be named there. Reports tell by it how to
            repeat a run.
        training: None to compare the gradient at `params` alone.
        source: the document that the system comes from.
        provenance: where its values come from.
        claims: what its document claims; `gradproof.audit` checks them.

    Raises:
        InputError: an integer parameter, an array that is empty or not finite, a mini-batch or
            micro-batches that do not fit the data, or names that collide.

    >>> scenario = Scenario(
    ...     name="square",
    ...     loss=lambda xp, params, batch: xp.sum((params["w"] * batch["x"]) ** 2),
    ...     params={"w": np.array(2.0)},
    ...     batch={"x": np.array([1.0, 3.0])},
    ... )
    >>> float(scenario.flat_loss(np, scenario.flat_params, scenario.flat_batch))
    40.0
    """

    name: str
    loss: Callable[[Any, Any, Any], Any]
    params: Any
    batch: Any
    gradient: Callable[[Any, Any], Any] | None = None
    value_and_gradient: Callable[[Any, Any], tuple[Any, Any]] | None = None
    predict: Callable[[Any, Any, Any], Any] | None = None
    solution: Any = None
    origin: str = ""
    training: GradientDescent | None = None
    source: str = ""
    provenance: Sequence[Provenance] = ()
    claims: Sequence[Claim] = ()
    own_formats: RunFormats = field(init=False, repr=False)
    flat_params: dict[str, Array] = field(init=False, repr=False)
    flat_batch: dict[str, Array] = field(init=False, repr=False)
    flat_solution: dict[str, Array] | None = field(init=False, repr=False, default=None)
    params_structure: Structure = field(init=False, repr=False)
    batch_structure: Structure = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Flatten and check the arrays."""
        check_inputs("the scenario", **{name: (getattr(self, name), kind) for name, kind in _WANTED.items()})
        if not self.name.strip():
            raise InputError("A scenario has an empty name. Give it a name to report it by.")
        if self.value_and_gradient is not None and self.gradient is None:
            raise InputError(f"Scenario {self.name!r} has value_and_gradient but no gradient. Give both.")
        names = [claim.name for claim in self.claims]
        repeated = [name for name in names if names.count(name) > 1]
        if repeated:
            raise InputError(f"Two claims{self.of_it} are called {repeated[0]!r}. Rename one of them.")
        dtypes: dict[str, dict[str, str]] = {}
        for attribute, kind in (("params", "Parameter"), ("batch", "Batch array")):
            given, of_it = getattr(self, attribute), self.of_it
            leaves, structure = flatten(given, f"{attribute}{of_it}", may_be_empty=attribute == "batch")
            flat = {name: _read_only(f"{kind} {name!r}{of_it}", leaf) for name, leaf in leaves.items()}
            for name, array in flat.items():
                _check_array(attribute, f"{kind} {name!r}{of_it}", array)
            dtypes[attribute] = {
                name: np.asarray(leaves[name]).dtype.name for name in flat if flat[name].dtype.kind == "f"
            }
            object.__setattr__(self, f"flat_{attribute}", flat)
            object.__setattr__(self, f"{attribute}_structure", structure)
        object.__setattr__(self, "own_formats", RunFormats.each_its_own(**dtypes))
        if self.solution is not None:
            object.__setattr__(self, "flat_solution", self.laid_out(self.solution, "solution"))
        if self.training is not None:
            self._check_batches(self.training)

    def _check_batches(self, training: GradientDescent) -> None:
        """Refuse mini-batches and micro-batches that do not fit the data."""
        if training.mini_batches is not None:
            training.mini_batches.check(self.examples())
        if training.accumulation is not None:
            training.accumulation.parts(
                self.examples() if training.mini_batches is None else training.mini_batches.size
            )

    @property
    def claimed_gradient(self) -> Callable[[Any, Any], Any] | None:
        """The gradient of it that is looked at, as `gradient(params, batch)`."""
        return self.gradient

    @property
    def of_it(self) -> str:
        """How messages go on after what is wrong: ` of scenario 'line_fit'`; empty for one without a name."""
        return "" if self.name == UNNAMED else f" of scenario {self.name!r}"

    def check_scalar(self, shape: Sequence[int]) -> None:
        """Raise InputError unless the loss has the shape of a scalar."""
        if tuple(shape) != ():
            raise InputError(
                f"The loss{self.of_it} has shape {tuple(shape)}, but a gradient needs a scalar. Reduce it, "
                "for example with xp.sum or xp.mean."
            )

    def examples(self) -> int:
        """Count the examples along the leading axis of the batch's arrays.

        Raises:
            InputError: the arrays have different leading lengths.
        """
        lengths = {name: a.shape[0] if a.ndim else None for name, a in self.flat_batch.items()}
        if len(set(lengths.values())) != 1 or None in lengths.values():
            raise InputError(
                f"The batch arrays{self.of_it} have different leading lengths "
                f"({lengths}), so no examples can be told apart. Put the examples along the leading "
                "axis of every array."
            )
        return int(next(iter(self.flat_batch.values())).shape[0])

    @cached_property
    def flat_loss(self) -> Callable[[Any, Any, Any], Any]:
        """The loss, taking flat mappings of dotted names to arrays."""
        return with_nesting(self.loss, self.params_structure, self.batch_structure)

    @cached_property
    def flat_predict(self) -> Callable[[Any, Any, Any], Any] | None:
        """The prediction, taking flat mappings of dotted names to arrays."""
        if self.predict is None:
            return None
        return with_nesting(self.predict, self.params_structure, self.batch_structure)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the parameters, the data and the training, a hyphen, and a hash of the functions' code.

        Scenarios that compute the same have the same, in every process. `gradproof.scenarios.fingerprint`
        tells what of a function is seen: not the code of the functions of installed packages that it calls.
        """
        data = (
            self.flat_params,
            str(self.params_structure.treespec),
            self.flat_batch,
            str(self.batch_structure.treespec),
            self.training,
        )
        return fingerprint(data, (self.loss, self.gradient, self.value_and_gradient, self.predict))

    @property
    def steps(self) -> int:
        """How many gradients a run records at most: the training's steps, or 1 without training."""
        return 1 if self.training is None else self.training.steps

    def flat_gradient(self, params: Mapping[str, Array], batch: Mapping[str, Array]) -> dict[str, Array]:
        """Evaluate the hand-derived gradient on flat mappings.

        Raises:
            InputError: the scenario has no hand-derived gradient, or one with other names or shapes than
                the parameters'.
        """
        if self.gradient is None:
            raise InputError(
                f"Scenario {self.name!r} has no hand-derived gradient. Give it one with `gradient=`."
            )
        nested = self.gradient(self.params_structure.nest(params), self.batch_structure.nest(batch))
        return self.check_gradient(nested)

    def flat_value_and_gradient(
        self, xp: Any
    ) -> Callable[[Mapping[str, Array], Mapping[str, Array]], tuple[Any, dict[str, Array]]]:  # fmt: skip
        """Give a function that evaluates the loss and the hand-derived gradient on flat mappings."""
        if self.value_and_gradient is None:
            return lambda params, batch: (
                self.flat_loss(xp, params, batch),
                self.flat_gradient(params, batch),
            )
        function = self.value_and_gradient
        if self.params_structure.is_flat and self.batch_structure.is_flat:
            return function

        def both(params: Mapping[str, Array], batch: Mapping[str, Array]) -> tuple[Any, dict[str, Array]]:
            value, nested = function(self.params_structure.nest(params), self.batch_structure.nest(batch))
            return value, self.check_gradient(nested)

        return both

    def check_gradient(self, nested: Any) -> dict[str, Array]:
        """Flatten a gradient.

        Raises:
            InputError: it has other names or shapes than the parameters', or is not real.
        """
        return self.laid_out(nested, "hand-derived gradient")

    def laid_out(self, nested: Any, what: str) -> dict[str, Array]:
        """Flatten something that is to be laid out as the parameters are; `what` is how an error calls it.

        Raises:
            InputError: it has other names or shapes than the parameters, or is not real.
        """
        flat, _ = flatten(nested, f"{what}{self.of_it}")
        if flat.keys() != self.flat_params.keys():
            missing = sorted(self.flat_params.keys() - flat.keys())
            superfluous = sorted(flat.keys() - self.flat_params.keys())
            raise InputError(
                f"The {what}{self.of_it} lacks {missing} and adds {superfluous}. Return one "
                f"entry for each parameter: {list(self.flat_params)}."
            )
        for name, parameter in self.flat_params.items():
            if np.shape(flat[name]) != parameter.shape:
                raise InputError(
                    f"The {what} of parameter {name!r}{self.of_it} has shape "
                    f"{np.shape(flat[name])}, but the parameter has shape {parameter.shape}. Give it the "
                    "parameter's shape (sum over the axes along which the parameter was broadcast)."
                )
            if not _may_be_real(flat[name]):
                raise InputError(
                    f"The {what} of parameter {name!r}{self.of_it} is {flat[name]!r:.60}, "
                    "which is no array of real numbers. Return an array of them."
                )
        return flat

    def formats(self, dtype: str) -> RunFormats:
        """Give the formats that a run computes in.

        Args:
            dtype: that of all arrays; `own` for each array's own.

        >>> square = Scenario(
        ...     "square", lambda xp, p, b: xp.sum(p["w"] ** 2), {"w": np.ones(1, np.float32)}, {}
        ... )
        >>> square.formats("own").of_param("w"), square.formats("float64").of_param("w")
        ('float32', 'float64')
        """
        return self.own_formats if dtype == OWN else RunFormats(dtype)

    def arrays(self, dtype: str) -> tuple[dict[str, Array], dict[str, Array]]:
        """Give the flat parameters and data, the floating-point arrays rounded to a dtype or in their own."""
        formats = self.formats(dtype)
        return (
            {
                name: array.astype(numpy_dtype(formats.of_param(name)))
                for name, array in self.flat_params.items()
            },
            {
                name: array.astype(numpy_dtype(formats.of_data(name)))
                if np.issubdtype(array.dtype, np.floating)
                else array
                for name, array in self.flat_batch.items()
            },
        )

    def batch_schedule(self) -> NDArray[np.intp] | None:
        """Give the examples of each step's mini-batch, of shape (steps, size); None if full-batch."""
        return self._schedule

    def first_batch(self) -> dict[str, Array]:
        """Give the data of the first step: its mini-batch, or the whole batch."""
        if self._schedule is None:
            return self.flat_batch
        return select_examples(self.flat_batch, self._schedule[0])

    @cached_property
    def _schedule(self) -> NDArray[np.intp] | None:
        # Drawn once: every backend and every chunk of judged steps asks for it.
        if self.training is None or self.training.mini_batches is None:
            return None
        return self.training.mini_batches.schedule(self.examples(), self.training.steps)


TRAINING = instance_of(GradientDescent, "GradientDescent(learning_rate=..., steps=...)")
"""What a scenario's training must be, if there is one."""

_PROVENANCE = instance_of(Provenance, "Provenance")
_CLAIM = instance_of(Claim, "Claim")
_WANTED = {
    **dict.fromkeys(("name", "origin", "source"), TEXT),
    "loss": FUNCTION,
    **dict.fromkeys(("gradient", "value_and_gradient", "predict"), optional(FUNCTION)),
    "training": optional(TRAINING),
    "provenance": sequence_of(_PROVENANCE, "a sequence of gradproof.Provenance(...)"),
    "claims": sequence_of(
        _CLAIM, "a sequence of gradproof.Claim(...), gradproof.value_claim(...) or the like"
    ),
}
"""What each of a Scenario's attributes must be; arrays are looked at when they are flattened."""


def _read_only(what: str, leaf: Any) -> Array:
    try:
        array = widened(np.array(np.asarray(leaf)))
    except (RuntimeError, TypeError, ValueError) as error:
        # A tensor on a device, or one that requires a gradient, does not let NumPy read it.
        raise InputError(
            f"{what} is {described(leaf)}, which NumPy cannot read: {error}. Give it as a NumPy array, as "
            "tensor.detach().cpu().numpy() is one; check, judge and true_gradient take arrays as they come."
        ) from error
    array.flags.writeable = False
    return array


def _may_be_real(leaf: Any) -> bool:
    """Tell whether something may be an array of real numbers; certified ones are objects."""
    dtype = getattr(leaf, "dtype", None)
    other = isinstance(dtype, np.dtype) and dtype.kind in "cSUMm"
    return not other and not isinstance(leaf, str | bytes | complex)


def _check_array(kind: str, what: str, array: Array) -> None:
    """Refuse parameters that are no floating-point numbers, and data that are no numbers."""
    if kind == "params" and array.dtype.kind != "f":
        raise InputError(
            f"{what} has dtype {array.dtype}, which cannot be stepped by a gradient. Give it as floating "
            "point, for example 1.0 instead of 1."
        )
    if array.dtype.kind not in "fiub":
        raise InputError(f"{what} has dtype {array.dtype}. Give real numbers, integers or booleans.")
    if array.size == 0:
        raise InputError(f"{what} is empty (shape {array.shape}). Give at least one entry.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InputError(
            f"{what} is {array[where]} at index {where}. Give finite numbers only: no verdict can be reached "
            "from NaN or infinity."
        )

"""A PyTorch module, or a function of tensors, as a scenario: what `from_torch` does."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from gradproof.errors import InputError, UnsupportedError
from gradproof.models.aten_operations import OPERATIONS
from gradproof.models.casting_trace import CastingTrace
from gradproof.models.model_graph import ModelGraph
from gradproof.models.replay import Replay
from gradproof.models.torch_model import Tensor, TorchModel, as_numpy, in_its_dtype, taken_apart, weighted
from gradproof.models.torch_tracing import TorchTrace
from gradproof.reference.descent import GradientDescent
from gradproof.reference.numbers import Noisy, Plain
from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.numbers.run_formats import OWN, OWN_DTYPES, RunFormats, coarser
from gradproof.reference.tape import differentiate
from gradproof.scenarios.model_scenario import ModelScenario

Array = NDArray[Any]


def taken(
    model: Callable[..., Any],
    inputs: Any,
    loss: Callable[[Any], Any] | None,
    params: Sequence[str] | None,
    reference: Callable[..., Any] | None,
) -> "TorchFront":
    """Look at a model; for the arguments and the errors see `gradproof.from_torch`."""
    loss = weighted if loss is None and reference is not None else loss
    return TorchFront.of(_Given(model, inputs, loss, params, reference or _compiled_from(model)))


def _compiled_from(model: Callable[..., Any]) -> Callable[..., Any] | None:
    """Give what `torch.compile` compiled, which is traced in its place; None of all else."""
    module = getattr(model, "_orig_mod", None)
    return (
        module if isinstance(module, torch.nn.Module) else getattr(model, "_torchdynamo_orig_callable", None)
    )


_SPREADS = 100
"""What rounding may explain of the difference between the model's loss and that of its trace, in spreads."""

_OPERATIONS = "gradproof.models.aten_operations"


class _Given(NamedTuple):
    """What `from_torch` is called with."""

    model: Callable[..., Any]
    inputs: Any
    loss: Callable[[Any], Any] | None
    params: Sequence[str] | None
    reference: Callable[..., Any] | None


@dataclass(frozen=True, eq=False)
class TorchFront:
    """A model that was looked at.

    Attributes:
        model: the model, with what of it is differentiated.
        traced: what is traced: the model, or the reference.
        params: the values of the parameters.
        batch: the data.
        graph: the forward pass.
        notes: what of the model is not looked at, a sentence each.
        differs: how the values of model and reference differ; empty where they do not.
    """

    model: TorchModel
    traced: TorchModel
    params: Mapping[str, Array]
    batch: Mapping[str, Array]
    graph: ModelGraph
    notes: tuple[str, ...]
    differs: str = ""

    @classmethod
    def of(cls, given: _Given, held: Mapping[str, Tensor] = MappingProxyType({})) -> "TorchFront":
        """Trace a model, of whose inputs some may be held as they are."""
        call, found = taken_apart(
            given.model, given.inputs, lambda each: any(each is one for one in held.values())
        )
        differentiated = _differentiated(given.model, found, given.params)
        parameters, notes = _parameters(given.model)
        _check_tensors({**parameters, **found})
        taken = TorchModel(given.model, call, given.loss, parameters, found)
        _check_something_is(parameters, differentiated)
        if held:
            notes.append(f"Inputs that decide what the model computes are as they are: {', '.join(held)}.")
        try:
            front, decide = cls._traced(taken, given.reference, differentiated, notes)
        except InputError:
            taken = _in_its_own_dtype(taken, differentiated)
            notes.append(_narrow(taken))
            front, decide = cls._traced(taken, given.reference, differentiated, notes)
        if decide:
            return cls.of(given, {**held, **{name: found[name] for name in decide}})
        unused = front.unused()
        if unused:
            text = f"Parameters that the loss does not depend on are left out: {', '.join(unused)}."
            rest = {name: tensor for name, tensor in parameters.items() if name not in unused}
            taken = replace(taken, parameters=rest)
            differentiated = [name for name in differentiated if name not in unused]
            _check_something_is(rest, differentiated)
            front, _ = cls._traced(taken, given.reference, differentiated, [*notes, text])
        return front.compared(is_reference=given.reference is not None)

    @classmethod
    def _traced(
        cls,
        model: TorchModel,
        reference: Callable[..., Any] | None,
        differentiated: Sequence[str],
        notes: Sequence[str],
    ) -> tuple["TorchFront", set[str]]:
        params = {name: as_numpy(tensor) for name, tensor in model.parameters.items()}
        params |= {name: as_numpy(model.inputs[name]) for name in differentiated}
        batch = {name: as_numpy(each) for name, each in model.inputs.items() if name not in params}
        traced = model if reference is None else _in_place_of(model, reference)
        if reference is not None and model.widest == "float64":
            try:
                model(_wide(params), _wide(batch))
            except InputError:
                model = _in_its_own_dtype(model, differentiated)
                notes = [*notes, _narrow(model)]
        trace = TorchTrace(traced, _wide(params), _wide(batch), OPERATIONS)
        graph = trace.graph()
        OPERATIONS.check(graph)
        return cls(model, traced, params, batch, graph, tuple(notes)), trace.decide

    def unused(self) -> tuple[str, ...]:
        """Give the parameters that the loss does not depend on."""
        return differentiate(self.replay, self.params, self.batch, Plain()).unused

    def compared(self, *, is_reference: bool) -> "TorchFront":
        """Look whether the traced operations give the loss that what was traced gives, and the model itself.

        Raises:
            UnsupportedError: what was traced gives another one, by more than rounding explains.
        """
        if told := self._difference(self.traced, _wide(self.params), _wide(self.batch)):
            raise UnsupportedError(
                f"What was traced {told}. Something does not show in its trace, or an operation of PyTorch's "
                "is inaccurate there: give a function that computes the same in plain operations as "
                "`reference=`."
            )
        if is_reference and (told := self._difference(self.model, self.params, self.batch)):
            return replace(self, differs=f"The model's value is not the reference's: it {told}.")
        return self

    def _difference(self, model: TorchModel, params: Mapping[str, Array], batch: Mapping[str, Array]) -> str:
        own = float(model(params, batch)[0])
        formats = self._formats(model, next(iter(params.values())).dtype.name)
        dtype, kind = formats.coarsest, Noisy.of(formats, amplified=False)
        arguments = self.replay, self.params, self.batch
        (value,) = differentiate(*arguments, Plain()).value.values()
        (noise,) = differentiate(*arguments, kind).value.spread(np.array([value]))
        spread = max(noise, FORMATS[dtype].unit_roundoff * abs(value))
        same = own == value or (np.isnan(own) and np.isnan(value))
        if same or abs(own - value) <= _SPREADS * spread:
            return ""
        return (
            f"gives the loss {own!r} in {dtype}, where its operations give {float(value)!r}: "
            f"{abs(own - value) / spread:.3g} spreads of the rounding noise"
        )

    def _formats(self, model: TorchModel, asked: str) -> RunFormats:
        """Give the formats that a model is run in where a dtype is asked for."""
        if model.running is not None:
            return RunFormats(coarser(model.widest, asked))
        held = {each: in_its_dtype(tensor) for each, tensor in {**model.inputs, **model.parameters}.items()}
        dtypes = {each: array.dtype.name for each, array in held.items() if array.dtype.name in FORMATS}
        return RunFormats.each_its_own(
            {each: dtypes[each] for each in self.params},
            {each: dtypes[each] for each in self.batch if each in dtypes},
        )

    @property
    def replay(self) -> Replay:
        """The loss."""
        return Replay(self.graph, _OPERATIONS)

    def scenario(self, name: str, training: GradientDescent | None) -> ModelScenario:
        """Make the scenario."""
        held = {**self.model.inputs, **self.model.parameters}
        return ModelScenario(
            name=name,
            loss=self.replay,
            params={each: in_its_dtype(held[each]) for each in self.params},
            batch={each: in_its_dtype(held[each]) for each in self.batch},
            training=training,
            framework="torch",
            words=OPERATIONS.framework,
            own=self.model,
            elsewhere=self.model.on,
            device=str(self.model.device),
            notes=self.notes,
            differs=self.differs,
            modules=tuple(_modules(self.model.function, self.model.loss)),
            has_own_dtypes_alone=self.model.running is None,
            casting=CastingTrace(replace(self.traced, widest=OWN), self.params, self.batch),
        )


def _in_its_own_dtype(model: TorchModel, differentiated: Sequence[str]) -> TorchModel:
    """Give a model that does not run in float64 as one that is run in its own dtype, if it runs in that."""
    held = {str(each.dtype).removeprefix("torch.") for each in model.parameters.values()}
    name = OWN if len(held) > 1 else str(model.dtype).removeprefix("torch.")
    arrays = {each: as_numpy(tensor) for each, tensor in {**model.parameters, **model.inputs}.items()}
    own = replace(model, widest=name)
    own({each: arrays[each] for each in (*model.parameters, *differentiated)}, arrays)
    return own


def _narrow(model: TorchModel) -> str:
    where = OWN_DTYPES if model.running is None else model.widest
    return f"The model does not run in float64, and is looked at in {where}."


def _in_place_of(model: TorchModel, reference: Callable[..., Any]) -> TorchModel:
    """Give a reference, to be traced at the model's parameters.

    Raises:
        InputError: it is a module that lacks one of them.
    """
    if not isinstance(reference, torch.nn.Module):
        return replace(model, function=reference)
    own = dict(reference.named_parameters())
    for name, tensor in model.parameters.items():
        if name not in own or own[name].shape != tensor.shape:
            raise InputError(
                f"The reference lacks the model's parameter {name!r} of shape {tuple(tensor.shape)}. Give "
                "a module with the same parameters, or a function."
            )
    return replace(model, function=reference, parameters={name: own[name] for name in model.parameters})


def _check_tensors(tensors: Mapping[str, Tensor]) -> None:
    """Refuse what cannot be differentiated together.

    Raises:
        InputError: tensors lie on several devices, are complex, or hold what is no number.
    """
    devices = {str(tensor.device): name for name, tensor in tensors.items()}
    if len(devices) > 1:
        told = " and ".join(f"{name!r} on {device}" for device, name in devices.items())
        raise InputError(f"The model and its inputs lie on several devices: {told}. Move all to one of them.")
    for name, tensor in tensors.items():
        if torch.nn.parameter.is_lazy(tensor):
            raise InputError(
                f"The parameter {name!r} has no numbers yet, as a lazy module's before its first call. Call "
                "the model once on its inputs, and take it then."
            )
        if tensor.is_complex():
            raise InputError(
                f"The tensor {name!r} is complex, and gradients are taken of real numbers alone here. Give "
                "its real and its imaginary part."
            )
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            index = tuple(torch.nonzero(~torch.isfinite(tensor))[0].tolist())
            raise InputError(
                f"The tensor {name!r} is {tensor[index].item()} at index {index}. Give finite numbers only: "
                "no verdict can be reached from NaN or infinity."
            )


def _wide(arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {
        name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in arrays.items()
    }


def _check_something_is(parameters: Mapping[str, Tensor], differentiated: Sequence[str]) -> None:
    if not parameters and not differentiated:
        raise InputError(
            "There is nothing to differentiate: the loss depends on no parameter that requires a gradient. "
            "Let one require it, or name inputs by `params=`."
        )


def _differentiated(model: Any, inputs: Mapping[str, Tensor], params: Sequence[str] | None) -> list[str]:
    """Give the names of the inputs that are differentiated."""
    if params is not None:
        unknown = [name for name in params if name not in inputs]
        if unknown:
            raise InputError(
                f"The model has no input called {unknown[0]!r}. Choose from {', '.join(inputs) or 'none'}."
            )
        return [*params]
    asked = [name for name, tensor in inputs.items() if tensor.requires_grad]
    if asked or isinstance(model, torch.nn.Module):
        return asked
    return [name for name, tensor in inputs.items() if tensor.is_floating_point()]


def _parameters(model: Any) -> tuple[dict[str, Tensor], list[str]]:
    """Give the module's parameters that require a gradient, and what is to be told of the others."""
    if not isinstance(model, torch.nn.Module):
        return {}, []
    model = getattr(model, "_orig_mod", model)  # of one that was compiled
    found = dict(model.named_parameters())
    frozen = [name for name, tensor in found.items() if not tensor.requires_grad]
    tied = [
        f"{name} is {next(own for own, each in found.items() if each is tensor)}"
        for name, tensor in model.named_parameters(remove_duplicate=False)
        if name not in found
    ]
    notes = [f"Frozen parameters are constants: {', '.join(frozen)}."] if frozen else []
    notes += [f"Tied parameters are one: {', '.join(tied)}."] if tied else []
    return {name: tensor for name, tensor in found.items() if tensor.requires_grad}, notes


def _modules(model: Any, loss: Any) -> Iterator[str]:
    """Give the names of the modules that hold the model's code."""
    parts = [type(part) for part in model.modules()] if isinstance(model, torch.nn.Module) else [model]
    yield from {str(getattr(part, "__module__", "")) for part in (*parts, loss)}

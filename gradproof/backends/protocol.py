"""What a backend is, and what it records."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice, repeat
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.framework import Framework
from gradproof.errors import UnsupportedError
from gradproof.reference.descent import GradientDescent
from gradproof.reference.numbers.formats import PLAIN_PRODUCTS, Products, widened
from gradproof.reference.numbers.run_formats import OWN, RunFormats
from gradproof.reference.source import raised_at
from gradproof.reference.trajectory import DescentStep, Trajectory, take_steps
from gradproof.scenarios.model_scenario import ModelScenario
from gradproof.scenarios.scenario import Scenario

Array = NDArray[Any]


@dataclass(frozen=True)
class Timing:
    """What a run cost, in seconds.

    Attributes:
        compiling: before the first step: tracing and compiling; 0 where nothing is compiled.
        training: all recorded steps.
    """

    compiling: float
    training: float


@dataclass(frozen=True)
class Run:
    """What a backend recorded of a scenario: T gradients and, if it trained, as many updates.

    Attributes:
        scenario: the name of what was run.
        backend: the name of the backend.
        variant: which of the backend's ways to run.
        dtype: of every array here; `own` where each parameter has its own.
        losses: the loss before each step, of shape (T,).
        gradients: per parameter, of shape (T, *parameter): the gradient at `weights[:T]`.
        weights: per parameter, of shape (T + 1, *parameter) after training: the weights before each
            step and after the last. Of shape (1, *parameter) for a scenario that does not train.
        final_loss: the loss at the last weights, on the whole batch.
        predictions: the model's output at the last weights on the whole batch; None where the
            scenario has no `predict`.
        timing: what it cost.
        planned_steps: how many steps the scenario asked for; T is smaller where a stopping rule ended
            the run, or where the variant is too slow for all of them (see `Backend.step_limits`).
        stopped: whether a stopping rule ended the run.
        states: what the training keeps beside the weights (an optimizer's moments, an average), by entry, by
            parameter, of shape (T + 1, *entry): before each step and after the last. Empty where it keeps
            nothing.
        learning_rates: of each step, of shape (T,), in float64; None for those that the training plans.
        products: what the hardware may have rounded within products of matrices, by the settings of the run.
        formats: what was computed in, where that is more than the dtype says; None for that.
    """

    scenario: str
    backend: str
    variant: str
    dtype: str
    losses: Array
    gradients: dict[str, Array]
    weights: dict[str, Array]
    final_loss: float
    predictions: Array | None
    timing: Timing
    planned_steps: int
    stopped: bool = False
    states: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)
    learning_rates: Array | None = None
    products: Products = PLAIN_PRODUCTS
    formats: RunFormats | None = None

    @property
    def steps(self) -> int:
        """T, the number of gradients recorded."""
        return len(self.losses)

    @property
    def widened(self) -> "Run":
        """The same numbers in arrays of NumPy's own dtypes: those of bfloat16 as float32."""
        return replace(
            self,
            losses=widened(self.losses),
            gradients={name: widened(array) for name, array in self.gradients.items()},
            weights={name: widened(array) for name, array in self.weights.items()},
            predictions=None if self.predictions is None else widened(np.asarray(self.predictions)),
            states={
                entry: {name: widened(array) for name, array in arrays.items()}
                for entry, arrays in self.states.items()
            },
        )

    @property
    def updates(self) -> int:
        """The number of updates recorded: T, or 0 for a scenario that does not train."""
        return len(next(iter(self.weights.values()))) - 1


@runtime_checkable
class Backend(Protocol):
    """An implementation under test. A third party registers its own under `gradproof.backends`.

    A class that has a `framework`, too (a `gradproof.backends.Framework`; its `settings` say what law 5 looks
    at), works in `check` and `judge` as well: they then take and give its arrays. Called like the library, or
    in a package of the library's, it is found where a user's code imports the library. Import the library in
    the methods, or by `gradproof.backends.Lazy`: the class is looked at in processes that do not use it.

    Laws, which the tests check for every backend that is installed:

    1. `weights[:, 0]` of a run are the scenario's parameters rounded to the dtype, bit for bit.
    2. Every array of a run has the dtype asked for (or its parameter's own where that is `own`), its
       parameter's shape and one entry a step.
    3. `gradients[t]` was computed at `weights[t]` (and at step t's mini-batch), and `weights[t + 1]` by the
       framework's own update from the two.
    4. Two runs of the same scenario, dtype and variant on one machine are equal bit for bit.
    5. After a run no global setting of Python, of NumPy or of the framework differs from what it was before,
       no function of theirs is replaced, and the scenario's arrays are as they were. `verify` looks: what
       differs is put back, and the run is told as failed.

    A class whose library computes on several kinds of devices may have `device_kinds` (`("cpu", "cuda")`,
    say). A variant may then be followed by where it is to run, as in `eager@cuda` or `eager@cuda:1`.

    Attributes:
        name: what reports and `--backends` call it.
        variants: the ways to run it that users really use (compiled or not, ...), the usual one first.
        dtypes: the dtypes that it can run.
        step_limits: per variant the most steps it takes, for a variant too slow for long trainings; a
            variant that is not listed takes all. Reports tell how many steps were left out.
    """

    name: str
    variants: tuple[str, ...]
    dtypes: tuple[str, ...]
    step_limits: Mapping[str, int]

    def versions(self) -> Mapping[str, str]:
        """Tell the versions and settings of the framework that can change a result."""
        ...

    def run(self, scenario: Scenario, *, dtype: str, variant: str) -> Run:
        """Compute and record gradients and updates of a scenario.

        Raises:
            InputError: the scenario's loss cannot be evaluated, or is not a scalar.
            UnsupportedError: this backend cannot run this scenario; it is reported as not run. Name what the
                library lacks, and the line of the loss.
        """
        ...


def planned_steps(backend: Backend, scenario: Scenario, variant: str) -> int:
    """Tell how many steps a variant of a backend takes of a scenario, before any stopping rule."""
    return min(scenario.steps, backend.step_limits.get(parted(variant)[0], scenario.steps))


def parted(variant: str) -> tuple[str, str]:
    """Give a variant without its device, and the device; empty where it names none.

    >>> parted("eager@cuda:1"), parted("jit")
    (('eager', 'cuda:1'), ('jit', ''))
    """
    name, _, device = variant.partition("@")
    return name, device


def batches(
    scenario: Scenario, batch: Mapping[str, Any], framework: Framework
) -> Iterator[Mapping[str, Any]]:
    """Give each step's data, in the framework's arrays: its mini-batch, or for ever the whole batch."""
    schedule = scenario.batch_schedule()
    if schedule is None:
        return repeat(batch)
    return ({name: framework.rows(array, chosen) for name, array in batch.items()} for chosen in schedule)


def descent_of(scenario: Scenario) -> GradientDescent:
    """Give the training of a scenario; one step for a scenario without, whose gradient alone is wanted."""
    return scenario.training or GradientDescent(learning_rate=1.0, steps=1)


def plain_descent_of(scenario: Scenario, backend: str) -> GradientDescent:
    """Give the training of a scenario whose steps are w ← w - learning rate · ∂L/∂w and nothing else.

    Raises:
        UnsupportedError: it is another one, which the backend does not make.
    """
    training = descent_of(scenario)
    if not training.is_plain:
        raise UnsupportedError(
            f"{backend} makes plain steps only, and scenario {scenario.name!r} is trained by "
            f"{training.words}. Leave {backend} out, or train by plain gradient descent."
        )
    return training


def plain_steps(
    scenario: Scenario,
    framework: Framework,
    value_and_gradient: Callable[[Any, Any], tuple[Any, Any]],
    params: dict[str, Any],
    batch: Mapping[str, Any],
) -> Iterator[DescentStep]:
    """Make steps by w ← w - learning rate · ∂L/∂w in the framework's own arithmetic, one whenever asked.

    Args:
        scenario: what is run.
        framework: whose arrays `params` and `batch` are.
        value_and_gradient: gives the loss at weights and data, and its gradient by the weights.
        params: the first weights.
        batch: the whole data.
    """
    rate = plain_descent_of(scenario, framework.name).learning_rate
    for data in batches(scenario, batch, framework):
        value, gradient = value_and_gradient(params, data)
        params = {name: weight - rate * gradient[name] for name, weight in params.items()}
        yield DescentStep(value, gradient, params)


def _placed(scenario: Scenario, device: str) -> Scenario:
    """Give a scenario whose model is computed on a device, where it would not follow by itself."""
    if not (device and isinstance(scenario, ModelScenario) and scenario.elsewhere is not None):
        return scenario
    return replace(scenario, own=scenario.elsewhere(device))


class RecordingBackend(Backend):
    """What gradproof's own backends share: they differ in how `steps` makes a step, or `train` all of them.

    Attributes:
        framework: whose arrays the steps are made with.
        device_kinds: the framework's.
        model_variants: the ways to run a model of the framework's own as it is; see `ModelScenario`.
        optional_variants: more ways to run, which run only where they are named (`--backends torch/compile`);
            of each why, as it follows "it": `compiles for seconds`, say. Any backend may have them.
    """

    framework: Framework
    device_kinds: tuple[str, ...] = ()
    model_variants: tuple[str, ...] = ()
    optional_variants: Mapping[str, str] = MappingProxyType({})

    @classmethod
    def environment(cls, variant: str) -> Mapping[str, str]:
        """Tell what must be in a process's environment before the library starts there, to run a variant.

        `verify` makes its runs in such a process; a run that is made elsewhere may lack it.
        """
        del variant
        return {}

    def run(self, scenario: Scenario, *, dtype: str, variant: str) -> Run:
        """Compute and record gradients and updates of a scenario."""
        way, device = parted(variant)
        finest = scenario.formats(dtype).finest
        with self.framework.mode(finest), self.framework.on(device):
            try:
                found = self._run(_placed(scenario, device), dtype, way)
                products = self.framework.products(finest, device or self._device_of(scenario, way))
                return replace(found, variant=variant, products=products)
            except Exception as error:
                lacking = self.framework.lacks(error)
                if isinstance(error, UnsupportedError):
                    raise
                if not lacking and isinstance(scenario, ModelScenario) and way not in self.model_variants:
                    raise UnsupportedError(
                        f"{self.name} does not run the operations of the model {scenario.name!r}: "
                        f"{type(error).__name__}: {error}. Run the model itself, or leave {self.name} out."
                    ) from error
                if not lacking:
                    raise
                line = raised_at(error).replace(" at ", " (loss line ", 1)
                raise UnsupportedError(
                    f"{self.name} has no {lacking}{line and line + ')'}. Write the loss with what it has, or "
                    f"leave {self.name} out."
                ) from error

    def _device_of(self, scenario: Scenario, variant: str) -> str:
        """Tell where a model lies that is run as it is; empty for whatever else."""
        if isinstance(scenario, ModelScenario) and variant in self.model_variants:
            return scenario.device
        return ""

    def _run(self, scenario: Scenario, dtype: str, variant: str) -> Run:
        alone = isinstance(scenario, ModelScenario) and scenario.has_own_dtypes_alone
        if alone and dtype != OWN and variant in self.model_variants:
            raise UnsupportedError(
                f"The model {scenario.name!r} runs in its own dtypes alone, and not all in {dtype}. Ask for "
                f"the dtype {OWN!r}."
            )
        xp = self.framework.namespace()
        first, data = scenario.arrays(dtype)
        batch = self._arrays(data)

        def evaluate(function: Callable[..., Any], params: Mapping[str, Array]) -> Array:
            value = function(xp, self._arrays(params), batch)
            return self.framework.to_numpy(value) if self.framework.owns(value) else np.asarray(value)

        loss = self.loss_of(scenario, variant)
        scenario.check_scalar(evaluate(loss, first).shape)
        record, timing = self.train(scenario, variant, first, batch)
        trained = slice(None) if scenario.training is not None else slice(1)
        weights = {name: weight[trained] for name, weight in record.weights.items()}
        last = {name: np.asarray(weight[-1]) for name, weight in weights.items()}
        predict = scenario.flat_predict
        return Run(
            scenario=scenario.name,
            backend=self.name,
            variant=variant,
            dtype=dtype,
            losses=record.losses,
            gradients=record.gradients,
            weights=weights,
            final_loss=float(evaluate(loss, last)),
            predictions=None if predict is None else evaluate(predict, last),
            timing=timing,
            planned_steps=scenario.steps,
            stopped=len(record.losses) < planned_steps(self, scenario, variant),
            states={} if scenario.training is None else record.states,
            learning_rates=record.learning_rates,
            formats=self.formats(scenario, dtype, variant),
        )

    def formats(self, scenario: Scenario, dtype: str, variant: str) -> RunFormats:
        """Give the formats that a variant computes in, of a scenario in a dtype."""
        del variant
        return scenario.formats(dtype)

    def loss_of(self, scenario: Scenario, variant: str) -> Callable[..., Any]:
        """Give the loss as a variant computes it, called as `loss(xp, params, batch)` on flat mappings."""
        if variant in self.model_variants:
            own = self._own(scenario)
            return lambda _, params, batch: own(params, batch)[0]
        return scenario.flat_loss

    def model_steps(
        self, scenario: Scenario, params: dict[str, Any], batch: Mapping[str, Any]
    ) -> Iterator[DescentStep]:
        """Make a step of a model as it is whenever one is asked for."""
        return plain_steps(scenario, self.framework, self._own(scenario), params, batch)

    def _own(self, scenario: Scenario) -> Callable[[Any, Any], tuple[Any, dict[str, Any]]]:
        """Give the loss and the gradient that the framework computes of its own model, on its arrays.

        Raises:
            UnsupportedError: the scenario is no model of the framework's.
        """
        own = scenario.own if isinstance(scenario, ModelScenario) else None
        if own is None or not isinstance(scenario, ModelScenario) or scenario.framework != self.name:
            raise UnsupportedError(
                f"Scenario {scenario.name!r} is no model of {self.name}, which is what "
                f"{self.name}/{self.model_variants[0]} runs. Leave that out, or take a model as it is."
            )
        return self._on_arrays(own)

    def _on_arrays(self, own: Callable[[Any, Any], tuple[Any, dict[str, Any]]]) -> Callable[[Any, Any], Any]:
        """Let a function of NumPy's arrays take and give the framework's."""
        to_numpy, from_numpy = self.framework.to_numpy, self.framework.from_numpy

        def evaluate(params: Mapping[str, Any], batch: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
            arrays, data = ({n: to_numpy(a) for n, a in each.items()} for each in (params, batch))
            value, gradient = own(arrays, data)
            # numbers of bfloat16 may come in a wider dtype that holds them
            held = {name: array.dtype for name, array in arrays.items()}
            of_all = value.dtype if len({*held.values()}) > 1 else next(iter(held.values()))
            return from_numpy(value.astype(of_all)), {
                n: from_numpy(a.astype(held[n])) for n, a in gradient.items()
            }

        return evaluate

    def _arrays(self, arrays: Mapping[str, Array]) -> dict[str, Any]:
        return {name: self.framework.from_numpy(array) for name, array in arrays.items()}

    def train(
        self, scenario: Scenario, variant: str, first: Mapping[str, Array], batch: dict[str, Any]
    ) -> tuple[Trajectory, Timing]:
        """Make all steps from the first weights, or those until a stopping rule says so, and record them."""
        steps = self.steps(scenario, variant, self._arrays(first), batch)
        start = time.perf_counter()
        taken = take_steps(
            islice(steps, planned_steps(self, scenario, variant)), descent_of(scenario).stopping
        )
        seconds = time.perf_counter() - start
        record = Trajectory.of(descent_of(scenario), first, taken, self.framework.stacked)
        return record, Timing(compiling=0.0, training=seconds)

    def steps(
        self, scenario: Scenario, variant: str, params: dict[str, Any], batch: dict[str, Any]
    ) -> Iterator[DescentStep]:
        """Make a step whenever one is asked for; `params` may be changed."""
        raise NotImplementedError

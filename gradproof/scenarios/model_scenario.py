"""A scenario that is a framework's own model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from gradproof.reference.numbers.run_formats import RunFormats
from gradproof.scenarios.scenario import Scenario

Array = NDArray[Any]
OwnGradient = Callable[[Mapping[str, Array], Mapping[str, Array]], tuple[Array, dict[str, Array]]]


@dataclass(frozen=True, eq=False)
class ModelScenario(Scenario):
    """A scenario whose loss replays a framework's model, and whose own gradient is the framework's.

    `gradproof.from_torch` and `gradproof.from_jax` make them. `check` takes the model's own gradient as what
    is claimed; `verify` runs it as a variant of the framework's backend.

    Attributes:
        framework: the name of the backend that runs the model itself.
        words: what the framework is called.
        own: `own(params, batch)`, on flat mappings of dotted names to NumPy arrays of one floating-point
            dtype, gives the loss and its gradient as the framework computes them in that dtype, likewise.
        elsewhere: gives `own` as it computes on another device, by its name; None where it follows the
            framework's choice of a device.
        device: where the model lies; empty where that is the framework's choice.
        notes: what of the model is not looked at, a sentence each.
        differs: how the model's value differs from that of its reference; empty where it does not.
        modules: the names of the modules that hold the model's code.
        has_own_dtypes_alone: whether the model runs in its own dtypes alone, which are several.
        casting: gives the loss with all casts of a run in the arrays' own dtypes; None where `loss` has them.
    """

    framework: str = ""
    words: str = ""
    own: OwnGradient | None = None
    elsewhere: Callable[[str], OwnGradient] | None = None
    device: str = ""
    notes: tuple[str, ...] = ()
    differs: str = ""
    modules: tuple[str, ...] = ()
    has_own_dtypes_alone: bool = False
    casting: Any = None

    def formats(self, dtype: str) -> RunFormats:
        """Give the formats that a run computes in, and where they are several the loss with its casts."""
        formats = super().formats(dtype)
        return replace(formats, loss=self.casting()) if formats.own and self.casting else formats

    @property
    def claimed_gradient(self) -> Callable[[Any, Any], Any] | None:
        """The framework's own, as `gradient(params, batch)`."""
        return self._own_gradient

    def _own_gradient(self, params: Any, batch: Any) -> dict[str, Array]:
        assert self.own is not None  # noqa: S101 - a front end gives one
        return self.own(params, batch)[1]

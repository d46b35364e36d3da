"""A clean slate: what a run left changed is found, told and put back, so that no run depends on another."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends import Backend
from gradproof.backends.settings import PYTHON, Setting, changes, functions_of
from gradproof.scenarios import Scenario

_NUMPY = functions_of(np, np.linalg, math)


@dataclass(frozen=True)
class Slate:
    """All that a run may change, as it was before.

    Attributes:
        settings: global ones, each with its value.
        arrays: the scenario's own: the mapping that holds each, its name there and in words, and a copy. A
            framework's array may share its memory, whatever NumPy's flags say.
    """

    settings: tuple[tuple[Setting, Any], ...]
    arrays: tuple[tuple[dict[str, NDArray[Any]], str, str, NDArray[Any]], ...]

    @classmethod
    def before(cls, backend: Backend, scenario: Scenario) -> "Slate":
        """Read everything before a run."""
        framework = getattr(backend, "framework", None)
        settings = (*PYTHON, _NUMPY, *(() if framework is None else framework.settings()))
        kinds = {"parameter": scenario.flat_params, "batch array": scenario.flat_batch}
        return cls(
            tuple((setting, setting.read()) for setting in settings),
            tuple(
                (arrays, name, f"{kind} {name!r} of the scenario", array.copy())
                for kind, arrays in kinds.items()
                for name, array in arrays.items()
            ),
        )

    def restored(self) -> list[str]:
        """Put everything back, and tell what had been changed."""
        return [*self._arrays(), *self._settings()]

    def _settings(self) -> Iterator[str]:
        for setting, before in self.settings:
            try:
                changed = [*changes(setting, before)]
            except Exception as error:  # noqa: BLE001 - a working directory that is gone, say
                changed = [f"{setting.name} ({type(error).__name__} when it is read)"]
            if changed:
                setting.restore(before)
            yield from changed

    def _arrays(self) -> Iterator[str]:
        for arrays, name, words, before in self.arrays:
            now = arrays.get(name)
            if now is None or (now.dtype, now.shape, now.tobytes()) != (
                before.dtype,
                before.shape,
                before.tobytes(),
            ):
                before.flags.writeable = False
                arrays[name] = before
                yield words

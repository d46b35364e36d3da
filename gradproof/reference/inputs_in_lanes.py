"""Parameters and data of several runs at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Inputs:
    """Parameters and data with the lanes first; an array that all lanes share has length 1."""

    params: Mapping[str, NDArray[Any]]
    batch: Mapping[str, NDArray[Any]]
    lanes: int

    @classmethod
    def of(
        cls, params: Mapping[str, ArrayLike], batch: Mapping[str, ArrayLike], lanes: int | None
    ) -> "Inputs":
        """Take arrays whose leading axis is the lanes; without lanes, give them one."""

        def laned(mapping: Mapping[str, ArrayLike]) -> dict[str, NDArray[Any]]:
            arrays = {name: np.asarray(values) for name, values in mapping.items()}
            return arrays if lanes else {name: each[np.newaxis] for name, each in arrays.items()}

        return cls(laned(params), laned(batch), lanes or 1)

    def part(self, chosen: NDArray[np.intp]) -> "Inputs":
        """The chosen lanes."""

        def part_of(mapping: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
            return {
                name: array[chosen] if array.shape[0] == self.lanes else array
                for name, array in mapping.items()
            }

        return Inputs(part_of(self.params), part_of(self.batch), chosen.size)

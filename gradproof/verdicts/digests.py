"""A hash of every bit that a run recorded, step by step: what tells two runs apart."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.protocol import Run

BYTES_AT_ONCE = 16_000_000
"""Steps whose recorded bytes are laid side by side at once, so that a long run is not copied as a whole."""


def digests(run: Run) -> NDArray[np.str_]:
    """Give 16 hexadecimal digits for each step: BLAKE2b of its loss, gradients, updated weights and state.

    Two runs that recorded the same bits have the same digests; two that did not have different ones, but for
    one chance in 2⁶⁴. Parameters are taken in the order of their names.
    """
    arrays = [run.losses, *(run.gradients[name] for name in sorted(run.gradients))]
    if run.updates:
        arrays += [run.weights[name][1:] for name in sorted(run.weights)]
        arrays += [each[1:] for _, own in sorted(run.states.items()) for _, each in sorted(own.items())]
    size = sum(array[0].nbytes for array in arrays) if run.steps else 1
    at_once = max(1, BYTES_AT_ONCE // size)
    texts: list[str] = []
    for start in range(0, run.steps, at_once):
        rows = np.concatenate([_bytes(array[start : start + at_once]) for array in arrays], axis=1)
        texts += [hashlib.blake2b(row, digest_size=8).hexdigest() for row in rows]
    return np.array(texts, dtype="U16")


def _bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(array).reshape(len(array), -1).view(np.uint8)

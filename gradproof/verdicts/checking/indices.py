"""What the integers of a batch index: found by trying which of them the loss and the gradient run with."""

from collections.abc import Callable, Iterator

import numpy as np

from gradproof.verdicts.checking.looking import Array
from gradproof.verdicts.judging.claimed import Place


def index_bounds(given: Place, runs: Callable[[Place], bool]) -> Iterator[tuple[str, int]]:
    """Find what the integers of a batch index: of each array, one more than the greatest that runs.

    The axis that integers index is the one that they may not be longer than: of each length of an axis it is
    tried whether one index less runs, and that one does not.

    Args:
        given: the user's place.
        runs: whether the loss and the gradient run at a place.
    """
    lengths = {
        length
        for arrays in (given.params, given.batch)
        for array in arrays.values()
        for length in array.shape
    }
    for name, array in given.batch.items():
        if array.dtype.kind not in "iu" or array.ndim == 0:
            continue
        greatest = int(array.max())

        def runs_with(value: int, name: str = name, array: Array = array) -> bool:
            changed = array.copy()
            changed[array == array.max()] = value
            return runs(Place(given.params, {**given.batch, name: changed}))

        far = max([*lengths, greatest + 1]) + 1
        if greatest >= 0 and not runs_with(far):
            bounds = sorted(length for length in {*lengths, greatest + 1} if length > greatest)
            bound = next((b for b in reversed(bounds) if runs_with(b - 1) and not runs_with(b)), None)
            everywhere = Place(given.params, {**given.batch, name: np.full_like(array, (bound or 1) - 1)})
            if bound is not None and runs(everywhere):
                yield name, bound

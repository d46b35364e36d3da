"""Which steps of a run are looked at for a cause."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.protocol import Run
from gradproof.verdicts.records import ParameterRecord
from gradproof.verdicts.verdict import CODE, Verdict

MOST_STEPS = 8
"""So many steps of a run are looked at, at most, of which a quarter are right ones where some are ..."""

MOST_ENTRIES = 100_000
"""... and as many as have so many entries together, but two."""


def is_wrong(record: ParameterRecord) -> bool:
    """Tell whether something in a record is proven to be wrong, or is no number."""
    return int(record.verdict.max()) >= int(CODE[Verdict.DISAGREES])


def looked_at(run: Run, wrong: Sequence[ParameterRecord]) -> NDArray[np.intp]:
    """Choose steps to look at: the worst of each record, others that are wrong, and a few that are right."""
    if not wrong:
        return np.empty(0, dtype=np.intp)
    usable = finite_before(run)
    off = np.any([each.verdict >= CODE[Verdict.DISAGREES] for each in wrong], axis=0)
    entries = sum(array[0].size for array in run.weights.values())
    count = int(np.clip(MOST_ENTRIES // entries, 2, MOST_STEPS))
    some_off, some_right = np.flatnonzero(usable & off), np.flatnonzero(usable & ~off)
    if not some_off.size:
        return some_off
    worst = [step for step in (each.worst_step() for each in wrong) if usable[step]]
    chosen = _spread_out([*worst, *some_off[:1]], some_off, count - min(count // 4, some_right.size))
    after = some_right[np.searchsorted(some_right, chosen[0]) :][:1]
    return np.array(sorted({*chosen, *_spread_out(after.tolist(), some_right, count - len(chosen))}))


def _spread_out(first: Iterable[int], steps: NDArray[np.intp], count: int) -> list[int]:
    """Take so many steps: some first, then others that are far apart."""
    even = steps[np.linspace(0, steps.size - 1, count).round().astype(int)] if steps.size and count else []
    order = [*first, *(even[::-1] if len(even) else []), *steps[:count]]
    return [int(step) for step in dict.fromkeys(order)][:count]


def finite_before(run: Run) -> NDArray[np.bool_]:
    """Tell before which steps all weights and the whole state are numbers, of shape (T,)."""
    arrays = [*run.weights.values(), *(each for own in run.states.values() for each in own.values())]
    finite = [np.isfinite(array[:-1]).reshape(len(array) - 1, -1).all(axis=1) for array in arrays]
    usable: NDArray[np.bool_] = np.all(finite, axis=0)
    return usable

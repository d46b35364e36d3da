"""Points of the check's own: where a wrong gradient cannot hide behind the data at hand.

One example hides a missing mean, distinct values hide ties, unique indices hide an overwritten duplicate,
positive data hides a ReLU's mask, an initial state of zeros hides a missing term.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np

from gradproof.errors import InputError
from gradproof.inputs import PATH, accepts
from gradproof.texts import shortened
from gradproof.verdicts.checking.archives import read_archive
from gradproof.verdicts.checking.drawing import Draw
from gradproof.verdicts.judging.claimed import Arrays, Place

_LONGEST_LABEL = 200
_LARGE, _SMALL = 24.0, 1.0 / 64.0


@dataclass(frozen=True)
class Point:
    """A point at which a gradient is checked.

    Attributes:
        place: parameters and data, as flat mappings from dotted names.
        label: what kind of point it is, in words.
        seed: what it was drawn with; None for the user's own.
        usual: whether numbers are of the size that the user's have, so that floating point should do well.
    """

    place: Place
    label: str
    seed: int | None = None
    usual: bool = True

    def save(self, path: str | Path) -> Path:
        """Write the point to an .npz file, from which `load_point` gives it back.

        Raises:
            InputError: the file cannot be written.
        """
        path = Path(path)
        described = {
            "label": self.label,
            "seed": self.seed,
            "params": list(self.place.params),
            "batch": list(self.place.batch),
        }
        arrays = {f"params{i}": a for i, a in enumerate(self.place.params.values())}
        arrays |= {f"batch{i}": a for i, a in enumerate(self.place.batch.values())}
        try:
            with path.open("wb") as file:
                np.savez(file, point=np.array(json.dumps(described)), **arrays)  # type: ignore[arg-type]
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror}. Give another path.") from error
        return path


@accepts("the point", path=PATH)
def load_point(path: str | Path) -> Point:
    """Read a point that `save` wrote; nothing in the file is executed.

    Raises:
        InputError: there is no such file, or it holds no point.
    """
    advice = "Give a file that `save_point` wrote."
    try:
        arrays = read_archive(path, advice)
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}. Check the path of the point.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. {advice}") from error
    try:
        described = json.loads(str(arrays["point"]))
        label, seed = described["label"], described["seed"]
        if not isinstance(label, str) or len(label) > _LONGEST_LABEL:
            raise ValueError("its label is no short text")  # noqa: TRY301 - told as the others
        if seed is not None and (type(seed) is not int or seed < 0):
            raise ValueError("its seed is no whole number from 0 up")  # noqa: TRY301
        place = Place(*(_named(described[kind], kind, arrays) for kind in ("params", "batch")))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        why = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{path} holds no point: {shortened(why, 200)}. {advice}") from error
    return Point(place, label, seed)


def _named(names: Any, kind: str, arrays: Arrays) -> Arrays:
    """Give the arrays of a kind by the names that a point says they have."""
    is_listed = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if not is_listed or len({*names}) < len(names):
        raise ValueError(f"its names of {kind} are no list of texts that are all different")
    found = {name: arrays[f"{kind}{number}"] for number, name in enumerate(names)}
    texts = [name for name, array in found.items() if array.dtype.kind == "U"]
    if texts:
        raise ValueError(f"its {kind} {texts[0]!r} holds texts, and no numbers")
    return found


class Phase(IntEnum):
    """What moves at a point, and what it breaks; the points come in this order."""

    PARAMETERS = 1
    """The parameters alone, keeping a structure that they have: a formula that fails is wrong."""

    DATA = 2
    """The data, too, keeping all that it is and how it belongs together: a formula that fails is wrong."""

    ACCIDENTS = 3
    """The data loses what it merely happened to have: a formula that fails is wrong, hidden by the data."""

    NATURES = 4
    """The data loses what it is: a formula that fails is right wherever data is as the user's."""


@dataclass(frozen=True)
class Plan:
    """A kind of point.

    Attributes:
        phase: what moves, and what is broken.
        label: what kind of point it is, in words.
        how: how numbers are drawn.
        usual: whether they are of the size that the user's have.
        rows: whether the rows of the data move, and its numbers stay.
        also: slugs of accidents that are broken beside the usual ones.
    """

    phase: Phase
    label: str
    how: Draw = field(default_factory=Draw)
    usual: bool = True
    rows: bool = False
    also: frozenset[str] = frozenset()


def _large(sign: int = 0) -> Draw:
    return Draw(_LARGE, centred=False, sign=sign)


_ZEROS, _TIES = frozenset({"no-zero"}), frozenset({"no-ties"})

PLANS: Sequence[Plan] = (
    Plan(Phase.PARAMETERS, "with other parameters"),
    Plan(Phase.DATA, "redrawn, keeping what the data is", Draw(centred=False)),
    Plan(Phase.ACCIDENTS, "with numbers of either sign", Draw(constant="binary", integers="repeated")),
    Plan(Phase.NATURES, "redrawn freely"),
    Plan(Phase.ACCIDENTS, "with ties", Draw(levels=1, integers="extreme"), also=_TIES),
    Plan(Phase.ACCIDENTS, "with many exact zeros", Draw(zeros=0.4, constant="signs"), also=_ZEROS),
    Plan(Phase.DATA, "with its rows moved", rows=True),
    Plan(Phase.ACCIDENTS, "of large magnitude, all negative", _large(sign=-1), usual=False),
    Plan(Phase.ACCIDENTS, "of large magnitude, all positive", _large(sign=1), usual=False),
    Plan(Phase.PARAMETERS, "with parameters of large magnitude", _large(), usual=False),
    Plan(
        Phase.DATA, "of small magnitude, with extreme indices", Draw(_SMALL, integers="extreme"), usual=False
    ),
    Plan(
        Phase.ACCIDENTS,
        "with ties and zeros",
        Draw(levels=2, zeros=0.2, integers="repeated", constant="binary"),
        also=_TIES | _ZEROS,
    ),
)
"""The kinds of points, those that find most first: so many as are asked for are taken, and taken again."""


def plans(count: int) -> list[tuple[int, Plan]]:
    """Give the plans of so many points, numbered, in the order in which they are judged."""
    chosen = [(number, PLANS[number % len(PLANS)]) for number in range(count)]
    return sorted(chosen, key=lambda pair: (pair[1].phase, pair[0]))

"""Points of the check's own: where a wrong gradient cannot hide behind the data at hand.

One example hides a missing mean, distinct values hide ties, unique indices hide an overwritten duplicate,
positive data hides a ReLU's mask, an initial state of zeros hides a missing term.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError
from gradproof.inputs import PATH, accepts
from gradproof.verdicts.checking.natures import Draw, Nature, draw, nature_of
from gradproof.verdicts.judging.claimed import Place

Array = NDArray[Any]

_LARGE, _SMALL = 24.0, 1.0 / 64.0
_EXAMPLES = 3


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
    try:
        with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            described = json.loads(str(file["point"]))
            params = {name: file[f"params{i}"] for i, name in enumerate(described["params"])}
            batch = {name: file[f"batch{i}"] for i, name in enumerate(described["batch"])}
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}. Check the path of the point.") from error
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise InputError(
            f"{path} holds no point ({type(error).__name__}). Give a file that `save_point` wrote."
        ) from error
    return Point(Place(params, batch), described["label"], described["seed"])


_PLANS: Sequence[tuple[str, Draw, bool]] = (
    ("redrawn at the scale of each array", Draw(), True),
    ("redrawn around the values of each array", Draw(signs=False, centred=False), True),
    ("with many exact zeros", Draw(zeros=0.4), True),
    ("with ties", Draw(levels=1), True),
    ("with repeated indices", Draw(integers="repeated"), True),
    ("redrawn with the signs of each array", Draw(signs=False), True),
    ("of large magnitude", Draw(scale=_LARGE, centred=False), False),
    ("with the least and the greatest indices", Draw(integers="extreme"), True),
    ("of small magnitude", Draw(scale=_SMALL), False),
    ("of large magnitude, all positive", Draw(scale=_LARGE, sign=1), False),
    ("of large magnitude, all negative", Draw(scale=_LARGE, sign=-1), False),
    ("with ties and zeros", Draw(levels=2, zeros=0.2, integers="repeated"), True),
)
"""What is drawn, in turn: a label, how, and whether the numbers are of the usual size."""


def own_points(given: Place, count: int, seed: int) -> Iterator[Point]:
    """Draw points of the given shapes.

    Args:
        given: the user's point; the kinds and the scales of arrays are taken from it.
        count: how many.
        seed: the points are the same for the same seed.
    """
    for number in range(count):
        label, how, usual = _PLANS[number % len(_PLANS)]
        yield Point(_drawn(given, how, seed, number), label, seed, usual)


def cautious(given: Place, point: Point, number: int) -> Point:
    """Draw a point in place of one outside the loss's domain: positive numbers stay positive, zeros away."""
    label, how, usual = _PLANS[number % len(_PLANS)]
    how = replace(how, signs=False, zeros=0.0, centred=False)
    label = f"{label}, positive numbers kept positive"
    return Point(_drawn(given, how, point.seed or 0, number + 1_000_000), label, point.seed, usual)


def more_examples(given: Place, seed: int) -> Point | None:
    """Draw a point with several examples where the user gave one; None where there are more, or none.

    A single example hides whether a sum over the batch is a mean, and whether it is taken at all.
    """
    lengths = [array.shape[0] for array in given.batch.values() if array.ndim]
    if not lengths or set(lengths) != {1}:
        return None
    longer = {
        name: np.concatenate([array] * _EXAMPLES) if array.ndim else array
        for name, array in given.batch.items()
    }
    place = _drawn(Place(given.params, longer), Draw(), seed, 2_000_000)
    return Point(place, f"with {_EXAMPLES} examples in place of one", seed)


def _drawn(given: Place, how: Draw, seed: int, number: int) -> Place:
    random = np.random.default_rng([seed, number])
    params = {name: _one(array, how, random, parameter=True) for name, array in given.params.items()}
    batch = {
        name: _one(array, how, random, parameter=False, number=number) for name, array in given.batch.items()
    }
    return Place(params, batch)


def _one(array: Array, how: Draw, random: np.random.Generator, *, parameter: bool, number: int = 0) -> Array:
    nature = nature_of(array, parameter=parameter)
    if nature is Nature.GENERAL and not parameter and not np.any(array) and number % 2:
        # All zeros: an initial state, or labels that all happen to be 0. Both are tried.
        nature = Nature.BINARY
    return draw(array, nature, how, random)

"""What a caller may give, and how it is said that something else was given; every room may import it."""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from numbers import Integral, Real
from os import PathLike
from typing import Any, TypeVar, cast

from gradproof.errors import InputError

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Wanted:
    """A kind of argument.

    Attributes:
        holds: whether a value is of the kind.
        words: what to give, as the object of a sentence.
    """

    holds: Callable[[Any], bool]
    words: str


def _is_number(value: Any) -> bool:
    if type(value) is bool or not isinstance(value, Real):
        return False
    try:
        return isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return True


def _is_whole(value: Any) -> bool:
    """Whether a value is a whole number, as an int, a NumPy integer or a float like 3.0."""
    return _is_number(value) and (isinstance(value, Integral) or float(value).is_integer())


TEXT = Wanted(lambda value: isinstance(value, str), "a text")
PATH = Wanted(lambda value: isinstance(value, str | PathLike), "a path")
FUNCTION = Wanted(callable, "a function")
NUMBER = Wanted(_is_number, "a finite number")
POSITIVE = Wanted(lambda value: _is_number(value) and value > 0, "a positive, finite number")
WHOLE = Wanted(_is_whole, "a whole number")
SEED = Wanted(lambda value: _is_whole(value) and value >= 0, "a whole number from 0 up")
COUNT = Wanted(lambda value: _is_whole(value) and value >= 1, "a whole number of at least 1")
YES_OR_NO = Wanted(lambda value: isinstance(value, bool), "True or False")
MAPPING = Wanted(lambda value: isinstance(value, Mapping), "a mapping from names")


def instance_of(kind: type, words: str) -> Wanted:
    """Want an instance of a class."""
    return Wanted(lambda value: isinstance(value, kind), words)


def sequence_of(kind: Wanted, words: str) -> Wanted:
    """Want a list, a tuple or the like (no text, no mapping) of values of a kind."""

    def holds(value: Any) -> bool:
        listed = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)
        return listed and all(kind.holds(entry) for entry in value)

    return Wanted(holds, words)


def one_of(*words: str) -> Wanted:
    """Want one of some texts."""
    return Wanted(
        lambda value: isinstance(value, str) and value in words, f"one of {', '.join(map(repr, words))}"
    )


def optional(kind: Wanted) -> Wanted:
    """Want a value of a kind, or None."""
    return Wanted(lambda value: value is None or kind.holds(value), f"{kind.words}, or None")


def check_inputs(owner: str, **given: tuple[Any, Wanted]) -> None:
    """Refuse arguments of another kind than is wanted.

    Args:
        owner: whose arguments they are, as it stands before "'s": `the scenario`, say.
        **given: by name, an argument and what is wanted of it.

    Raises:
        InputError: one is of another kind.

    >>> check_inputs("the training", learning_rate=("0.1", NUMBER))
    Traceback (most recent call last):
    gradproof.errors.InputError: The training's learning rate is '0.1', a str. Give a finite number.
    """
    for name, (value, wanted) in given.items():
        if not wanted.holds(value):
            shown = f"{value!r:.60}"
            what = "" if value is None else f", {_article(type(value).__name__)}"
            subject = f"{owner[0].upper()}{owner[1:]}'s {name.replace('_', ' ')}"
            raise InputError(f"{subject} is {shown}{what}. Give {wanted.words}.")


def accepts(owner: str, **wanted: Wanted) -> Callable[[Function], Function]:
    """Give a decorator that refuses arguments of another kind than is wanted.

    Args:
        owner: what the function is called in messages (see `check_inputs`).
        **wanted: by name, what is wanted of an argument.

    >>> @accepts("the count", start=WHOLE)
    ... def count(start=0): ...
    >>> count("one")
    Traceback (most recent call last):
    gradproof.errors.InputError: The count's start is 'one', a str. Give a whole number.
    """

    def decorate(function: Function) -> Function:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def checked(*arguments: Any, **options: Any) -> Any:
            given = signature.bind(*arguments, **options).arguments
            check_inputs(owner, **{n: (given[n], kind) for n, kind in wanted.items() if n in given})
            return function(*arguments, **options)

        return cast("Function", checked)

    return decorate


def _article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def suggestion(name: str, known: Iterable[str]) -> str:
    """Give the sentence that suggests the nearest known name, with a space before it; empty if none is near.

    >>> suggestion("line_fti", ["line_fit", "neuron_chain"]), suggestion("mine", ["line_fit"])
    (" Did you mean 'line_fit'?", '')
    """
    from difflib import get_close_matches  # noqa: PLC0415 - only an error needs it

    folded = {each.casefold(): each for each in known}
    given = name.casefold()
    begun = [each for each in folded if len(given) > 1 and each.startswith(given)]
    alike = get_close_matches(given, folded, n=1, cutoff=0.7)
    alike = alike or get_close_matches(given, [n for n in folded if n[:1] == given[:1]], n=1, cutoff=0.5)
    near = begun or alike
    return f" Did you mean {folded[near[0]]!r}?" if near else ""

"""A setting of a training that has another value: on for off, left out, two in each other's place."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, get_args, get_type_hints

from gradproof.errors import InputError
from gradproof.verdicts.updates.suspected import Suspicion, TakenSteps

_FIRST, _SECOND = "the bias correction of the first moment", "the bias correction of the second moment"

WORDS: Mapping[tuple[str, Any], str] = {
    ("correct_first", False): f"without {_FIRST}",
    ("correct_first", True): f"with {_FIRST}",
    ("correct_second", False): f"without {_SECOND}",
    ("correct_second", True): f"with {_SECOND}",
    ("nesterov", True): "with Nesterov's momentum",
    ("nesterov", False): "without Nesterov's momentum",
    ("correct", True): "with the bias corrections",
    ("correct", False): "without the bias corrections",
    ("centered", True): "with the square of the mean gradient subtracted from the second moment",
    ("centered", False): "without the square of the mean gradient subtracted from the second moment",
    ("epsilon_place", "outside"): "with epsilon outside the root",
    ("epsilon_place", "inside"): "with epsilon inside the root",
    ("epsilon_place", "before correction"): "with epsilon added before the bias correction",
    ("amsgrad", "moment"): "with AMSGrad's maximum of the second moments before their correction",
    ("amsgrad", "corrected"): "with AMSGrad's maximum of the corrected second moments",
    ("amsgrad", ""): "without AMSGrad's maximum",
    ("weight_decay", 0.0): "without weight decay",
    ("momentum", 0.0): "without momentum",
    ("dampening", 0.0): "without dampening",
    ("epsilon", 0.0): "without epsilon",
}
"""What is said of a setting that has a value instead of its own."""


_JUMPS: Mapping[str, tuple[float, ...]] = {"threshold": (4.0, 5.0)}
"""Numbers that no step is a smooth function of, with the values that are in use (RAdam's)."""


def wrong_settings(steps: TakenSteps) -> Iterator[Suspicion]:
    """A setting of the optimizer, of the clipping or of the average is another."""
    training = steps.stepping.training
    for part, owner in (
        ("optimizer", f"{steps.name}'s"),
        ("clipping", f"{steps.name}'s"),
        ("average", "made"),
    ):
        rule = getattr(training, part)
        for changes, words in () if rule is None else _changes(rule):
            changed = with_settings(rule, **changes)
            if changed is not None and steps.has_state_of(changed):
                yield Suspicion(f"{owner} {words}", steps.trained(**{part: changed}))


def with_settings(rule: Any, **changes: Any) -> Any:
    """Give a rule with other settings; None where there is no such rule."""
    try:
        return replace(rule, **changes)
    except InputError:
        return None


def _changes(rule: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Give other settings of a rule, with words."""
    hints = get_type_hints(type(rule))
    settings = {each.name: getattr(rule, each.name) for each in fields(rule)}
    for name, value in settings.items():
        for other in _others(name, value, hints[name]):
            if other != value:
                yield {name: other}, words_of(name, value, other)
    if settings.get("correct_first") is True and settings.get("correct_second") is True:
        yield {"correct_first": False, "correct_second": False}, "without the bias corrections"
    if {"beta1", "beta2"} <= settings.keys():
        swapped = {"beta1": settings["beta2"], "beta2": settings["beta1"]}
        yield swapped, "with beta1 and beta2 in each other's place"
    if "decay" in settings:
        yield {"decay": 1.0 - settings["decay"]}, "with decay and 1 - decay in each other's place"


def _others(name: str, value: Any, hint: Any) -> tuple[Any, ...]:
    """Give what may stand in the place of a setting's value; `wrong_decay` has where weight decay stands."""
    if isinstance(value, bool):
        return (True, False) if name != "decoupled" else ()
    if isinstance(value, int):
        return value - 1, value + 1
    if isinstance(value, float):
        return _JUMPS.get(name, (0.0,))
    return get_args(hint) if isinstance(value, str) else ()


def words_of(name: str, value: Any, other: Any) -> str:
    """Say that a setting has another value.

    >>> words_of("epsilon", 1e-08, 1e-07)
    'with epsilon = 1e-07 in place of 1e-08'
    """
    return WORDS.get((name, other), f"with {name} = {other!r} in place of {value!r}")

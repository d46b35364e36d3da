"""A document's claims: `claims.toml` states them and words what is found, `claims.py` checks them."""

import re
import string
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from flint import arb

from gradproof.errors import InputError
from gradproof.scenarios.claim import (
    Checked,
    Claim,
    ClaimVerdict,
    Comparison,
    Decimals,
    Derived,
    Finding,
    not_checkable,
)
from gradproof.scenarios.claims_arithmetic import show
from gradproof.scenarios.tables import entries, read_tables


class Facts:
    """What a check computed, without words.

    Attributes:
        outcome: whether the claim holds, None where that could not be told; or what is left for the rule.
        numbers: by name, what the words tell; `stated`, `exact` and `digits` are the finding's, too.
    """

    def __init__(self, outcome: bool | Comparison | Decimals | None, /, **numbers: Any) -> None:
        """Take the outcome, and the numbers by name."""
        self.outcome = outcome
        self.numbers = numbers


Computed: TypeAlias = Checked | Facts
"""What the check of a claim in a file gives."""

FileCheck: TypeAlias = Callable[[Any, Mapping[str, Any]], Computed]


class Checks:
    """The checks of a document's claims, by the claims' names; called, it is a decorator.

    >>> check = Checks()
    >>> @check("sum", total=lambda parts: sum(parts))
    ... def adds_up(scenario, states): ...
    """

    def __init__(self) -> None:
        """Hold none at first."""
        self._checks: dict[str, tuple[FileCheck, dict[str, Any]]] = {}

    def __call__(self, name: str, **formulas: Any) -> Callable[[FileCheck], FileCheck]:
        """Let a function check the claim of that name; `formulas` are what the claim states as functions."""

        def register(check: FileCheck) -> FileCheck:
            self._checks[name] = (check, formulas)
            return check

        return register

    def claims(self, file: Path, table: str = "claim") -> tuple[Claim, ...]:
        """Read the claims of a table of the file, each with its check.

        An entry has a `name`, a `text` and a `place`; and `states` (beside those of the table `[states]`,
        which all share), or, where there is nothing to compute, a remark under `only_in_a_picture` or
        `an_opinion`. Where the check gives Facts or numbers to compare, the entry also has the words for
        them, in which the Facts' numbers stand in braces (`{cost:6}` for 6 digits): `confirmed`, `refuted`
        and `undecided`, or `reason` for all of them; `cause`; and of a comparison `what`, `beside`, `remark`.

        Raises:
            InputError: the file is no such file, an entry lacks a text or has words that cannot be filled in,
                or a claim that could be computed has no check.
        """
        described = read_tables(file)
        shared = _table(described, "states", file)
        found = entries(file, described, table, ("name", "text", "place"))
        for entry in found:
            _check_words(entry, file)
        return tuple(self._claim(entry, {**shared, **_table(entry, "states", file)}) for entry in found)

    def _claim(self, entry: Mapping[str, Any], states: Mapping[str, Any]) -> Claim:
        described = (entry["name"], entry["text"], entry["place"])
        for kind, said in _NOTHING_TO_COMPUTE.items():
            if kind in entry:
                return Claim(*described, partial(_nothing, f"{said}{entry[kind]}".strip()))
        if entry["name"] not in self._checks:
            raise InputError(
                f"The claim {entry['name']!r} has no check. Write one, and decorate it with the claim's name."
            )
        own, formulas = self._checks[entry["name"]]

        def check(scenario: Any, states: Mapping[str, Any]) -> Checked:
            return _told(own(scenario, states), entry)

        return Claim(*described, check, {**states, **formulas})


_TEXTS = (
    *("confirmed", "refuted", "undecided", "reason", "cause", "what", "beside", "remark"),
    *("only_in_a_picture", "an_opinion"),
)
_LONG_NUMBER = re.compile(r"\d{4}")


def _table(described: Mapping[str, Any], name: str, file: Path) -> Mapping[str, Any]:
    found = described.get(name, {})
    if not isinstance(found, Mapping):
        raise InputError(f"{name!r} in {file} is no table of names and values. Write it as one.")
    return found


def _check_words(entry: Mapping[str, Any], file: Path) -> None:
    """Raise InputError unless the words of an entry are texts in which numbers can be filled in by name.

    A number in braces may have a few hundred digits; and no attribute or item of it can be asked for.
    """
    for key in {*_TEXTS} & {*entry}:
        text = entry[key]
        try:
            fields = [*string.Formatter().parse(text)]
            fits = all(
                name is None or (not kind and _is_plain(name, how or "")) for _, name, how, kind in fields
            )
        except (ValueError, TypeError):
            fits = False
        if not fits:
            raise InputError(
                f"{key!r} of the claim {entry['name']!r} in {file} is no text with names of numbers in "
                "braces, like {cost:6}. Write it so, and braces that stand for themselves twice."
            )


def _is_plain(name: str, how: str) -> bool:
    return name.isidentifier() and "{" not in how and not _LONG_NUMBER.search(how)


_VERDICTS = {True: ClaimVerdict.CONFIRMED, False: ClaimVerdict.REFUTED, None: ClaimVerdict.UNDECIDED}
_NOTHING_TO_COMPUTE = {"only_in_a_picture": "It is only in a picture. ", "an_opinion": ""}


def _nothing(reason: str, _scenario: Any, _states: Any) -> Finding:
    return not_checkable(reason)


def _told(found: Computed, entry: Mapping[str, Any]) -> Checked:
    """Put what was computed into the words of a claim's entry."""
    outcome, numbers = (found.outcome, found.numbers) if isinstance(found, Facts) else (found, {})

    def words(*names: str) -> dict[str, Any]:
        return {name: _Words().vformat(entry[name], (), numbers) for name in names if name in entry}

    if isinstance(outcome, Comparison):
        return replace(outcome, **words("what", "cause", "remark", "beside"))
    if isinstance(outcome, Decimals):
        return replace(outcome, **words("cause", "remark"))
    if isinstance(outcome, Finding | Derived):
        return outcome
    verdict = _VERDICTS[outcome]
    reason = next(iter(words(verdict.name.lower(), "reason").values()))
    told = words("cause") if outcome is False else {}
    told |= {name: number for name, number in numbers.items() if name in ("stated", "exact", "digits")}
    return Finding(verdict, reason, **told)


class _Words(string.Formatter):
    """Writes balls with the digits that are proven, and several numbers with commas between them."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, arb):
            return show(value, int(format_spec or 10))
        if isinstance(value, list | tuple | np.ndarray):
            return ", ".join(self.format_field(each, format_spec) for each in value)
        return str(super().format_field(value, format_spec))

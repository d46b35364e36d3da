"""A document's claims: what is stated stands in its `claims.toml`, what checks it in its `claims.py`."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gradproof.errors import InputError
from gradproof.scenarios.claim import Claim, ClaimCheck, an_opinion, in_a_picture


class Checks:
    """The checks of a document's claims, by the claims' names; called, it is a decorator.

    >>> check = Checks()
    >>> @check("sum", total=lambda parts: sum(parts))
    ... def adds_up(scenario, states): ...
    """

    def __init__(self) -> None:
        """Hold none at first."""
        self._checks: dict[str, tuple[ClaimCheck, dict[str, Any]]] = {}

    def __call__(self, name: str, **formulas: Any) -> Callable[[ClaimCheck], ClaimCheck]:
        """Let a function check the claim of that name; `formulas` are what the claim states as functions."""

        def register(check: ClaimCheck) -> ClaimCheck:
            self._checks[name] = (check, formulas)
            return check

        return register

    def claims(self, file: Path, table: str = "claim") -> tuple[Claim, ...]:
        """Read the claims of a table of the file, each with its check.

        An entry has a `name`, a `text` and a `place`; and `states` (beside those of the table `[states]`,
        which all share), or, where there is nothing to compute, a remark under `only_in_a_picture` or
        `an_opinion`.

        Raises:
            InputError: a claim that could be computed has no check.
        """
        described = tomllib.loads(file.read_text(encoding="utf-8"))
        return tuple(self._claim(entry, described.get("states", {})) for entry in described[table])

    def _claim(self, entry: dict[str, Any], shared: dict[str, Any]) -> Claim:
        told = (entry["name"], entry["text"], entry["place"])
        if "only_in_a_picture" in entry:
            return in_a_picture(*told, entry["only_in_a_picture"])
        if "an_opinion" in entry:
            return an_opinion(*told, entry["an_opinion"])
        if entry["name"] not in self._checks:
            raise InputError(
                f"The claim {entry['name']!r} has no check. Write one, and decorate it with the claim's name."
            )
        check, formulas = self._checks[entry["name"]]
        return Claim(*told, check, {**shared, **entry.get("states", {}), **formulas})

"""Where runs were made, if not all of them on machines like the one that writes the report."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from gradproof.verdicts.records import NotRun, Outcome

MACHINES = "machines"
"""The entry of a report's environment that holds the others, each by its name."""


class Machines:
    """The machines that differ from the report's own in something that a result may depend on.

    Machines that are equal in all of that are one, and `machine 1` is that of the first run that was made
    elsewhere. Nothing tells which computer it was.

    Args:
        results: runs, in the report's order.
    """

    def __init__(self, results: Iterable[Outcome | NotRun]) -> None:
        """Name the machines."""
        self._names: dict[str, str] = {}
        self._described: dict[str, dict[str, Any]] = {}
        for result in results:
            if not result.machine:
                continue
            name = self._names.setdefault(_key(result), f"machine {len(self._names) + 1}")
            told = self._described.setdefault(name, {**result.machine, "threads": {}, "backends": {}})
            if isinstance(result, Outcome):
                told["threads"] |= result.threads
                told["backends"] |= result.versions

    def name(self, result: Outcome | NotRun) -> str:
        """Give the name of the machine of a run; empty for the report's own."""
        return self._names[_key(result)] if result.machine else ""

    def described(self) -> dict[str, Any]:
        """Give the entry of the environment that describes them; none where there is nothing to tell."""
        return {MACHINES: self._described} if self._described else {}


def environment_of(environment: Mapping[str, Any], machine: str) -> dict[str, Any]:
    """Give the environment of the runs of one machine; of an empty name, that of the report's own.

    >>> environment_of(
    ...     {"python": "3.12", "strict": False, "machines": {"machine 1": {"python": "3.13"}}}, "machine 1"
    ... )
    {'python': '3.13', 'strict': False}
    """
    own = {name: value for name, value in environment.items() if name != MACHINES}
    return {**own, **environment.get(MACHINES, {}).get(machine, {})}


def _key(result: Outcome | NotRun) -> str:
    return json.dumps(result.machine, sort_keys=True)

"""What two reports may differ in before anything is computed: the environment and the scenarios."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import pandas as pd

from gradproof.reporting.environment import flattened
from gradproof.reporting.machines import environment_of
from gradproof.reporting.names import RUN

ABSENT = "(absent)"
"""What an entry of the environment is called that one of the reports does not have."""

# The entries that most likely change a result come first.
_ORDER = (
    *("backends", "packages", "python", "processor", "threads", "variables", "platform"),
    *("processes", "strict"),
)
# What says nothing of the arithmetic: how many runs were made side by side ...
_CIRCUMSTANCES = ("processes",)
# ... and what was refused, which says nothing of the times either.
_REFUSED = ("strict",)

SAME, CHANGED, UNKNOWN = "same", "changed", "unknown"

_Of = TypeVar("_Of")
Pair = tuple[_Of, _Of]


def environment_rows(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Give a row for each entry of the environment that appeared, vanished or changed, but for the time.

    >>> list(environment_rows({"packages": {"torch": "2.12"}}, {"packages": {"torch": "2.13"}}))
    [{'key': 'packages.torch', 'before': '2.12', 'after': '2.13'}]
    """
    first, second = _texts(before), _texts(after)
    keys = [key for key in {**first, **second} if key != "time"]
    for key in sorted(keys, key=_importance):
        old, new = first.get(key, ABSENT), second.get(key, ABSENT)
        if old != new:
            yield {"key": key, "before": old, "after": new}


def _texts(environment: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in flattened(environment, ".")
    }


def _importance(key: str) -> int:
    group = key.partition(".")[0]
    return _ORDER.index(group) if group in _ORDER else len(_ORDER)


class Surroundings:
    """What changed around the runs that two reports have in common, each of which may have been elsewhere.

    Args:
        environments: both reports'.
        pairs: a row for each run that took place in both, with its machine before and after.
    """

    def __init__(self, environments: Pair[Mapping[str, Any]], pairs: pd.DataFrame) -> None:
        """Compare the environments of the machines of all runs."""
        self._machines: dict[Any, Pair[str]] = dict(
            zip(
                pairs[RUN].itertuples(index=False, name=None),
                pairs[["machine_before", "machine_after"]].itertuples(index=False, name=None),
                strict=True,
            )
        )
        self._changes = {
            machines: _frame(environment_rows(*map(environment_of, environments, machines)))
            for machines in [*dict.fromkeys(self._machines.values())] or [("", "")]
        }

    def of_run(self, run: tuple[str, ...]) -> pd.DataFrame:
        """Give a row for each entry of the environment that changed for one run: key, before, after."""
        return self._changes[self._machines[run]]

    def of_all(self) -> pd.DataFrame:
        """Give the rows of all runs, each once; where both reports have no run in common, the reports'."""
        return pd.concat([*self._changes.values()], ignore_index=True).drop_duplicates(ignore_index=True)


def _frame(rows: Iterator[dict[str, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["key", "before", "after"])


def arithmetic_changes(environment: pd.DataFrame, *, same_backends: bool) -> pd.DataFrame:
    """Give the changes of the environment that may change bits: all but the circumstances.

    Where the reports used other backends, what only one of them tells of a backend is no change either.
    """
    said_once = (environment[["before", "after"]] == ABSENT).any(axis=1)
    of_other_backends = environment["key"].str.startswith("backends.") & said_once & (not same_backends)
    return environment[~environment["key"].isin([*_CIRCUMSTANCES, *_REFUSED]) & ~of_other_backends]


def circumstances(environment: pd.DataFrame) -> pd.DataFrame:
    """Give the changes that say nothing of the arithmetic."""
    return environment[environment["key"].isin(_CIRCUMSTANCES)]


def change_texts(environment: pd.DataFrame) -> list[str]:
    """Tell each change of the environment in words, and one that stands in two places once.

    >>> rows = [("backends.torch", "2.12", "2.13"), ("packages.torch", "2.12", "2.13")]
    >>> change_texts(pd.DataFrame(rows, columns=["key", "before", "after"]))
    ['torch 2.12 → 2.13']
    """
    texts = (
        f"{_name(key)} {before} → {after}"
        for key, before, after in environment[["key", "before", "after"]].itertuples(index=False)
    )
    return list(dict.fromkeys(texts))


def _name(key: str) -> str:
    group, _, name = key.partition(".")
    return name if group in {"backends", "packages", "threads", "variables"} else key.replace(".", " ")


def scenario_states(runs: Pair[pd.DataFrame], environments: Pair[Mapping[str, Any]]) -> dict[str, str]:
    """Tell of each scenario that is in both reports whether it is the SAME, has CHANGED, or is UNKNOWN.

    It is unknown where a report does not hold its fingerprint, and where only the bytecode differs and the
    reports were made by different versions of Python, which write the same code as different bytecode.

    Args:
        runs: both reports' frames `runs`.
        environments: both reports' environments.
    """
    first, second = (
        dict(frame[["scenario", "fingerprint"]].astype(str).itertuples(index=False, name=None))
        for frame in runs
    )
    old, new = (str(environment.get("python", "")).split(".")[:2] for environment in environments)
    return {
        name: _state(first[name], second[name], same_python=old == new) for name in first if name in second
    }


def _state(before: str, after: str, *, same_python: bool) -> str:
    if not (before and after):
        return UNKNOWN
    if before == after:
        return SAME
    if same_python or before.partition("-")[0] != after.partition("-")[0]:
        return CHANGED
    return UNKNOWN

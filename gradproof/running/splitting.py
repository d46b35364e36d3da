"""Which runs belong to which part of a verification, so that parts can be made apart and merged."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from gradproof.errors import InputError
from gradproof.scenarios import Scenario
from gradproof.verdicts.records import Subject


class Group(NamedTuple):
    """Runs that stay together: how far an implementation drifts is told against the reference's run."""

    scenario: str
    dtype: str

    @classmethod
    def of(cls, subject: Subject) -> "Group":
        """Give that of a run."""
        return cls(subject.scenario, subject.dtype)


def part_of(text: str) -> tuple[int, int]:
    """Read which part is meant, and of how many.

    Raises:
        InputError: it is none.

    >>> part_of("2/5")
    (2, 5)
    """
    found = re.fullmatch(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})", text)
    if found is None or int(found[1]) > int(found[2]):
        raise InputError(f"{text!r:.60} is no part of a verification. Give the second of five as 2/5, say.")
    return int(found[1]), int(found[2])


def groups_of(scenarios: Sequence[Scenario], dtypes: Sequence[str], part: int, parts: int) -> set[Group]:
    """Give the groups of one part: each group is in one, and all parts take about as long.

    It depends on the scenarios and the dtypes alone, and not on what is installed here.

    Raises:
        InputError: there are more parts than groups.
    """
    groups = [(each.steps, Group(each.name, dtype)) for each in scenarios for dtype in dtypes]
    if parts > len(groups):
        raise InputError(
            f"{parts} parts were asked for, and the runs of a scenario in one dtype stay together, of which "
            f"there are {len(groups)}. Ask for {len(groups)} parts at most."
        )
    loads = [0] * parts
    chosen = set()
    for steps, group in sorted(groups, key=lambda each: -each[0]):
        least = loads.index(min(loads))
        # One step takes less than all that is done once a run.
        loads[least] += steps + 100
        if least == part - 1:
            chosen.add(group)
    return chosen

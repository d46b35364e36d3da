"""Which part of a verification a report tells of, where it was split."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gradproof.reporting.names import count

SHARD = "shard"
"""The entry of a report's environment that tells of it; a report of a whole verification has none."""


@dataclass(frozen=True)
class Shard:
    """One part of a verification.

    Attributes:
        part: which one, counted from 1.
        parts: how many there are.
        rows: all runs of the whole verification, in its order, each as `Subject` names it.
        scenarios: the fingerprints of all scenarios, by their names, in order.
    """

    part: int
    parts: int
    rows: list[str]
    scenarios: dict[str, str]

    @classmethod
    def of(cls, environment: Mapping[str, Any]) -> "Shard | None":
        """Read a report's; None where it is of a whole verification.

        Raises:
            ValueError: the entry is none that was written.
        """
        if SHARD not in environment:
            return None
        told = environment[SHARD]
        wanted = {"part": int, "parts": int, "rows": list, "scenarios": dict}
        if not isinstance(told, dict) or {n: type(v) for n, v in told.items()} != wanted:
            raise ValueError(SHARD)
        names = [*told["rows"], *told["scenarios"], *told["scenarios"].values()]
        if not (1 <= told["part"] <= told["parts"] and all(isinstance(name, str) for name in names)):
            raise ValueError(SHARD)
        return cls(**told)

    def entry(self) -> dict[str, Any]:
        """Give what stands in the environment."""
        return {SHARD: asdict(self)}

    def told(self, runs: int) -> str:
        """Say of a report with so many runs which part it is.

        >>> Shard(2, 5, ["a torch/eager float64"] * 70, {}).told(14)
        'This is part 2 of 5, with 14 of 70 runs; it says nothing of the others. `gradproof merge` makes one
        report of all parts.'
        """
        return (
            f"This is part {self.part} of {self.parts}, with {runs:,} of {count(len(self.rows), 'run')}; it "
            "says nothing of the others. `gradproof merge` makes one report of all parts."
        )

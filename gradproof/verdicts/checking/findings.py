"""What is noticed of a gradient beside its numbers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CheckFinding:
    """One thing that was noticed.

    Attributes:
        kind: a slug: `wrong-shape`, `missing-parameter`, `superfluous-parameter`, `mutated-input`,
            `not-finite`, `none`, `not-a-mapping`, `random`, `raises`, `not-certified`, `kink`,
            `lower-precision`, `inaccurate-at-magnitude`, `one-example`, `constants`, `fewer-points`.
        text: a sentence or two.
        fails: whether a gradient of which this is true does not pass, whatever its numbers are.
        parameter: the parameter that it is about; empty if it is about none.
    """

    kind: str
    text: str
    fails: bool = False
    parameter: str = ""

    def __str__(self) -> str:
        """Give the text."""
        return self.text

"""What is noticed of a gradient beside its numbers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CheckFinding:
    """One thing that was noticed.

    Attributes:
        kind: a slug: `none`, `not-a-mapping`, `missing-parameter`, `superfluous-parameter`, `wrong-shape`,
            `mutated-input`, `random`, `not-finite`, `raises`, `not-certified`, `constants`, `loses-digits`,
            `lower-precision`, `one-example`, `condition`, `hidden-by-data`, `own-point`, `mostly-dropped`,
            `rounded-data`, `kept-gradient`, `other-dtype`.
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

"""What is said of a wrong gradient's cause."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """A change of the true gradient that gives the claimed one.

    Attributes:
        kind: a slug, such as "derivative-left-out"; all of them are listed in
            `gradproof.verdicts.causes.kinds`.
        where: the operation and its line in the loss, such as "sigmoid at my_gradient.py:12"; empty where
            the change belongs to no single operation.
        factor: what the derivative (or the whole gradient) is multiplied by, where the change is a constant
            factor; the rate, where the change holds one; else None.
        text: the change in one sentence.
        parameters: the parameters whose wrong gradients it explains.

    >>> Cause("sign", "", -1.0, "your gradient of w is the negative of the true one", ("w",)).kind
    'sign'
    """

    kind: str
    where: str
    factor: float | None
    text: str
    parameters: tuple[str, ...]

    def __str__(self) -> str:
        """Give the sentence."""
        return self.text


@dataclass(frozen=True)
class Search:
    """What a search gave.

    Attributes:
        cause: the cause; None where nothing is wrong, or nothing was found.
        complete: whether all mutants were tried that could matter; False where the time was up.
        difference: what can be said where no cause was found: which entries are off, and by how much; else
            empty.
    """

    cause: Cause | None
    complete: bool
    difference: str = ""

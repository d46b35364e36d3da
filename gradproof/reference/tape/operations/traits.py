"""What is known of an operation beside its derivative, so that others can choose by it and not by its name.

Each trait has a law, and tests hold every operation of the table to it in both directions: an operation that
keeps the law has the trait, so that none can be forgotten.
"""

from enum import Flag, auto


class Trait(Flag):
    """A property of an operation; they are joined by `|`, and `trait in operation.traits` asks for one.

    >>> Trait.LINEAR in Trait.LINEAR | Trait.REDUCTION
    True
    """

    NONE = 0

    ELEMENTWISE = auto()
    """An entry of the result depends on the operands' entries in its own place alone; operands broadcast."""

    LINEAR = auto()
    """The result is linear in all operands together: f(x + c y) = f(x) + c f(y)."""

    BILINEAR = auto()
    """There are two operands, and the result is linear in each while the other is held."""

    MOVES_ENTRIES = auto()
    """Each entry of the result is an entry of an operand, and which one does not depend on the values."""

    KEEPS_ORDER = auto()
    """The entries of the result are those of its one operand, in the same (row by row) order."""

    SELECTS = auto()
    """Each entry of the result is an entry of an operand, or 0, and which one is chosen by the values or by a
    condition: its derivative lets some entries through and stops the others."""

    EXTREMUM = auto()
    """The greatest or the least of some entries, which share its derivative where they tie."""

    PIECEWISE_CONSTANT = auto()
    """The derivative is 0 wherever there is one."""

    REDUCTION = auto()
    """Takes entries along `axes` (or `axis`) together, whatever their order, into one each."""

    AVERAGES = auto()
    """A reduction that divides by the number of entries: it is the same of entries that are each repeated."""

    NORMALISES = auto()
    """Keeps the shape, and a constant that is added along `axes` changes nothing."""

    ACTIVATION = auto()
    """A function of one number that networks are written with as a layer's nonlinearity."""

    READS_RESULT = auto()
    """The derivative's rule uses the result y."""

    FROM_RESULT = auto()
    """The derivative's rule uses the result y, and no operand's values: tanh' = 1 - y²."""

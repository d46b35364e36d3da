"""The kinds of cause: how far-fetched each is, and what it means; and what is said of one that is found.

Two mutants that agree with a claim to a dozen digits in every entry are, as a rule, the same change described
in two ways, and what counts is which description helps: of several, the one of the least cost is named. A
constant factor that belongs to an operation (the 1/N of a mean, the 2 of a square) is what people forget
most, and is the shortest description; then comes a reduction or accumulation that went wrong, then one
operation's derivative, then one path. A wrong operand or an updated weight is rarer, and more can be fitted
with it. A factor that is no number one would expect, an added multiple and two changes together have
something that was solved for: they come last, and only where enough entries confirm what one entry gave.

A cause holds at two points, or is not told: where a formula can be run, it is run at a second point, whose
parameters are up to a tenth smaller, and the same change must give the claim there too; of a run, another
step is the second point. Where the claim is right at the second point, nothing there speaks against the
cause. Of numbers at a single point it is said that they were seen at one point only.

A new kind of cause is a line here and a rule in `gradproof.verdicts.causes.mistakes`.
"""

from dataclasses import dataclass
from enum import Enum


class CauseKind(Enum):
    """A kind of cause.

    Attributes:
        cost: how far-fetched it is; a rule may say that its own case is less or more so.
        text: what it means.

    >>> CauseKind.MEAN_LEFT_OUT.slug, CauseKind.MEAN_LEFT_OUT.cost
    ('mean-left-out', 1.0)
    """

    MEAN_LEFT_OUT = 1.0, "the 1/N of a mean is left out"
    MEAN_INSTEAD_OF_SUM = 1.5, "a sum over an axis is turned into a mean"
    SUM_OVER_ALL_AXES = 1.5, "a sum runs over all axes instead of some"
    SUM_OVER_ANOTHER_AXIS = 1.5, "a sum runs over another axis"
    SUM_LEFT_OUT = 1.5, "only one term of a sum over an axis is taken"
    BROADCAST_NOT_REDUCED = 1.5, "the gradient keeps the shape that broadcasting made"
    TIES_FULL_CREDIT = 1.5, "at a tie every greatest entry gets the whole gradient"
    SIGN = 2.0, "a derivative, or all of the gradient, has the wrong sign"
    CONSTANT_FACTOR = 2.0, "a derivative, or all of the gradient, is off by a constant factor"
    PARAMETERS_SWAPPED = 2.0, "parameters' gradients stand in each other's place"
    CLIPPED = 2.0, "entries are clipped"
    ACCUMULATION_OVERWRITTEN = 2.5, "contributions overwrite each other where they must be added"
    CONTRIBUTIONS_AVERAGED = 2.5, "contributions are averaged where they must be added"
    GRADIENT_IS_ZERO = 2.5, "nothing is carried back to a parameter"
    DERIVATIVE_LEFT_OUT = 3.0, "the derivative of an operation is left out"
    DERIVATIVE_APPLIED_TWICE = 3.0, "the derivative of an operation is applied once too often"
    DERIVATIVE_AT_OUTPUT = 3.0, "a derivative is evaluated at the operation's output, not at its input"
    DERIVATIVE_AT_INPUT = 3.0, "a derivative's formula for the output is evaluated at the input"
    DERIVATIVE_FROM_ROUNDED_OUTPUT = 3.0, "the formula is right, and cancels when computed in floats"
    DIGITS_LOST = 3.0, "an operation's textbook formula loses digits in floats that an accurate one keeps"
    FUNCTION_INACCURATE = 3.0, "a framework's own function has fewer digits than its dtype"
    JACOBIAN_DIAGONAL = 3.0, "only the diagonal of a Jacobian is used"
    PATH_NOT_CARRIED_BACK = 3.5, "the gradient is not carried back along one path"
    BLOCK_SKIPPED = 3.6, "a block of operations is skipped on the way back"
    UPSTREAM_IGNORED = 4.0, "the gradient from above is ignored"
    PARENTHESES_MISSING = 4.0, "parentheses are missing in a derivative's formula"
    PRODUCT_OF_SUMS = 4.0, "sums are multiplied where products must be summed"
    STATISTICS_CONSTANT = 4.0, "statistics of the data at hand are taken for constants"
    CONSTANT_ROUNDED = 4.0, "a constant is rounded"
    DIVISION_BY_ZERO = 4.0, "a derivative is computed by a division by what is zero there"
    ANOTHER_CONDITION = 4.2, "a branch is decided by another condition"
    ELEMENTWISE_PRODUCT = 4.5, "an element-wise product stands where a matrix product belongs"
    SYMMETRIC_ONLY = 4.5, "a derivative holds for symmetric matrices only"
    SLICE_COUNTED_WRONGLY = 4.5, "a slice of an array is counted twice, or left out"
    ONE_SLICE_FOR_ALL = 5.0, "one slice of an array is used for all"
    WRONG_POSITIONS = 5.0, "entries come back to other positions than they were taken from"
    OTHER_MODE = 5.0, "the derivative belongs to the forward pass of another mode"
    ANOTHER_STEP = 5.5, "values of another step are used"
    DERIVATIVE_INCOMPLETE = 4.0, "a term or factor of an operation's derivative is left out"
    TRANSPOSED = 4.0, "a product or a gradient is transposed, or a transpose is left out"
    WRONG_ORDER = 4.0, "entries come back in another order than they went"
    DERIVATIVE_INVERTED = 5.0, "a derivative is divided by where it must be multiplied by"
    DERIVATIVE_OF_ANOTHER_LAYER = 5.0, "the derivative is taken from another node of the same operation"
    DERIVATIVE_OF_ANOTHER_FUNCTION = 5.0, "the derivative of another function is used"
    EXTRA_DERIVATIVE = 6.0, "a derivative is applied that the loss does not call for"
    WRONG_OPERAND = 6.0, "a product is differentiated with another value than it was computed with"
    OPERATION_LEFT_OUT = 6.5, "an operation is left out of the loss and of its derivative"
    WEIGHTS_ALREADY_UPDATED = 7.0, "weights are used after their update"
    ADDED_MULTIPLE = 9.0, "a multiple of the parameter is added"
    TWO_CHANGES = 15.0, "two changes together"
    DERIVATIVE_WRONG = 20.0, "an operation's derivative is another function that has no name"
    ADJOINT_WRONG = 25.0, "what arrives at a value is wrong in a way that has no name"

    def __init__(self, cost: float, text: str) -> None:
        """Take what a member's line holds."""
        self.cost, self.text = cost, text

    @property
    def slug(self) -> str:
        """How results write it."""
        return self.name.lower().replace("_", "-")


OWN_CONSTANT = -1.0
"""Less for a constant that belongs to the operation, such as the 2 of a square."""

ODD_NUMBER = 6.0
"""More for a factor that is no number one would expect."""

SEVERAL_PLACES = 0.5
"""More for the same change at several places."""

SOME_ALONE = 10.0
"""More where the change holds in some parameters only, although it would reach others too."""


@dataclass(frozen=True)
class Cause:
    """A change of the true gradient that gives the claimed one.

    Attributes:
        kind: the slug of a `CauseKind`, such as "derivative-left-out".
        where: the operation and its line in the loss, such as "sigmoid at my_gradient.py:12"; empty where
            the change belongs to no single operation.
        factor: what the derivative (or the whole gradient) is multiplied by, where the change is a constant
            factor; the rate, where the change holds one; else None.
        text: the change in one sentence.
        parameters: the parameters whose wrong gradients it explains.
        gradient_where: the line of the gradient's own code that makes a wrong number of right ones, such as
            "my_gradient.py:31"; of a change at several operations a line for each, separated by commas. Empty
            where no code was run, or where more than one line may be meant.

    >>> Cause("sign", "", -1.0, "your gradient of w is the negative of the true one", ("w",)).kind
    'sign'
    """

    kind: str
    where: str
    factor: float | None
    text: str
    parameters: tuple[str, ...]
    gradient_where: str = ""

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

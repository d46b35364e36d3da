"""Each trait has a law; an operation has the trait if, and only if, it keeps the law at all of its cases."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from operation_cases import CASES, Case

from gradproof.reference.numbers import Mask, Plain
from gradproof.reference.tape import OPERATIONS, Operation, Trait

KIND = Plain()
ACTIVATIONS = {"tanh", "atan", "sigmoid", "relu", "softplus", "gelu", "gelu_tanh", "silu"}
ACTIVATIONS |= {"elu", "leaky_relu", "softsign", "tanhshrink"}


def apply(case: Case, operands: Any, **arguments: Any) -> Any:
    """The result as float64; operands as arrays."""
    with KIND.context():
        lifted = [KIND.lift(np.asarray(x, dtype=float)[np.newaxis]) for x in operands]
        return OPERATIONS[case.operation].forward(*lifted, **(case.arguments | arguments)).values()[0]


def pulled(case: Case, g: Any, y: Any, operands: Any, position: int) -> Any:
    """What the rule for an operand makes of a result's adjoint g, at any result y and any operands."""
    with KIND.context():
        lifted = [KIND.lift(np.asarray(x, dtype=float)[np.newaxis]) for x in (g, y, *operands)]
        rule = OPERATIONS[case.operation].rule(position)
        return rule(*lifted, **case.arguments).sum_to(np.shape(operands[position])).values()[0]


def near(a: Any, b: Any) -> bool:
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-12, atol=1e-12, equal_nan=True)


def others(case: Case, seed: int = 1) -> list[Any]:
    """Other operands inside the domain: the case's own, each entry a little larger."""
    random = np.random.default_rng(seed)
    return [x + 0.01 * random.random(np.shape(x)) for x in case.operands]


def axes_of(case: Case) -> tuple[int, ...] | None:
    axes = case.arguments.get("axes", case.arguments.get("axis"))
    return (axes,) if isinstance(axes, int) else axes


def is_elementwise(case: Case) -> bool:
    result = apply(case, case.operands)
    try:
        operands = np.broadcast_arrays(*case.operands)
    except ValueError:
        return False
    if operands[0].shape != result.shape:
        return False
    # whatever stands at the other places is replaced by the place's own entries
    for place in np.ndindex(result.shape):
        alone = [np.full(result.shape, x[place]) for x in operands]
        condition = case.arguments.get("condition")
        own = (
            {"condition": Mask.lift(np.full(result.shape, condition[place].data > 0))}
            if condition is not None
            else {}
        )
        if not near(apply(case, alone, **own), np.full(result.shape, result[place])):
            return False
    return True


def is_linear_in(case: Case, positions: list[int]) -> bool:
    first, second = list(case.operands), list(case.operands)
    total = list(case.operands)
    for position in positions:
        size, shape = np.size(first[position]), np.shape(first[position])
        second[position] = 0.125 * np.cos(np.arange(size) + 2.0 * position).reshape(shape)
        total[position] = first[position] - 3 * second[position]
    return near(apply(case, total), apply(case, first) - 3 * apply(case, second))


def is_linear(case: Case) -> bool:
    return is_linear_in(case, list(range(len(case.operands))))


def is_bilinear(case: Case) -> bool:
    return (
        len(case.operands) == 2
        and all(is_linear_in(case, [place]) for place in (0, 1))
        and not is_linear(case)
    )


def entries_of(operands: Any) -> Any:
    return np.concatenate([np.ravel(x) for x in operands])


def moves_entries(case: Case) -> bool:
    """Entries that are numbered tell where each entry of the result comes from."""
    sizes = np.cumsum([0, *(np.size(x) for x in case.operands)])
    numbered = [
        np.arange(start + 2.25, start + 2.25 + np.size(x)).reshape(np.shape(x))
        for start, x in zip(sizes, case.operands, strict=False)
    ]
    ascending, descending = apply(case, numbered), apply(case, [5 - x for x in numbered])
    return (
        "condition" not in case.arguments
        and bool(np.all(np.isin(ascending, entries_of(numbered))))
        and near(ascending, 5 - descending)
    )


def keeps_order(case: Case) -> bool:
    return len(case.operands) == 1 and near(np.ravel(apply(case, case.operands)), np.ravel(case.operands[0]))


def selects(case: Case) -> bool:
    if moves_entries(case):
        return False
    choices = [(case.operands, apply(case, case.operands)), (others(case), apply(case, others(case)))]
    return all(np.all(np.isin(result, [*entries_of(operands), 0.0])) for operands, result in choices)


def is_extremum(case: Case) -> bool:
    """All entries that go into one entry of the result are equal here: each gets the same share of 1."""
    if len(case.operands) > 2 or not selects(case):
        return False
    equal = [np.full(np.shape(x), 2.0) for x in case.operands]
    result = apply(case, equal)
    shares = [pulled(case, np.ones(result.shape), result, equal, i) for i in range(len(equal))]
    into_one = sum(np.size(x) for x in np.broadcast_arrays(*equal)) / result.size
    spread = [x / (np.size(result) / np.size(x)) if len(equal) > 1 else x for x in shares]
    return into_one > 1 and all(near(x, np.full(np.shape(x), 1 / into_one)) for x in spread)


def is_piecewise_constant(case: Case) -> bool:
    result = apply(case, case.operands)
    gradients = [
        pulled(case, np.ones(result.shape), result, case.operands, i) for i in range(len(case.operands))
    ]
    same = near(result, apply(case, others(case)))
    return same and all(np.all(gradient == 0) for gradient in gradients)


def is_reduction(case: Case) -> bool:
    axes = axes_of(case)
    if axes is None or len(case.operands) != 1 or "keepdims" not in case.arguments:
        return False
    result = apply(case, case.operands, keepdims=True)
    shorter = all(result.shape[axis] == 1 for axis in axes)
    return shorter and near(result, apply(case, [np.flip(case.operands[0], axes)], keepdims=True))


def averages(case: Case) -> bool:
    if not is_reduction(case) or selects(case):
        return False
    own = {"correction": 0} if "correction" in case.arguments else {}
    twice = case.operands[0]
    for axis in axes_of(case) or ():
        twice = np.concatenate([twice, twice], axis=axis)
    return near(apply(case, [twice], **own), apply(case, case.operands, **own))


def normalises(case: Case) -> bool:
    axes = axes_of(case)
    if axes is None or len(case.operands) != 1:
        return False
    result = apply(case, case.operands)
    return result.shape == np.shape(case.operands[0]) and near(result, apply(case, [case.operands[0] + 1.5]))


def is_activation(case: Case) -> bool:
    """What can be said of all of them: a finite slope, of at most 1.2, at all numbers."""
    if case.operation not in ACTIVATIONS:
        return False
    x = np.linspace(-30.0, 30.0, 601)
    slopes = pulled(case, np.ones(x.shape), apply(case, [x]), [x], 0)
    return is_elementwise(case) and not is_linear(case) and bool(np.all(np.abs(slopes) <= 1.2))


def of_matrices(case: Case) -> bool:
    """A stack of matrices gives the stack of results, and there is none of vectors."""
    if case.arguments or any(np.ndim(x) < 2 for x in case.operands):
        return False
    stacks = zip(case.operands, others(case), strict=True)
    both = apply(case, [np.stack(pair) for pair in stacks])
    if not near(both, np.stack([apply(case, case.operands), apply(case, others(case))])):
        return False
    try:
        apply(case, [np.ravel(x) for x in case.operands])
    except ValueError as refused:
        return "is no matrix" in str(refused)
    return False


def rule_depends(case: Case, *, on_result: bool) -> bool:
    """Whether some rule answers otherwise at another result, or at other operands."""
    result = apply(case, case.operands)
    g = 1.0 + np.arange(result.size).reshape(result.shape)
    moved = (result + 0.125, case.operands) if on_result else (result, others(case))
    return any(
        not near(pulled(case, g, result, case.operands, i), pulled(case, g, *moved, i))
        for i in range(len(case.operands))
    )


LAWS: dict[Trait, Callable[[Case], bool]] = {
    Trait.ELEMENTWISE: is_elementwise,
    Trait.LINEAR: is_linear,
    Trait.BILINEAR: is_bilinear,
    Trait.MOVES_ENTRIES: moves_entries,
    Trait.KEEPS_ORDER: keeps_order,
    Trait.SELECTS: selects,
    Trait.EXTREMUM: is_extremum,
    Trait.PIECEWISE_CONSTANT: is_piecewise_constant,
    Trait.REDUCTION: is_reduction,
    Trait.AVERAGES: averages,
    Trait.NORMALISES: normalises,
    Trait.ACTIVATION: is_activation,
    Trait.MATRICES: of_matrices,
    Trait.READS_RESULT: lambda case: rule_depends(case, on_result=True),
    Trait.FROM_RESULT: lambda case: (
        rule_depends(case, on_result=True) and not rule_depends(case, on_result=False)
    ),
}


def test_every_trait_has_a_law() -> None:
    assert set(LAWS) == set(Trait)


@pytest.mark.parametrize("trait", LAWS, ids=lambda trait: trait.name.lower())
def test_who_keeps_the_law_has_the_trait_and_no_other(trait: Trait) -> None:
    kept = dict.fromkeys(OPERATIONS, True)
    for case in CASES:
        # a case with a label is a variant of another, at operands that are special
        if not case.label:
            kept[case.operation] &= LAWS[trait](case)
    assert {name for name in OPERATIONS if kept[name]} == {
        name for name, operation in OPERATIONS.items() if trait in operation.traits
    }


def test_a_forgotten_trait_would_be_seen() -> None:
    forgetful = replace(OPERATIONS["relu"], traits=Trait.ELEMENTWISE)
    assert [trait for trait in LAWS if LAWS[trait](next(c for c in CASES if c.operation == "relu"))] != [
        trait for trait in LAWS if trait in forgetful.traits
    ]


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_no_operation_is_without_traits(operation: Operation) -> None:
    assert operation.traits

"""The rules of the mistakes: each operation has what its traits promise, and what a rule gives is found."""

import ast
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from operation_cases import CASES

from gradproof.reference.numbers import Balls, Plain
from gradproof.reference.tape import OPERATIONS, Trait, differentiate
from gradproof.reference.tape.operations import (
    along_axes,
    choosing,
    convolution,
    decompositions,
    entrywise,
    linear_equations,
    matrix_products,
    moving,
    neural,
    running_exponentials,
)
from gradproof.verdicts import causes
from gradproof.verdicts.causes import find_cause
from gradproof.verdicts.causes.graph import Changed, Graph
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.mistakes import mistake, mistakes_at
from gradproof.verdicts.causes.mistakes.mistake import FUNCTIONS, PRODUCTS, SELECTING, Mistake, having
from gradproof.verdicts.tolerances import EXPLAINED_ENTRY

ROOM = Path(causes.__file__).parent
SOURCES = {path.relative_to(ROOM).as_posix(): path.read_text("utf-8") for path in sorted(ROOM.rglob("*.py"))}

X, WEIGHTS = np.array([0.5, 2.0, 3.5]), np.array([1.0, 3.0, 7.0])

# ------------------------------------------------------------------------ what traits promise


def loss_of(case):
    """A loss of one operation of the table, at operands that are parameters."""

    def loss(xp, params, _):
        tape = next(iter(params.values())).tape
        result = tape.apply(OPERATIONS[case.operation], *params.values(), **case.arguments)
        weights = 1.5 + np.cos(np.arange(max(1, result.size))).reshape(result.shape)
        return xp.sum(xp.sin(result) * weights)

    return loss, {f"x{i}": np.asarray(operand, dtype=float) for i, operand in enumerate(case.operands)}


def graph_of(case, kind=None, plain=None):
    return Graph(differentiate(*loss_of(case), {}, kind or Plain()).tape, None, plain)


def mistakes_of(operation):
    """All mistakes at the uses that an operation makes of its operands, in all its cases."""
    for case in (case for case in CASES if OPERATIONS[case.operation] is operation):
        graph = graph_of(case)
        for edge in graph.edges:
            if graph.nodes[edge.node].operation is operation:
                yield from mistakes_at(graph.use(edge)).values()


PROMISES = [
    (FUNCTIONS, " of $at left out"),
    (having(Trait.ELEMENTWISE, without=Trait.LINEAR), " left out"),
    (having(Trait.ELEMENTWISE, without=Trait.LINEAR), " applied twice"),
    (having(Trait.NORMALISES), "left out of the derivative of $at"),
    (having(Trait.NORMALISES), "over another axis in the derivative of $at"),
    (
        having(Trait.ELEMENTWISE, without=Trait.LINEAR | Trait.SELECTS | Trait.PIECEWISE_CONSTANT),
        "divided by",
    ),
    (FUNCTIONS, "evaluated at its output"),
    (having(Trait.ELEMENTWISE | Trait.FROM_RESULT), "evaluated at the input"),
    (having(Trait.ACTIVATION), " in place of the "),
    (SELECTING, "the mask of $at inverted"),
    (having(Trait.EXTREMUM), "which must share it"),
    (PRODUCTS, "operand 1 own 0"),
    (having(Trait.BILINEAR), "flipped"),
    (having(Trait.AVERAGES), "the 1/n left out"),
    (having(Trait.ELEMENTWISE | Trait.LINEAR | Trait.SELECTS), "which undoes the broadcast in $at"),
    ({entrywise.ADD, entrywise.SUBTRACT, moving.BROADCAST_TO}, "which undoes the broadcast in $at"),
    ({matrix_products.MATMUL}, "rows in the derivative"),
    ({linear_equations.INVERSE, linear_equations.SOLVE}, "inverse in the derivative of $at not transposed"),
    ({along_axes.VAR, along_axes.STD}, "deviations from the mean"),
    ({along_axes.CUMULATIVE_SUM}, "wrong direction"),
    ({along_axes.CUMULATIVE_SUM}, "left out of its own running sum"),
    ({moving.PERMUTE_DIMS, moving.MATRIX_TRANSPOSE, moving.FLIP}, "$at undone by a reshape"),
    ({choosing.SORT}, "applied once more"),
    ({moving.RESHAPE}, "in the order of columns"),
    ({moving.CONCAT}, "part 0"),
    ({moving.GATHER}, "repeated indices"),
    ({entrywise.DIVIDE}, "denominator"),
    ({entrywise.INTEGER_POWER}, "exponent"),
    ({entrywise.SQUARE, entrywise.ABS}, "the base"),
    ({entrywise.NEGATIVE, entrywise.SUBTRACT}, "the minus sign left out"),
    ({entrywise.SQRT}, "the factor 1/2 left out"),
    ({neural.SOFTMAX}, "only the diagonal"),
    ({neural.LOGSUMEXP}, "division by the sum"),
    ({neural.STANDARDIZE}, "mean and deviation taken for constants"),
    ({neural.STANDARDIZE}, "epsilon left out"),
    ({convolution.CONVOLUTION}, "the weights turned around"),
    ({running_exponentials.LOGCUMSUMEXP}, "only the diagonal"),
    ({neural.SILU, neural.GELU, neural.GELU_TANH}, "only the term"),
]
"""For which operations a mistake is to be among those of one use at least, told by its words or its name."""

ONLY_FACTORS = {
    along_axes.SUM,  # each entry adds with weight 1
    along_axes.PROD,
    along_axes.CUMULATIVE_PROD,
    choosing.CHOOSE,
    along_axes.VECTOR_NORM,
    linear_equations.DETERMINANT,
    linear_equations.SIGN_AND_LOG_DETERMINANT,
    linear_equations.CHOLESKY,
    linear_equations.ELIMINATION,
    decompositions.EIGEN,
    decompositions.EIGENVALUES,
    decompositions.SINGULAR,
    decompositions.SINGULAR_VALUES,
    decompositions.ORTHOGONAL_TRIANGULAR,
    decompositions.PSEUDOINVERSE,
    moving.EXPAND_DIMS,  # these keep the order of entries
    moving.SQUEEZE,
    moving.ASTYPE,
    moving.SCATTER_ADD,
}
"""Operations whose derivative can only be off by a factor, as all can."""


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_an_operation_has_the_mistakes_that_its_traits_promise(operation):
    names = " | ".join(each.key[0] for each in mistakes_of(operation))
    promised = [fragment for operations, fragment in PROMISES if operation in operations]
    assert [fragment for fragment in promised if fragment not in names] == []
    assert "the derivative of $at negated" in names
    assert bool(promised) is (operation not in ONLY_FACTORS)


def test_a_promise_that_is_not_kept_is_seen(monkeypatch):
    without = [(chosen, rule) for chosen, rule in mistake.RULES if rule.__name__ != "ties"]
    assert len(without) == len(mistake.RULES) - 1
    monkeypatch.setattr(mistake, "RULES", without)
    with pytest.raises(AssertionError, match="which must share it"):
        test_an_operation_has_the_mistakes_that_its_traits_promise(along_axes.MAX)


# ------------------------------------------------------------------------ what holds for all mistakes


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.operation} {case.label}")
def test_a_mistake_is_told_apart_and_the_same_on_balls(case):
    plain = graph_of(case)
    balls = graph_of(case, Balls(192), plain)
    for spot in [*plain.edges, *range(len(plain.nodes))]:
        found, again = mistakes_at(plain.use(spot)), mistakes_at(balls.use(spot))
        assert list(again) == list(found)
        given = [
            rule(plain.use(spot)) for chosen, rule in mistake.RULES if plain.use(spot).operation in chosen
        ]
        assert sum(len(list(each)) for each in given) == len(found)
        for each in found.values():
            assert "$" not in each.phrase("here")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.operation} {case.label}")
def test_changes_that_are_run_together_give_what_each_gives_alone(case):
    graph = graph_of(case)
    variants = [
        {spot: Changed(each.change, each.source)}
        for spot in [*graph.edges, *range(len(graph.nodes))]
        for each in mistakes_at(graph.use(spot)).values()
    ]
    variants += [first | second for first, second in pairwise(variants)]
    with np.errstate(all="ignore"):
        together = graph.backward(*variants)
        alone = [graph.backward(variant)[0] for variant in variants]
    for ours, theirs in zip(together, alone, strict=True):
        assert list(ours) == list(theirs)
        for name in ours:
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.operation} {case.label}")
def test_a_planted_mistake_has_a_cause(case):
    loss, params = loss_of(case)
    graph = graph_of(case, Balls(192), graph_of(case))
    [exact] = graph.backward({edge: Changed(graph.use(edge).pull) for edge in graph.edges})
    operation, seen = OPERATIONS[case.operation], set()
    for edge in graph.edges:
        if graph.nodes[edge.node].operation is not operation:
            continue
        for each in mistakes_at(graph.use(edge)).values():
            if each.kind in seen:
                continue
            claimed = exact | graph.backward({edge: Changed(each.change, each.source)})[0]
            if all(ball.is_finite() for balls in claimed.values() for ball in np.ravel(balls)):
                seen.add(each.kind)
                named = find_cause(loss, params, {}, claimed)
                changed = any(  # in one of the digits that a formula is judged by
                    not one.overlaps(other) and abs(one - other) > EXPLAINED_ENTRY * abs(one)
                    for name in exact
                    for one, other in zip(np.ravel(exact[name]), np.ravel(claimed[name]), strict=True)
                )
                assert (named is not None) is changed, each.key


@pytest.mark.parametrize(("other", "name"), [(np.tanh, "tanh"), (np.sin, "sin"), (np.exp, "exp")])
def test_each_value_that_one_may_take_for_another_is_found(other, name):
    def loss(xp, p, _):
        x = p["x"]
        return xp.sum(xp.tanh(x) + xp.sin(x) + xp.exp(x) + xp.asarray([1.0, 3.0, 7.0]) / x)

    true = 1 - np.tanh(X) ** 2 + np.cos(X) + np.exp(X)
    cause = find_cause(loss, {"x": X}, {}, {"x": true - WEIGHTS / other(X) ** 2})
    assert cause.kind == "wrong-operand"
    assert f"the output of {name} (" in cause.text


# ------------------------------------------------------------------------ a new rule


def double_log(use):
    """A mistake that nobody makes."""
    words = "the logarithm of twice the base in the derivative of $at"
    yield Mistake(CauseKind.DERIVATIVE_INCOMPLETE, words, lambda g: g * (2 * use.x).function("log"))


def halved_and_shifted(use):
    """An adjoint that nobody has."""
    if use.node.operation is None:
        yield Mistake(CauseKind.EXTRA_DERIVATIVE, "half of it and 0.375", lambda g: g / 2 + 0.375)


def log_loss(xp, p, _):
    return xp.sum(xp.log(p["x"]) * xp.asarray([1.0, 3.0, 7.0]))


def test_a_rule_that_is_added_is_found(monkeypatch):
    claimed = {"x": WEIGHTS * np.log(2 * X)}
    assert find_cause(log_loss, {"x": X}, {}, claimed) is None
    monkeypatch.setattr(mistake, "RULES", [*mistake.RULES, ({entrywise.LOG}, double_log)])
    cause = find_cause(log_loss, {"x": X}, {}, claimed)
    assert (cause.kind, cause.where.split(" at ")[0]) == ("derivative-incomplete", "log")
    assert "with the logarithm of twice the base in the derivative of log (" in cause.text


def test_a_rule_for_adjoints_that_is_added_is_found(monkeypatch):
    claimed = {"x": WEIGHTS / X / 2 + 0.375}
    assert find_cause(log_loss, {"x": X}, {}, claimed) is None
    monkeypatch.setattr(mistake, "RULES", [*mistake.RULES, (mistake.WHOLE, halved_and_shifted)])
    assert find_cause(log_loss, {"x": X}, {}, claimed).text.endswith("half of it and 0.375")


# ------------------------------------------------------------------------ kinds and names


def strings(source):
    return {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


@pytest.mark.parametrize("file", SOURCES)
def test_no_operation_is_chosen_by_its_name(file):
    # functions of numbers are called by their names, on arrays that are not the tape's
    called = {
        node.args[0].value
        for node in ast.walk(ast.parse(SOURCES[file]))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"function", "matrix_function"}
    }
    assert strings(SOURCES[file]) & set(OPERATIONS) <= called


def test_a_name_of_an_operation_is_seen():
    assert strings('if node.name in {"add", "subtract"}: pass') & set(OPERATIONS) == {"add", "subtract"}


ELSEWHERE = ("explaining.py", "own_functions.py")


def test_every_kind_has_a_slug_of_its_own_and_is_given_somewhere():
    slugs = [kind.slug for kind in CauseKind]
    assert len(set(slugs)) == len(slugs)
    given = {
        node.attr
        # what loses digits is found by the noise, and what a framework computes badly by asking it
        for source in (*SOURCES.values(), *((ROOM.parent / file).read_text("utf-8") for file in ELSEWHERE))
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "CauseKind"
    }
    assert given == {kind.name for kind in CauseKind}

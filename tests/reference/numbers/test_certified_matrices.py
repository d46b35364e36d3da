"""Functions of matrices of balls hold the exact results, whatever the matrices; floats and noise, too."""

from typing import Any

import flint
import numpy as np
import pytest
from flint import arb, arb_mat
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mpmath import mp

from gradproof.reference.numbers import Balls, Noisy, Plain
from gradproof.reference.numbers import certified_matrices as certified
from gradproof.reference.numbers.certified_matrices import array_of, matrix_of
from gradproof.reference.numbers.elementary import on_balls
from gradproof.reference.numbers.matrix_functions import MATRIX_FUNCTIONS, of_floats, pivoted

ball = on_balls(arb)


def balls_of(values: Any) -> Any:
    return np.asarray(ball(np.asarray(values, dtype=float)), dtype=object)


def holds(balls: Any, exact: Any) -> bool:
    """Whether each ball holds its number, an mpmath one of 60 digits."""
    with flint.ctx.workprec(400):
        pairs = zip(np.ravel(balls), np.ravel(exact), strict=True)
        slack = arb(0, 1e-40)
        return all(each.overlaps(arb(mp.nstr(number, 60)) + slack) for each, number in pairs)


def radius(balls: Any) -> float:
    return max(float(each.rad()) for each in np.ravel(balls))


small = st.integers(-8, 8).map(lambda n: n / 4.0)


def matrices(n: int, m: int) -> Any:
    return arrays(np.float64, (n, m), elements=small)


# -------------------------------------------------------------------- eigenvalues and singular values


@settings(max_examples=40, deadline=None)
@given(matrices(4, 4))
def test_eigenvalues_are_held_also_where_they_are_equal(a: Any) -> None:
    with flint.ctx.workprec(128), mp.workdps(60):
        found = certified.symmetric_eigen(balls_of(a))
        exact = mp.eigsy(mp.matrix(((a + a.T) / 2).tolist()), eigvals_only=True)
        assert holds(found[0], [*exact])
        assert radius(found[0]) < 1e-30


@settings(max_examples=40, deadline=None)
@given(matrices(4, 4))
def test_eigenvectors_are_held(a: Any) -> None:
    """A V = V diag(w) and V' V = 1 hold for the balls, and vectors of values that are apart are narrow."""
    with flint.ctx.workprec(128):
        symmetric = certified.symmetric(balls_of(a))
        found = certified.symmetric_eigen(balls_of(a))
        values, vectors = found[0], found[1:]
        left, right = certified.product(symmetric, vectors), vectors * values
        assert all(x.overlaps(y) for x, y in zip(left.ravel(), right.ravel(), strict=True))
        gram = certified.product(vectors.T, vectors)
        assert all(x.overlaps(arb(float(y))) for x, y in zip(gram.ravel(), np.eye(4).ravel(), strict=True))
        apart = np.diff(np.linalg.eigvalsh((a + a.T) / 2)) > 1e-6
        for i in range(4):
            if np.all(apart[max(i - 1, 0) : i + 1]):
                assert radius(vectors[:, i]) < 1e-25


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([(3, 3), (4, 2), (2, 4), (1, 3)]).flatmap(lambda shape: matrices(*shape)))
def test_singular_values_are_held_also_those_that_are_zero(a: Any) -> None:
    with flint.ctx.workprec(128), mp.workdps(60):
        n = a.shape[0]
        found = certified.singular(balls_of(a))
        exact = mp.svd_r(mp.matrix(a.tolist()), compute_uv=False)
        assert holds(found[n], [*exact])
        assert radius(found[n]) < 1e-30
        u, v = found[:n], found[n + 1 :]
        whole = certified.product(u * found[n], v.T)
        assert all(x.overlaps(arb(y)) for x, y in zip(whole.ravel(), a.ravel(), strict=True))


def test_what_a_ball_holds_is_held() -> None:
    """Eigenvalues of each of the matrices in a ball, at random, are in the balls of the ball's."""
    random = np.random.default_rng(5)
    middle = random.normal(size=(5, 5))
    wide = np.array([[arb(x, 2.0**-20) for x in row] for row in (middle + middle.T).tolist()], dtype=object)
    with flint.ctx.workprec(128):
        found = certified.symmetric_eigen(wide)
        both = certified.singular(wide)
    for _ in range(20):
        shift = random.uniform(-1, 1, size=(5, 5)) * 2.0**-20
        one = middle + middle.T + (shift + shift.T) / 2
        values, vectors = np.linalg.eigh(one)
        vectors = vectors * np.sign(
            np.sum(vectors * np.vectorize(float)(on_balls(arb.mid)(found[1:])), axis=0)
        )
        assert all(b.overlaps(arb(x, 1e-13)) for b, x in zip(found[0], values, strict=True))
        assert all(b.overlaps(arb(x, 1e-12)) for b, x in zip(found[1:].ravel(), vectors.ravel(), strict=True))
        assert all(b.overlaps(arb(x, 1e-13)) for b, x in zip(both[5], np.linalg.svd(one).S, strict=True))
    assert 1e-7 < radius(found) < 1e-2


@pytest.mark.parametrize("bits", [64, 128, 512, 2048])
def test_more_bits_narrow_the_balls(bits: int) -> None:
    random = np.random.default_rng(1)
    a = random.normal(size=(12, 12))
    with flint.ctx.workprec(bits):
        for found in (certified.symmetric_eigen(balls_of(a)), certified.singular(balls_of(a[:, :7]))):
            largest = max(each.rad() for each in found.ravel())
            assert largest < arb(2) ** (24 - bits)


def test_vectors_of_equal_values_are_only_known_to_be_of_length_one() -> None:
    with flint.ctx.workprec(128):
        found = certified.symmetric_eigen(balls_of(np.diag([2.0, 5.0, 2.0])))
        assert radius(found[0]) < 1e-35
        assert all(each.contains(arb(0, 1)) for each in found[1:, :2].ravel())
        assert radius(found[1:, 2]) < 1e-35
        both = certified.singular(balls_of(np.diag([2.0, 0.0])))
        assert both[2, 1].contains(arb(0))
        assert radius(both[:2, 0]) < 1e-35
        assert radius(both[:2, 1]) >= 1


def test_a_nearly_equal_pair_is_told_apart() -> None:
    with flint.ctx.workprec(128):
        a = balls_of(np.array([[1.0, 1e-9], [1e-9, 1.0]]))
        found = certified.symmetric_eigen(a)
        assert radius(found) < 1e-20
        assert abs(abs(found[1, 0]) - arb(0.5).sqrt()) < 1e-20


# -------------------------------------------------------------------- equations


@settings(max_examples=40, deadline=None)
@given(matrices(4, 4))
def test_the_adjugate_is_the_matrix_of_minors(a: Any) -> None:
    with flint.ctx.workprec(128):
        found = certified.adjugate(balls_of(a))
        for i, j in np.ndindex(4, 4):
            minor = np.delete(np.delete(a, j, axis=0), i, axis=1)
            exact = arb_mat(minor.tolist()).det() * (-1) ** (i + j)
            assert found[i, j].overlaps(exact)
        assert radius(found) < 1e-25


@settings(max_examples=40, deadline=None)
@given(matrices(4, 4))
def test_the_adjugate_of_floats_is_the_matrix_of_minors(a: Any) -> None:
    with flint.ctx.workprec(128):
        exact = np.vectorize(float)(on_balls(arb.mid)(certified.adjugate(balls_of(a))))
    np.testing.assert_allclose(of_floats("adjugate", a), exact, atol=1e-11 * max(1.0, np.abs(exact).max()))


def test_what_is_singular_or_not_definite_gives_no_numbers() -> None:
    singular = balls_of([[1.0, 2.0], [2.0, 4.0]])
    with flint.ctx.workprec(128):
        for found in (
            certified.inverse(singular),
            certified.solution(singular, balls_of([[1.0], [0.0]])),
            certified.pseudoinverse(singular),
            certified.cholesky_or_nothing(singular),
            certified.orthogonal_triangular(singular),
        ):
            assert not any(each.is_finite() for each in found.ravel())
        with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
            certified.cholesky(singular)


def test_what_is_no_number_gives_no_numbers() -> None:
    with flint.ctx.workprec(128):
        nothing = balls_of([[1.0, np.nan], [np.nan, 2.0]])
        for function in (certified.symmetric_eigen, certified.singular):
            assert not any(each.is_finite() for each in function(nothing).ravel())


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5)])
def test_the_triangle_has_lapacks_signs(shape: tuple[int, int]) -> None:
    a = np.random.default_rng(7).normal(size=shape)
    with flint.ctx.workprec(128):
        found = certified.orthogonal_triangular(balls_of(a))
    np.testing.assert_allclose(
        np.vectorize(float)(on_balls(arb.mid)(found)), of_floats("orthogonal triangular", a)
    )


def test_arbs_matrices_and_arrays_are_exchanged() -> None:
    array = balls_of([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert (array_of(matrix_of(array)) == array).all()


# -------------------------------------------------------------------- stacks, lanes, noise

STACK = np.random.default_rng(2).normal(size=(2, 3, 4, 4)) + 3 * np.eye(4)
DEFINITE = STACK @ STACK.mT


@pytest.mark.parametrize("name", MATRIX_FUNCTIONS)
def test_lanes_and_stacks_are_computed_matrix_by_matrix(name: str) -> None:
    a = DEFINITE if name == "cholesky" else STACK
    others = [STACK[:1, 0, :, :2]] if name == "solution" else []
    kind, plain = Balls(128), Plain()
    with kind.context():
        lifted = [kind.lift(x) for x in (a, *others)]
        balls = lifted[0].matrix_function(name, *lifted[1:]).values()
    floats = plain.lift(a).matrix_function(name, *(plain.lift(x) for x in others)).values()
    np.testing.assert_allclose(balls, floats, rtol=1e-9, atol=1e-9)
    alone = plain.lift(a[1:, 2]).matrix_function(name, *(plain.lift(x) for x in others)).values()
    np.testing.assert_allclose(floats[1, 2], alone[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", MATRIX_FUNCTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_noise_is_that_of_lapack(name: str, dtype: str) -> None:
    """NumPy's errors in the dtype are some spreads at most, and not a small part of one everywhere."""
    random = np.random.default_rng(11)
    ratios = []
    for n in (2, 3, 5, 8, 12):
        a = random.normal(size=(6, n, n)).astype(dtype).astype(float)
        a = (a @ a.mT + np.eye(n)).astype(dtype).astype(float) if name == "cholesky" else a
        others = [random.normal(size=(6, n, 2)).astype(dtype)] if name == "solution" else []
        kind, exact = Noisy(dtype, samples=16), Balls(128)
        with exact.context():
            lifted = [exact.lift(x.astype(float)[None]) for x in (a, *others)]
            truth = lifted[0].matrix_function(name, *lifted[1:]).values()
        with kind.context():
            lifted = [kind.lift(x.astype(float)[None]) for x in (a, *others)]
            spread = lifted[0].matrix_function(name, *lifted[1:]).spread(truth)
        given = MATRIX_FUNCTIONS[name].floats(a.astype(dtype), *others).astype(float)
        error = np.abs(given - truth[0])
        ratios.append((error / np.where(spread[0] > 0, spread[0], 1.0)).ravel())
        assert np.all((spread[0] > 0) | (error == 0))
    every = np.concatenate(ratios)
    assert 0.25 < every.max() < 24
    assert np.sqrt(np.mean(every**2)) < 2


def test_equal_matrices_get_the_same_noise_and_signs_do_not_turn() -> None:
    a = np.broadcast_to(STACK[0, 0], (3, 4, 4))
    kind = Noisy("float32", samples=32)
    for name in ("inverse", "symmetric eigen", "singular", "orthogonal triangular"):
        with kind.context():
            found = kind.lift(a[None]).matrix_function(name).values()[:, 0]
        assert np.ptp(found, axis=1).max() == 0
        assert np.ptp(found, axis=0).max() < 1e-3


def test_one_singular_matrix_of_a_stack_is_nan_alone() -> None:
    a = np.stack([np.eye(2), np.ones((2, 2)), 2 * np.eye(2)])
    found = of_floats("inverse", a)
    assert np.isnan(found[1]).all()
    np.testing.assert_array_equal(found[[0, 2]], [np.eye(2), np.eye(2) / 2])
    assert np.isnan(of_floats("cholesky", -np.eye(2))).all()


@pytest.mark.parametrize("name", MATRIX_FUNCTIONS)
def test_matrices_without_entries_have_results(name: str) -> None:
    kind = Balls(128)
    empty = np.zeros((1, 0, 0))
    others = [np.zeros((1, 0, 2))] if name == "solution" else []
    floats = of_floats(name, empty, *others)
    with kind.context():
        found = kind.lift(empty).matrix_function(name, *(kind.lift(x) for x in others))
    np.testing.assert_array_equal(found.values()[0], floats[0])


@pytest.mark.parametrize(
    ("name", "shapes"),
    [("inverse", [(2, 3)]), ("solution", [(2, 2), (3, 1)]), ("determinant", [(3,)]), ("cholesky", [(3, 2)])],
)
def test_what_does_not_fit_is_told(name: str, shapes: Any) -> None:
    first, *others = (Plain().lift(np.ones((1, *shape))) for shape in shapes)
    with pytest.raises(ValueError, match=r"equal|differ in length|is no matrix"):
        first.matrix_function(name, *others)


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_the_factors_of_elimination_are_narrow(n: int) -> None:
    """Radii that grow step by step would be beyond 1 at 40 rows."""
    a = np.random.default_rng(3).normal(size=(n, n))
    pivots, order = pivoted(a)
    assert sorted(order.tolist()) == list(range(n))
    assert np.all(pivots >= np.arange(n))
    a = a[order]
    with flint.ctx.workprec(128):
        found = certified.factors(balls_of(a))
        below, identity = np.tri(n, k=-1, dtype=bool), balls_of(np.eye(n))
        lower, upper = np.where(below, found, identity), np.where(below, arb(0), found)
        whole = certified.product(lower, upper)
    assert radius(found) < 1e-28
    assert all(each.overlaps(arb(x)) for each, x in zip(whole.ravel(), a.ravel(), strict=True))
    assert np.abs(of_floats("elimination", a)[below]).max(initial=0.0) <= 1.0


def test_elimination_without_a_pivot_gives_no_numbers() -> None:
    with flint.ctx.workprec(128):
        found = certified.factors(balls_of([[0.0, 1.0], [1.0, 1.0]]))
    assert not found[1, 1].is_finite()

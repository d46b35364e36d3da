"""Accurate forms keep all digits that rounded operands leave, where textbooks' formulas lose them.

mpmath computes the truth from the definition of each operation; no accurate form is written here again.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf
from operation_cases import CASES, Case, expected, name_of, weights_for

from gradproof.reference.numbers import Noisy, Plain
from gradproof.reference.tape import OPERATIONS, Trait, differentiate
from gradproof.reference.tape.tape import always, never

FAR = np.array([-80.0, -40.0, -9.0, -1e-3, -1e-12, 0.0, 1e-20, 1e-6, 0.1, 9.0, 19.0, 40.0, 80.0])
NEAR_ZERO = np.array([-0.31, -0.25, -1e-3, 1e-3, 1e-9, 1e-30, 0.29, 0.31, 1.25, 2.0078125, 3.5, 40.25])
LOGITS = np.array([[0.0, -37.5, -40.25], [90.0, 1.0, 90.0], [2.0, 2.5, -1.0], [0.0, -70.0, -1e-9]])
NEAR_ONE = np.array([-0.9999999, -0.5, 1e-30, 0.999999, 0.9999999])
OFFSET = 4096.0 + np.array([[0.5, 0.25, 0.125], [0.75, 0.0, 0.3125]]) / 256

HARD = {
    "pow": (np.array([1e-20, 0.999, 3.0, 1e20]), np.array([1.5, -700.5, 60.25, 1.5])),
    "exp": (FAR,),
    "expm1": (FAR,),
    "log": (np.array([1e-30, 0.999999, 1.0000001, 1e30]),),
    "log1p": (np.array([-0.999999, -1e-20, 1e-20, 1e30]),),
    "sqrt": (np.array([1e-30, 1e30]),),
    "tanh": (FAR,),
    "atan": (np.array([1e-30, 0.5, -1e8, 1e15]),),
    "sinc": (NEAR_ZERO,),
    "tan": (np.array([1e-30, 1.5, -1.57, 100.5]),),
    "asin": (NEAR_ONE,),
    "acos": (NEAR_ONE,),
    "sinh": (FAR,),
    "cosh": (FAR,),
    "asinh": (FAR,),
    "acosh": (np.array([1.0000001, 1.5, 1e15]),),
    "atanh": (NEAR_ONE,),
    "atan2": (np.array([1e-15, 1e15, -3.0]), np.array([-1e10, 1e-10, 4.0])),
    "hypot": (np.array([1e-15, 1e15, -3.0]), np.array([-1e10, 1e-10, 4.0])),
    "log2": (np.array([1e-30, 0.999999, 1.0000001, 1e30]),),
    "log10": (np.array([1e-30, 0.999999, 1.0000001, 1e30]),),
    "logaddexp": (np.stack([FAR, -FAR]), np.array([[0.0], [9.0]])),
    "remainder": (np.array([1e7, -1e9, 0.3]), np.array([0.1, 3.1, -7.0])),
    "sigmoid": (FAR,),
    "softplus": (FAR,),
    "gelu": (np.array([-25.0, -9.0, -3.0, -1e-9, 1e-9, 3.0, 9.0]),),
    "gelu_tanh": (np.array([-9.0, -5.0, -3.0, -1e-9, 1e-9, 3.0, 9.0]),),
    "silu": (FAR,),
    "binary_cross_entropy_with_logits": (np.stack([FAR, FAR]), np.array([[0.0], [1.0]])),
    "logsumexp": (LOGITS,),
    "softmax": (LOGITS,),
    "log_softmax": (LOGITS,),
    "var": (OFFSET,),
    "std": (OFFSET,),
    "mean": (OFFSET,),
    "elu": (FAR,),
    "leaky_relu": (FAR[FAR != 0],),
    "softsign": (FAR,),
    "tanhshrink": (FAR,),
    "logcumsumexp": (LOGITS,),
    "standardize": (OFFSET[:, :2],),
    "erf": (np.array([-5.0, -1e-20, 0.5, 5.0, 9.0]),),
    "erfc": (np.array([-5.0, -1e-20, 0.5, 5.0, 9.0]),),
    "erfcx": (np.array([-5.0, -1e-20, 0.5, 1e3, 1e8]),),
    "erfinv": (NEAR_ONE,),
    "ndtr": (np.array([-12.0, -1e-20, 0.5, 9.0]),),
    "ndtri": (np.array([1e-30, 0.25, 0.999]),),
    "log_ndtr": (np.array([-1e6, -40.0, -1.0, 9.0]),),
    "gammaln": (np.array([1e-20, 0.75, 1.0000001, 1e10]),),
    "gammainc": (np.array([1e-10, 2.5, 70.0]),),
    "gammaincc": (np.array([1e-10, 2.5, 70.0]),),
    "i0e": (np.array([-700.0, 1e-10, 1e8]),),
    "i1": (np.array([-70.0, 1e-20, 1e-3, 70.0]),),
    "i1e": (np.array([-700.0, 1e-10, 1e8]),),
    "xlog1py": (np.array([1.5, -3.0]), np.array([1e-20, -0.9999999])),
    "divide": (np.array([1e-20, 3.0]), np.array([1e10, -1e-15])),
    "integer_power": (np.array([1e-10, -1.5, 1e10]),),
}
"""Operands where the textbook's formula cancels, is saturated or overflows, by the operation."""

CHOSEN = [
    replace(case, operands=HARD.get(case.operation, case.operands))
    for case in CASES
    if case.operation not in HARD or not case.label
]

LEFT = {"float64": 2.0**-38, "float32": 2.0**-21}
"""Allowed, relative to the entry: what float64 leaves of erfc far out, and some roundings of float32."""


def to(dtype: str, values: Any) -> Any:
    return np.asarray(values, dtype=float).astype(dtype).astype(float)


def accurate(case: Case, dtype: str) -> tuple[Any, list[Any]]:
    """The accurate result, and what the accurate rules hand back, given the result rounded to a dtype."""
    operation, kind = OPERATIONS[case.operation], Plain()
    forward = operation.forward if operation.accurate is None else operation.accurate.forward
    with kind.context():
        operands = [kind.lift(np.asarray(x, dtype=float)[None]) for x in case.operands]
        result = (forward or operation.forward)(*operands, **case.arguments)
        y = kind.lift(to(dtype, result.values()))
        g = kind.lift(weights_for(result.shape)[None])
        handed = [
            operation.accurate_rule(i)(g, y, *operands, **case.arguments).sum_to(x.shape).values()[0]
            for i, x in enumerate(operands)
        ]
    return result.values()[0], handed


def relative_errors(values: Any, truth: Any) -> Any:
    pairs = zip(np.ravel(values).tolist(), np.ravel(truth).tolist(), strict=True)
    # below the smallest normal number of float32 there are no more digits to keep
    return [float(abs(mpf(v) - t) / abs(t)) if abs(t) > 1e-36 else float(abs(v) > 1e-35) for v, t in pairs]


@pytest.mark.parametrize("dtype", LEFT)
@pytest.mark.parametrize("case", CHOSEN, ids=name_of)
def test_every_operation_keeps_the_digits_of_its_operands(case: Case, dtype: str) -> None:
    case = replace(case, operands=tuple(to(dtype, x) for x in case.operands))
    with mp.workdps(300):
        value, gradients = expected(case, mpf(10) ** -100)
        result, handed = accurate(case, dtype)
        terms = [mpf(v) * mpf(w) for v, w in zip(result.flat, weights_for(result.shape).flat, strict=True)]
        scale = sum(abs(term) for term in terms)
        assert abs(sum(terms) - value) <= LEFT[dtype] * scale + mpf(10) ** -36
        for ours, true in zip(handed, gradients, strict=True):
            if Trait.MATRICES in OPERATIONS[case.operation].traits:
                # algorithms for matrices keep the digits of the whole, and not of each entry
                greatest = np.max(np.abs(true.astype(float)))
                assert np.max(np.abs(ours - true.astype(float))) <= 4 * LEFT[dtype] * greatest
            else:
                assert max(relative_errors(ours, true), default=0.0) <= LEFT[dtype]


@pytest.mark.parametrize("case", [c for c in CHOSEN if OPERATIONS[c.operation].accurate], ids=name_of)
def test_the_noise_of_accurate_forms_is_that_of_one_rounding(case: Case) -> None:
    """Whatever the textbook's formula loses, the spread is a few units of each entry, or of a sum's terms."""
    operation = OPERATIONS[case.operation]
    assert operation.accurate is not None
    kind = Noisy("float32", samples=64)
    rules = [operation.accurate_rule(i) for i in range(len(case.operands))]
    with kind.context():
        operands = [kind.lift(to("float32", x)[None]) for x in case.operands]
        result = kind.once(
            lambda: (operation.accurate.forward or operation.forward)(*operands, **case.arguments)
        )
        g = kind.lift(weights_for(result.shape)[None])
        y = kind.once(lambda: result)
        for rule in rules:
            handed = kind.once(lambda: rule(g, y, *operands, **case.arguments)).values()[:, 0]  # noqa: B023
            mean, spread = handed.mean(axis=0), handed.std(axis=0)
            size = np.abs(mean)
            if Trait.MATRICES in operation.traits:  # as above: the digits of the whole
                size = np.max(size)
            assert np.all(spread <= 64 * 2.0**-24 * size + 1e-36)


def test_a_run_in_accurate_forms_has_the_gradient_of_one_in_textbooks() -> None:
    def loss(xp: Any, p: Any, b: Any) -> Any:
        hidden = xp.tanh(b["x"] @ p["w"]) + xp.sinc(p["v"])
        return xp.nn.cross_entropy(hidden, b["k"]) + xp.std(hidden) + xp.sum(xp.nn.gelu(p["v"] ** 1.5))

    random = np.random.default_rng(0)
    params = {"w": random.normal(size=(3, 4)), "v": random.uniform(0.1, 2.0, size=4)}
    batch = {"x": random.normal(size=(5, 3)), "k": np.array([0, 3, 1, 2, 2])}
    runs = [
        differentiate(loss, params, batch, Plain(), accurately=choice).gradients for choice in (always, never)
    ]
    for name in params:
        np.testing.assert_allclose(runs[0][name].values(), runs[1][name].values(), rtol=1e-13, atol=1e-15)


def test_noise_is_quiet_inside_of_an_operation_alone() -> None:
    kind = Noisy("float32", samples=16)
    with kind.context():
        x = kind.lift(np.array([[9.0]]))
        textbook = 1 - x.function("tanh") ** 2
        once = kind.once(lambda: 1 - x.function("tanh") ** 2)
        after = 1 - x.function("tanh") ** 2
    relative = [float(np.std(each.values()) / np.mean(each.values())) for each in (textbook, once, after)]
    assert relative[1] < 2.0**-24
    assert min(np.abs(relative[0]), np.abs(relative[2])) > 0.1


def test_what_rounds_nothing_is_not_rounded_once_either() -> None:
    kind = Noisy("float32", samples=16)
    with kind.context():
        x = kind.lift(np.array([[1.1, -3.3]]).astype(np.float32))
        assert np.ptp(kind.once(lambda: -2 * x).values(), axis=0).max() == 0

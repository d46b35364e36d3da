"""Special functions on balls, and their derivatives where those of the other functions cancel.

What has a name in scipy.special has it here.

Source: NIST Digital Library of Mathematical Functions, chapters 5 (gamma), 7 (error functions), 8 (incomplete
gamma), 10 (Bessel functions), 25 (zeta).
"""

from flint import arb

_NAN = arb("nan")
_UNIT = arb(0, 1)

_LARGE = 4
"""From here on e^(x²) erfc(x) is computed as one function."""

_MOST_TERMS = 10_000
"""So far to the left of 0 the zeta function is summed up term by term."""


def _sign(x: arb) -> arb:
    return arb(1) if x > 0 else arb(-1) if x < 0 else arb(0) if x.is_zero() else _UNIT


# -------------------------------------------------------------------- of the normal distribution


def erfcx(x: arb) -> arb:
    """Compute e^(x²) erfc(x); for large x as U(½, ½, x²) / √π, of which nothing vanishes (DLMF 7.11.5)."""
    half = arb(0.5)
    return (x * x).hypgeom_u(half, half) / arb.pi().sqrt() if x > _LARGE else (x * x).exp() * x.erfc()


def ndtr(x: arb) -> arb:
    """Compute Φ(x) = ½ erfc(-x/√2)."""
    return (-x / arb(2).sqrt()).erfc() / 2


def log_ndtr(x: arb) -> arb:
    """Compute ln Φ(x), as ln(1 - Φ(-x)) for x > 0, and as -x²/2 + ln(½ erfcx(-x/√2)) for x < 0."""
    if x > 0:
        return (-ndtr(-x)).log1p()
    return -x * x / 2 + (erfcx(-x / arb(2).sqrt()) / 2).log() if x < 0 else ndtr(x).log()


def ndtri(p: arb) -> arb:
    """Compute the inverse of Φ, -√2 erfc⁻¹(2p)."""
    return -arb(2).sqrt() * (2 * p).erfcinv()


def _density(x: arb) -> arb:
    return (-x * x / 2).exp() / (2 * arb.pi()).sqrt()


def erfcx_slope(x: arb) -> arb:
    """Compute the derivative of erfcx: 2x erfcx(x) - 2/√π."""
    return 2 * x * erfcx(x) - 2 / arb.pi().sqrt()


def erfinv_slope(x: arb) -> arb:
    """Compute the derivative of the inverse of erf: ½ √π e^(y²)."""
    y = x.erfinv()
    return arb.pi().sqrt() / 2 * (y * y).exp()


def log_ndtr_slope(x: arb) -> arb:
    """Compute the derivative of ln Φ: φ(x) / Φ(x), which is √(2/π) / erfcx(-x/√2)."""
    return (2 / arb.pi()).sqrt() / erfcx(-x / arb(2).sqrt())


def ndtri_slope(p: arb) -> arb:
    """Compute the derivative of the inverse of Φ: 1 / φ(y)."""
    return 1 / _density(ndtri(p))


# -------------------------------------------------------------------- of the gamma function


def gammaln(x: arb) -> arb:
    """Compute ln |Γ(x)|."""
    return x.lgamma() if x > 0 else abs(x.gamma()).log()


def polygamma(n: arb, x: arb) -> arb:
    """Compute the derivative of order n of the digamma function: (-1)^(n + 1) n! ζ(n + 1, x)."""
    order = n.unique_fmpz()
    if order is None or order < 0:
        return _NAN
    if order == 0:
        return x.digamma()
    return (-1) ** (int(order) + 1) * arb.fac_ui(int(order)) * zeta(n + 1, x)


def zeta(s: arb, q: arb) -> arb:
    """Compute Hurwitz's zeta function, the sum of (k + q)^-s over k = 0, 1, ...; for q > 0, or a whole s."""
    order, first = s.unique_fmpz(), (-q).ceil().unique_fmpz()
    if order is None or first is None or not 0 < first < _MOST_TERMS:
        return s.zeta(q)
    terms = arb(0)
    for k in range(int(first)):
        terms += 1 / (q + k) ** order
    return terms + s.zeta(q + first)


def gammainc(a: arb, x: arb) -> arb:
    """Compute the lower incomplete gamma function over Γ(a), for a > 0 and x >= 0."""
    return x.gamma_lower(a, regularized=1) if a > 0 and x >= 0 else _NAN


def gammaincc(a: arb, x: arb) -> arb:
    """Compute the upper incomplete gamma function over Γ(a), for a > 0 and x >= 0."""
    return x.gamma_upper(a, regularized=1) if a > 0 and x >= 0 else _NAN


def gammainc_slope(a: arb, x: arb) -> arb:
    """Compute the derivative of the lower one by x: x^(a - 1) e^-x / Γ(a)."""
    return ((a - 1) * x.log() - x - a.lgamma()).exp()


# -------------------------------------------------------------------- modified Bessel functions


def i0(x: arb) -> arb:
    """Compute I_0(x)."""
    return x.bessel_i(0)


def i1(x: arb) -> arb:
    """Compute I_1(x)."""
    return x.bessel_i(1)


def i0e(x: arb) -> arb:
    """Compute e^-|x| I_0(x)."""
    return abs(x).bessel_i(0, scaled=True)


def i1e(x: arb) -> arb:
    """Compute e^-|x| I_1(x)."""
    return _sign(x) * abs(x).bessel_i(1, scaled=True)


def i0e_slope(x: arb) -> arb:
    """Compute the derivative of i0e: sign(x) (i1e(|x|) - i0e(x)), from -1 to 1 at 0."""
    return (_UNIT if x.is_zero() else _sign(x)) * (abs(i1e(x)) - i0e(x))


def i1_slope(x: arb) -> arb:
    """Compute the derivative of I_1: ½ (I_0(x) + I_2(x))."""
    return (x.bessel_i(0) + x.bessel_i(2)) / 2


def i1e_slope(x: arb) -> arb:
    """Compute the derivative of i1e: ½ e^-|x| (I_0(x) + I_2(x)) - |i1e(x)|."""
    size = abs(x)
    return (size.bessel_i(0, scaled=True) + size.bessel_i(2, scaled=True)) / 2 - abs(i1e(x))


# -------------------------------------------------------------------- others


def tanhshrink(x: arb) -> arb:
    """Compute x - tanh(x)."""
    return x - x.tanh()

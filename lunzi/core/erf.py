"""The error function, which NumPy lacks.

Rational approximations on five intervals, evaluated in float64 and rounded once.

Source: W. J. Cody 1969, "Rational Chebyshev approximations for the error function", in the
intervals and with the coefficients of the C library fdlibm (Sun Microsystems 1993, s_erf.c);
error below 1 ulp in float64.
"""

from collections.abc import Sequence

import numpy as np

from lunzi.core.spec import Array

# Coefficients by rising power; p over q, where the constant term of each q is 1.
ERX = 8.45062911510467529297e-01  # erf(1), rounded to float32

SMALL_P = (
    1.28379167095512558561e-01,
    -3.25042107247001499370e-01,
    -2.84817495755985104766e-02,
    -5.77027029648944159157e-03,
    -2.37630166566501626084e-05,
)
SMALL_Q = (
    1.0,
    3.97917223959155352819e-01,
    6.50222499887672944485e-02,
    5.08130628187576562776e-03,
    1.32494738004321644526e-04,
    -3.96022827877536812320e-06,
)
NEAR_ONE_P = (
    -2.36211856075265944077e-03,
    4.14856118683748331666e-01,
    -3.72207876035701323847e-01,
    3.18346619901161753674e-01,
    -1.10894694282396677476e-01,
    3.54783043256182359371e-02,
    -2.16637559486879084300e-03,
)
NEAR_ONE_Q = (
    1.0,
    1.06420880400844228286e-01,
    5.40397917702171048937e-01,
    7.18286544141962662868e-02,
    1.26171219808761642112e-01,
    1.36370839120290507362e-02,
    1.19844998467991074170e-02,
)
MIDDLE_P = (
    -9.86494403484714822705e-03,
    -6.93858572707181764372e-01,
    -1.05586262253232909814e01,
    -6.23753324503260060396e01,
    -1.62396669462573470355e02,
    -1.84605092906711035994e02,
    -8.12874355063065934246e01,
    -9.81432934416914548592e00,
)
MIDDLE_Q = (
    1.0,
    1.96512716674392571292e01,
    1.37657754143519042600e02,
    4.34565877475229228821e02,
    6.45387271733267880336e02,
    4.29008140027567833386e02,
    1.08635005541779435134e02,
    6.57024977031928170135e00,
    -6.04244152148580987438e-02,
)
FAR_P = (
    -9.86494292470009928597e-03,
    -7.99283237680523006574e-01,
    -1.77579549177547519889e01,
    -1.60636384855821916062e02,
    -6.37566443368389627722e02,
    -1.02509513161107724954e03,
    -4.83519191608651397019e02,
)
FAR_Q = (
    1.0,
    3.03380607434824582924e01,
    3.25792512996573918826e02,
    1.53672958608443695994e03,
    3.19985821950859553908e03,
    2.55305040643316442583e03,
    4.74528541206955367215e02,
    -2.24409524465858183362e01,
)


def erf(x: Array) -> Array:
    """2/sqrt(pi) times the integral of exp(-t^2) from 0 to x, within 1 ulp.

    Shapes:
        x (...) -> y (...), of the dtype of x
    """
    flat = np.ravel(x).astype(np.float64)
    magnitude = np.abs(flat)
    y = np.where(np.isnan(flat), np.nan, 1.0)

    small = magnitude < 0.84375
    t = magnitude[small]
    y[small] = t + t * ratio(t * t, SMALL_P, SMALL_Q)

    near = (magnitude >= 0.84375) & (magnitude < 1.25)
    y[near] = ERX + ratio(magnitude[near] - 1, NEAR_ONE_P, NEAR_ONE_Q)

    middle = (magnitude >= 1.25) & (magnitude < 1 / 0.35)
    y[middle] = 1 - tail(magnitude[middle], MIDDLE_P, MIDDLE_Q)

    far = (magnitude >= 1 / 0.35) & (magnitude < 6)  # from 6 on, 1 - erf is below half an ulp of 1
    y[far] = 1 - tail(magnitude[far], FAR_P, FAR_Q)
    return np.copysign(y, flat).astype(x.dtype).reshape(x.shape)


def tail(x: Array, p: Sequence[float], q: Sequence[float]) -> Array:
    """erfc(x) for x >= 1.25."""
    # x^2 is split as z^2 + (x - z)(x + z) with z^2 exact, or exp would enlarge its rounding.
    z = x.astype(np.float32).astype(np.float64)
    correction = (z - x) * (z + x) + ratio(1 / (x * x), p, q)
    result: Array = np.exp(-z * z - 0.5625) * np.exp(correction) / x
    return result


def ratio(x: Array, p: Sequence[float], q: Sequence[float]) -> Array:
    return polynomial(x, p) / polynomial(x, q)


def polynomial(x: Array, coefficients: Sequence[float]) -> Array:
    """Horner's rule, coefficients by rising power."""
    y = np.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        y = y * x + coefficient
    return y

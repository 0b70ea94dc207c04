"""The error function, on registers of any number of lanes.

    erf x = x (1 + p(x^2)) for |x| < 1 (0.94 in float32), else 1 - e^(q(|x|) - x^2)

where q approximates ln(erfc x) + x^2, a smooth function: since erfc x is 0.16 and less, an
error in the exponent counts little.

Source: the forms are the usual ones (M. Abramowitz and I. Stegun 1964, "Handbook of
mathematical functions", 7.1.5 and 7.1.23); the polynomials are minimax ones, by E. Remez's
exchange.
"""

from __future__ import annotations

from dataclasses import dataclass

from lunzi.compiler.exponential import exp_moderate
from lunzi.compiler.lanes import Lanes, clamp, multiply_add, polynomial


@dataclass(frozen=True)
class Bell:
    """What the error function needs to know of a floating type.

    Args:
        near: c in erf x = x + x (c[0] + c[1] x^2 + ...) below `border`.
        far: c in ln(erfc x) + x^2 = c[0] + c[1] (x - centre) + ... between `border` and `end`.
        end: from there on the result is 1.
    """

    border: float
    centre: float
    end: float
    near: tuple[float, ...]
    far: tuple[float, ...]


BELLS = {
    "float": Bell(
        border=0.94,
        centre=0.0,
        end=4.0,
        near=(
            0.12837917, -0.3761263, 0.11283626, -0.02685574, 0.0051924605, -0.00080508046,
            8.002782e-05,
        ),
        far=(
            -0.00022767947, -1.1275442, 0.36259758, -0.10373934, 0.022134678, -0.0030201764,
            0.00019359755,
        ),
    ),
    "double": Bell(
        border=1.0,
        centre=2.0,
        end=6.0,
        near=(
            0.12837916709551256, -0.37612638903183343, 0.1128379167093695, -0.026866170641958863,
            0.005223977596730681, -0.0008548325484601841, 0.00012055280480300846,
            -1.4924465244251078e-05, 1.6444144693686179e-06, -1.618393874464454e-07,
            1.361644143184141e-08, -7.607275198202986e-10,
        ),
        far=(
            -1.3649412646166323, -0.41816080599433564, 0.07624915817595507, -0.016465118140482005,
            0.0035707563439907604, -0.0007323993525712902, 0.00013530937861556746,
            -2.0706542073804102e-05, 1.9520105928718167e-06, 2.038073538337378e-07,
            -1.7288390876520524e-07, 5.7657347684711206e-08, -1.4229026153514805e-08,
            2.6268282962425813e-09, -1.5413057454519797e-10, -8.55211242782577e-11,
            1.7841127065215534e-11,
        ),
    ),
}  # fmt: skip


def erf(x: Lanes) -> Lanes:
    """2/sqrt(pi) times the integral of e^(-t^2) from 0 to x, within 2 ulp."""
    bell = BELLS[x.element]
    near = multiply_add(x, polynomial(x * x, bell.near), x)
    magnitude = clamp(abs(x), 0.0, bell.end)
    q = polynomial(magnitude - bell.centre if bell.centre else magnitude, bell.far)
    far = 1 - exp_moderate(multiply_add(-magnitude, magnitude, q))
    return (magnitude < bell.border).choose(near, far).with_sign_of(x)

"""The functions that are not exact: each with its bound, for float16, float32 and float64."""

from __future__ import annotations

from collections.abc import Callable

from lunzi.compiler.error_function import erf
from lunzi.compiler.exponential import exp, expm1, sigmoid, tanh
from lunzi.compiler.lanes import Lanes
from lunzi.compiler.logarithm import log, log1p, power
from lunzi.compiler.trigonometry import cos, sin
from lunzi.core.elementwise import (
    Cos,
    Erf,
    Exp,
    Expm1,
    Log,
    Log1p,
    Power,
    Sigmoid,
    Sin,
    Tanh,
)
from lunzi.core.primitive import Primitive

FUNCTIONS: dict[type[Primitive], Callable[..., Lanes]] = {
    Exp: exp,
    Expm1: expm1,
    Log: log,
    Log1p: log1p,
    Tanh: tanh,
    Sigmoid: sigmoid,
    Sin: sin,
    Cos: cos,
    Erf: erf,
    Power: power,
}

# How far a result may lie from the true value, in units of its last place (ulps), in float32
# and float64, for every argument. float16 is computed in float32 and rounded once more.
BOUNDS: dict[type[Primitive], int] = {
    Exp: 1,
    Expm1: 2,
    Log: 1,
    Log1p: 2,
    Tanh: 2,
    Sigmoid: 2,
    Sin: 2,
    Cos: 2,
    Erf: 2,
    Power: 2,
}

"""Numbers in a register, written with Python's operators.

`Lanes` is a value of a function that is being written; `x * y + 1` appends its instructions
and is the result. So a formula of the mathematics reads as it stands on paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeAlias

from lunzi.compiler.builder import Function, Value, splat_number, vector

Number: TypeAlias = "Lanes | float"  # a constant stands for itself in each lane

FLOATING = {"half": 16, "float": 32, "double": 64}
MANTISSA_BITS = {"half": 10, "float": 23, "double": 52}


@dataclass(frozen=True, slots=True, eq=False)
class Lanes:
    """One or more numbers of one type: floating, whole, or truth values.

    Whole numbers are compared and shifted as signed ones. The operators give exactly what
    stands there, each instruction rounded by itself: no reordering, no contraction.
    """

    function: Function
    value: Value

    @property
    def type(self) -> str:
        return self.value.type

    @property
    def element(self) -> str:
        """The type of one number."""
        return self.value.element

    @property
    def lanes(self) -> int:
        """How many numbers there are: 1 for a scalar."""
        return self.value.lanes

    @property
    def is_floating(self) -> bool:
        return self.element in FLOATING

    def wrap(self, value: Value) -> Lanes:
        return Lanes(self.function, value)

    def like(self, other: Number) -> Lanes:
        """A constant in the type of these lanes; lanes stay what they are."""
        return other if isinstance(other, Lanes) else self.wrap(splat_number(self.type, other))

    def apply(self, floating: str, whole: str, other: Number) -> Lanes:
        name = floating if self.is_floating else whole
        return self.wrap(self.function.op(name, self.value, self.like(other).value))

    def compare(self, floating: str, whole: str, other: Number) -> Lanes:
        name = f"fcmp {floating}" if self.is_floating else f"icmp {whole}"
        return self.wrap(self.function.compare(name, self.value, self.like(other).value))

    # Arithmetic

    def __add__(self, other: Number) -> Lanes:
        return self.apply("fadd", "add", other)

    def __sub__(self, other: Number) -> Lanes:
        return self.apply("fsub", "sub", other)

    def __mul__(self, other: Number) -> Lanes:
        return self.apply("fmul", "mul", other)

    def __truediv__(self, other: Number) -> Lanes:
        return self.apply("fdiv", "sdiv", other)

    def __radd__(self, other: float) -> Lanes:
        return self.like(other) + self

    def __rsub__(self, other: float) -> Lanes:
        return self.like(other) - self

    def __rmul__(self, other: float) -> Lanes:
        return self.like(other) * self

    def __rtruediv__(self, other: float) -> Lanes:
        return self.like(other) / self

    def __neg__(self) -> Lanes:
        if not self.is_floating:
            return 0 - self
        return self.wrap(self.function.define(self.type, f"fneg {self.value}"))

    def __abs__(self) -> Lanes:
        return self.wrap(self.function.intrinsic("fabs", self.value))

    def sqrt(self) -> Lanes:
        return self.wrap(self.function.intrinsic("sqrt", self.value))

    def floor(self) -> Lanes:
        if self.has_rounding:
            return self.wrap(self.function.intrinsic("floor", self.value))
        near = self.rint()
        return near - (near > self).choose(self.like(1), 0)

    def rint(self) -> Lanes:
        """The nearest whole number, halves to the even one."""
        if self.has_rounding:
            return self.wrap(self.function.intrinsic("rint", self.value))
        # Numbers from `steps` to twice of it have steps of 1, so that the sum is rounded.
        steps = 2.0 ** MANTISSA_BITS[self.element]
        magnitude = abs(self)
        near = ((magnitude + steps) - steps).with_sign_of(self)
        return (magnitude < steps).choose(near, self)

    @property
    def has_rounding(self) -> bool:
        """Whether the target rounds by an instruction; else LLVM would call the C library."""
        return self.function.module.has_fma  # which came later than rounding on every platform

    def with_sign_of(self, other: Number) -> Lanes:
        sign = self.like(other).value
        return self.wrap(self.function.intrinsic("copysign", self.value, sign))

    # Comparisons; all but `differs` are false where one side is NaN

    def __lt__(self, other: Number) -> Lanes:
        return self.compare("olt", "slt", other)

    def __le__(self, other: Number) -> Lanes:
        return self.compare("ole", "sle", other)

    def __gt__(self, other: Number) -> Lanes:
        return self.compare("ogt", "sgt", other)

    def __ge__(self, other: Number) -> Lanes:
        return self.compare("oge", "sge", other)

    def equals(self, other: Number) -> Lanes:
        return self.compare("oeq", "eq", other)

    def differs(self, other: Number) -> Lanes:
        return self.compare("une", "ne", other)

    def below(self, other: Number) -> Lanes:
        """Whether whole numbers without a sign are below others."""
        return self.compare("ult", "ult", other)

    def is_unordered(self, other: Number) -> Lanes:
        """Whether one of two is NaN."""
        return self.compare("uno", "ne", other)

    def is_nan(self) -> Lanes:
        return self.is_unordered(self)

    # Truth values and bits

    def __and__(self, other: Number) -> Lanes:
        return self.apply("and", "and", other)

    def __or__(self, other: Number) -> Lanes:
        return self.apply("or", "or", other)

    def __xor__(self, other: Number) -> Lanes:
        return self.apply("xor", "xor", other)

    def __invert__(self) -> Lanes:
        return self ^ (1 if self.element == "i1" else -1)

    def __lshift__(self, other: Number) -> Lanes:
        return self.apply("shl", "shl", other)

    def __rshift__(self, other: Number) -> Lanes:
        return self.apply("ashr", "ashr", other)

    def shifted_down(self, other: Number) -> Lanes:
        """The bits moved down, with zeros above them."""
        return self.apply("lshr", "lshr", other)

    def choose(self, a: Lanes, b: Number) -> Lanes:
        """`a` in the lanes where this is true, else `b`."""
        return self.wrap(self.function.select(self.value, a.value, a.like(b).value))

    def any(self) -> Value:
        """Whether it is true in one lane at least, as a single bit."""
        if self.lanes == 1:
            return self.value
        name = f"llvm.vector.reduce.or.v{self.lanes}i1"
        return self.function.call(name, "i1", self.value)

    # Other types

    def convert(self, name: str, element: str) -> Lanes:
        """Another type of number by LLVM's conversion: `fpext`, `sitofp`, `trunc`."""
        return self.wrap(self.function.convert(name, self.value, element))

    def bits(self) -> Lanes:
        """The same bits as whole numbers."""
        return self.convert("bitcast", f"i{FLOATING[self.element]}")

    def as_floating(self, element: str) -> Lanes:
        """The same bits as floating numbers."""
        return self.convert("bitcast", element)


def constant(function: Function, element: str, lanes: int, number: float) -> Lanes:
    """One number in each lane."""
    return Lanes(function, splat_number(vector(element, lanes), number))


def multiply_add(a: Lanes, b: Number, c: Number) -> Lanes:
    """a b + c, rounded once where the target has an instruction for it, else twice."""
    if not a.function.module.has_fma:
        return a * b + c
    return a.wrap(a.function.intrinsic("fma", a.value, a.like(b).value, a.like(c).value))


def polynomial(x: Lanes, coefficients: Sequence[float]) -> Lanes:
    """c[0] + c[1] x + c[2] x^2 + ..., by Horner's rule."""
    y = x.like(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        y = multiply_add(y, x, coefficient)
    return y


def paired_polynomial(x: Lanes, square: Lanes, coefficients: Sequence[float]) -> Lanes:
    """The same as (c[0] + c[1] x) + (c[2] + c[3] x) x^2 + ..., with x^2 given.

    As many operations, which wait for each other half as long.
    """
    pairs = [
        multiply_add(x, odd, even) if odd else x.like(even)
        for even, odd in zip_longest(coefficients[::2], coefficients[1::2])
    ]
    y = pairs[-1]
    for pair in reversed(pairs[:-1]):
        y = multiply_add(y, square, pair)
    return y


def clamp(x: Lanes, low: float, high: float) -> Lanes:
    """x, at least `low` and at most `high`; NaN stays."""
    x = (x < low).choose(x.like(low), x)
    return (x > high).choose(x.like(high), x)

"""Each elementwise primitive as instructions: one line or one small function of a table.

The results are those of eager, bit for bit, but for the functions in `mathematics`, which keep
to a bound. (NaN is NaN: its sign and payload are not part of the promise.) float16 is computed
in float32 and rounded once after each primitive, as NumPy does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lunzi.compiler.builder import INDEX, Function, Value, index, mangled
from lunzi.compiler.conversions import cast, narrowed, widened
from lunzi.compiler.division import floor_divide, remainder
from lunzi.compiler.lanes import Lanes
from lunzi.compiler.mathematics import FUNCTIONS
from lunzi.core.elementwise import (
    Absolute,
    Add,
    Cast,
    Divide,
    Floor,
    FloorDivide,
    Maximum,
    Minimum,
    Multiply,
    Negative,
    Power,
    Remainder,
    Round,
    Sign,
    Sqrt,
    Subtract,
)
from lunzi.core.errors import KindError
from lunzi.core.indexing import FromStart
from lunzi.core.logic import (
    BitwiseAnd,
    BitwiseOr,
    BitwiseXor,
    Equal,
    Less,
    LessEqual,
    NotEqual,
    ShiftLeft,
    ShiftRight,
    Where,
)
from lunzi.core.primitive import Primitive
from lunzi.core.spec import DType, float16, int64

Rule = Callable[..., Lanes]  # of whether the numbers have a sign, and the inputs


def emit(
    f: Function,
    op: Primitive,
    inputs: Sequence[Value],
    dtypes: Sequence[DType],
    dtype: DType,
) -> Value:
    """Append the instructions of an elementwise primitive and return its result.

    Args:
        inputs: registers of one number of lanes; a bool is a bit.
        dtypes: of the inputs: registers do not tell uint32 from int32.
        dtype: of the result.

    Raises:
        KindError: when the primitive is not elementwise.
    """
    lanes = [Lanes(f, value) for value in inputs]
    match op:
        case Cast():
            return cast(lanes[0], dtypes[0], dtype).value
        case FromStart(length):
            return from_start(lanes[0], dtypes[0], length).value
        case Where():
            condition, a, b = lanes
            return condition.choose(a, b).value
    rule = RULES.get(type(op))
    if rule is None:
        raise KindError(f"{op} is not elementwise: it has no line in the table of scalars")
    if dtypes[0] == float16:
        result = HALF_RULES.get(type(op), rule)(True, *map(widened, lanes))
        return (narrowed(result) if dtype == float16 else result).value
    return rule(dtypes[0].kind in "if", *lanes).value


def from_start(indices: Lanes, dtype: DType, length: int) -> Lanes:
    """The index counted from 0, where -1 names the last element."""
    places = cast(indices, dtype, int64)
    return (places < 0).choose(places + length, places)


def is_truth(x: Lanes) -> bool:
    return x.element == "i1"


def add(signed: bool, a: Lanes, b: Lanes) -> Lanes:
    return a | b if is_truth(a) else a + b


def multiply(signed: bool, a: Lanes, b: Lanes) -> Lanes:
    return a & b if is_truth(a) else a * b


def less(signed: bool, a: Lanes, b: Lanes) -> Lanes:
    return a < b if signed else a.below(b)


def less_equal(signed: bool, a: Lanes, b: Lanes) -> Lanes:
    return a <= b if signed else ~b.below(a)


def maximum(signed: bool, a: Lanes, b: Lanes) -> Lanes:
    """The second of equal ones, so that of +0 and -0 it gives the second, as eager does."""
    return first_nan(a, less(signed, b, a).choose(a, b))


def minimum(signed: bool, a: Lanes, b: Lanes) -> Lanes:
    return first_nan(a, less(signed, a, b).choose(a, b))


def maximum_of_half(signed: bool, a: Lanes, b: Lanes) -> Lanes:
    """The first of equal ones."""
    return first_nan(a, (a >= b).choose(a, b))


def minimum_of_half(signed: bool, a: Lanes, b: Lanes) -> Lanes:
    return first_nan(a, (a <= b).choose(a, b))


def first_nan(a: Lanes, chosen: Lanes) -> Lanes:
    """`a` where it is NaN, for comparisons with it are false; else what was chosen."""
    return a.is_nan().choose(a, chosen) if a.is_floating else chosen


def absolute(signed: bool, x: Lanes) -> Lanes:
    if x.is_floating:
        return abs(x)
    return (x < 0).choose(-x, x) if signed else x


def sign(signed: bool, x: Lanes) -> Lanes:
    if not signed:
        return x.differs(0).choose(x.like(1), 0)
    # 0 of both signs gives +0; what is neither below, above nor equal to it is NaN.
    y = x.equals(0).choose(x.like(0), x)
    y = (x < 0).choose(x.like(-1), y)
    return (x > 0).choose(x.like(1), y)


def shift_left(signed: bool, a: Lanes, b: Lanes) -> Lanes:
    return b.below(bits_of(a)).choose(a << b, 0)


def shift_right(signed: bool, a: Lanes, b: Lanes) -> Lanes:
    most = bits_of(a) - 1
    inside = b.below(bits_of(a))
    if not signed:
        return inside.choose(a.shifted_down(b), 0)
    return a >> inside.choose(b, most)


def bits_of(a: Lanes) -> int:
    return int(a.element[1:])


def power(signed: bool, a: Lanes, b: Lanes) -> Lanes:
    return FUNCTIONS[Power](a, b) if a.is_floating else whole_power(a, b)


def whole_power(base: Lanes, exponent: Lanes) -> Lanes:
    """Whole numbers to whole powers, by squaring; what leaves at the top is lost."""
    f = base.function
    carried = [base.like(1).value, base.value, exponent.value]
    with f.loop(index(0), longest(exponent), carried=carried) as loop:
        result, square, left = map(base.wrap, loop.carried)
        result = (left & 1).differs(0).choose(result * square, result)
        loop.next = [result.value, (square * square).value, left.shifted_down(1).value]
    return base.wrap(loop.carried[0])


def longest(x: Lanes) -> Value:
    """How many bits the longest of some whole numbers has, without a sign."""
    f, value = x.function, x.value
    if value.lanes > 1:
        name = f"llvm.vector.reduce.or.{mangled(value.type)}"
        value = f.call(name, value.element, value)
    if value.element != INDEX:
        value = f.convert("zext", value, INDEX)
    zeros = f.call("llvm.ctlz.i64", INDEX, value, Value("i1", "false"))
    return f.op("sub", index(64), zeros)


def exactly(rule: Callable[..., Lanes]) -> Rule:
    """A rule of the inputs alone."""
    return lambda signed, *inputs: rule(*inputs)


RULES: dict[type[Primitive], Rule] = {
    Add: add,
    Subtract: exactly(lambda a, b: a - b),
    Multiply: multiply,
    Divide: exactly(lambda a, b: a / b),
    FloorDivide: floor_divide,
    Remainder: remainder,
    Maximum: maximum,
    Minimum: minimum,
    Negative: exactly(lambda x: -x),
    Sqrt: exactly(lambda x: x.sqrt()),
    Absolute: absolute,
    Sign: sign,
    Floor: exactly(lambda x: x.floor()),
    Round: exactly(lambda x: x.rint()),
    Equal: exactly(lambda a, b: a.equals(b)),
    NotEqual: exactly(lambda a, b: a.differs(b)),
    Less: less,
    LessEqual: less_equal,
    BitwiseAnd: exactly(lambda a, b: a & b),
    BitwiseOr: exactly(lambda a, b: a | b),
    BitwiseXor: exactly(lambda a, b: a ^ b),
    ShiftLeft: shift_left,
    ShiftRight: shift_right,
    **{op: exactly(function) for op, function in FUNCTIONS.items()},
    Power: power,
}

HALF_RULES: dict[type[Primitive], Rule] = {Maximum: maximum_of_half, Minimum: minimum_of_half}

"""From one dtype to another, as NumPy's `astype` does it on x86."""

from __future__ import annotations

from lunzi.compiler.builder import TYPES
from lunzi.compiler.lanes import Lanes
from lunzi.core.spec import DType, bool_, float16, float32, int32, int64, is_floating, uint8


def cast(x: Lanes, source: DType, target: DType) -> Lanes:
    """The numbers in another dtype.

    Floating numbers are cut toward 0 for an integer dtype; those outside of int32 or int64,
    and NaN, give its lowest number, as the processor's own instruction does. For uint8 and
    uint32 the lowest bits of such a signed integer are taken. (NumPy itself gives something
    else for uint32 in some places of an array when the number lies outside of int32 and of
    uint32: what its vector instructions happen to give.)
    """
    if source == target:
        return x
    if source == float16:
        return cast(widened(x), float32, target)
    if target == bool_:
        return x.differs(0)
    if is_floating(source):
        return from_floating(x, target)
    if target == float16:
        return narrowed(cast(x, source, float32))
    signed = source.kind == "i"
    if is_floating(target):
        return x.convert("sitofp" if signed else "uitofp", TYPES[target.name])
    if source.itemsize == target.itemsize and source != bool_:
        return x
    if source.itemsize > target.itemsize:
        return x.convert("trunc", TYPES[target.name])
    return x.convert("sext" if signed else "zext", TYPES[target.name])


def from_floating(x: Lanes, target: DType) -> Lanes:
    """From float32 or float64 to another dtype than bool."""
    element = x.element
    if target == float16:
        return narrowed(x if element == "float" else rounded_to_odd(x))
    if target == float32:
        return x.convert("fptrunc", "float")
    if is_floating(target):
        return x.convert("fpext", "double")
    if target.kind == "u":
        wider = int32 if target == uint8 else int64
        return from_floating(x, wider).convert("trunc", TYPES[target.name])
    end = 2.0 ** (8 * target.itemsize - 1)
    fits = (x >= -end) & (x < end)
    whole = x.convert("fptosi", TYPES[target.name])
    return fits.choose(whole, -(2 ** (8 * target.itemsize - 1)))


def rounded_to_odd(x: Lanes) -> Lanes:
    """float64 as float32 whose last bit is 1 where bits were lost.

    So that to round it once more, to float16, gives what rounding x at once would give.

    Source: S. Boldo and G. Melquiond 2008, "Emulation of a FMA and correctly rounded sums:
    proved algorithms using rounding to odd", section 3.
    """
    near = x.convert("fptrunc", "float")
    back = near.convert("fpext", "double")
    bits = near.bits()
    # Rounding went away from 0, or to it; the neighbour on the other side of x is odd.
    step = (abs(back) > abs(x)).choose(bits.like(-1), 1)
    is_even = (bits & 1).equals(0)
    lost = (back < x) | (back > x)
    return (lost & is_even).choose(bits + step, bits).as_floating("float")


def widened(x: Lanes) -> Lanes:
    """float16 as float32, exactly."""
    # Every processor that fuses multiply-add converts float16 too; on others LLVM would call
    # a function that the C library has not.
    if x.function.module.has_fma:
        return x.convert("fpext", "float")
    bits = x.convert("bitcast", "i16").convert("zext", "i32")
    # The exponent is 112 too small, also for subnormals; infinity and NaN need all its bits.
    scaled = ((bits & 0x7FFF) << 13).as_floating("float") * 2.0**112
    is_finite = (bits & 0x7C00).differs(0x7C00)
    magnitude = is_finite.choose(scaled.bits(), scaled.bits() | 0x7F800000)
    return (magnitude | ((bits & 0x8000) << 16)).as_floating("float")


def narrowed(x: Lanes) -> Lanes:
    """float32 as float16, to the nearest, halves to the even one."""
    if x.function.module.has_fma:
        return x.convert("fptrunc", "half")
    magnitude = abs(x)
    bits = magnitude.bits()
    odd = bits.shifted_down(13) & 1
    normal = (bits + odd + (0xFFF - (112 << 23))).shifted_down(13)
    # The steps of float16's subnormals are those of float32 between 1/2 and 1.
    subnormal = (magnitude + 0.5).bits() - magnitude.like(0.5).bits()
    result = (magnitude < 2.0**-14).choose(subnormal, normal)
    result = (magnitude >= 65520.0).choose(result.like(0x7C00), result)
    result = x.is_nan().choose(result.like(0x7E00), result)
    sign = x.bits().shifted_down(16) & 0x8000
    return (result | sign).convert("trunc", "i16").convert("bitcast", "half")

"""Operators of Python that write instructions."""

import pytest

from lunzi.compiler.builder import Function, Module, Value, vector
from lunzi.compiler.lanes import Lanes, clamp, multiply_add, polynomial


def written(f: Function) -> str:
    return "\n".join(line.strip() for line in f.lines)


def lanes(type_: str, has_fma: bool = True) -> Lanes:
    x = Value(type_, "%x")
    return Lanes(Module(has_fma).function("f", [x]), x)


def test_a_formula_becomes_its_instructions_in_order():
    x = lanes("float")
    y = (x * x - 1) / 2
    assert y.type == "float"
    assert written(x.function).splitlines() == [
        "%v1 = fmul float %x, %x",
        "%v2 = fsub float %v1, 0x3FF0000000000000",
        "%v3 = fdiv float %v2, 0x4000000000000000",
    ]


def test_a_constant_stands_in_each_lane_and_on_either_side():
    x = lanes(vector("i32", 4))
    assert (3 - x).type == "<4 x i32>"
    assert written(x.function) == "%v1 = sub <4 x i32> splat (i32 3), %x"


@pytest.mark.parametrize(("element", "instruction"), [("double", "fcmp olt"), ("i64", "icmp slt")])
def test_comparisons_follow_the_kind_of_number(element, instruction):
    x = lanes(vector(element, 2))
    assert (x < x).type == "<2 x i1>"
    assert instruction in written(x.function)


def test_a_polynomial_is_fused_where_the_target_can():
    x, y = lanes("double"), lanes("double", has_fma=False)
    polynomial(x, (1, 2, 3))
    polynomial(y, (1, 2, 3))
    assert written(x.function).count("@llvm.fma.f64") == 2
    assert written(y.function).count("fmul") == written(y.function).count("fadd") == 2


def test_without_fused_products_nothing_calls_the_c_library():
    x = lanes(vector("float", 4), has_fma=False)
    multiply_add(x, x, x)
    x.floor()
    x.rint()
    assert not any(name in written(x.function) for name in ("llvm.fma", "llvm.floor", "llvm.rint"))


def test_clamp_keeps_nan_by_comparisons_that_are_false_for_it():
    x = lanes("float")
    clamp(x, 0, 1)
    assert written(x.function).count("fcmp olt") == written(x.function).count("fcmp ogt") == 1

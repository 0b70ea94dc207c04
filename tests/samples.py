"""The one table of samples: each primitive with inputs, from which tests are generated.

A test that takes `op` and `inputs` runs once for each row; `draw` makes arrays of the inputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from lunzi.core.contraction import Matmul
from lunzi.core.elementwise import (
    Absolute,
    Add,
    Cast,
    Cos,
    Divide,
    Erf,
    Exp,
    Expm1,
    Floor,
    FloorDivide,
    Log,
    Log1p,
    Maximum,
    Minimum,
    Multiply,
    Negative,
    Power,
    Remainder,
    Round,
    Sigmoid,
    Sign,
    Sin,
    Sqrt,
    Subtract,
    Tanh,
)
from lunzi.core.indexing import AddAlongAxis, FromStart, ScatterAdd, Take, TakeAlongAxis
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
from lunzi.core.movement import BroadcastTo, Concat, Flip, Pad, PermuteDims, Reshape, Slice
from lunzi.core.primitive import Elementwise, Primitive
from lunzi.core.random import RandomBits
from lunzi.core.reduction import ArgMax, ArgMin, ArgSort, CumulativeSum, Max, Min, Sum
from lunzi.core.spec import (
    DTYPES,
    Array,
    DType,
    Spec,
    bool_,
    float32,
    float64,
    int32,
    int64,
    is_floating,
    uint8,
    uint32,
)
from lunzi.core.windows import OverlapAdd, Windows
from lunzi.nn.embedding import TableRow
from lunzi.nn.loss.labels import ClassLabel
from lunzi.nn.loss.reduction import InRange


@dataclass(frozen=True)
class Input:
    """One input: numbers in [low, high), in the dtype under test or in one of its own."""

    shape: tuple[int, ...]
    low: float = 0.5
    high: float = 1.5
    dtype: DType | None = None

    def __repr__(self) -> str:
        return f"{self.dtype or 'x'}{list(self.shape)}"

    def draw(self, rng: np.random.Generator, dtype: DType) -> Array:
        numbers = rng.uniform(self.low, self.high, self.shape)
        return np.asarray(numbers).astype(self.dtype or dtype)


def x(*shape: int, low: float = 0.5, high: float = 1.5) -> Input:
    """Numbers in the dtype under test."""
    return Input(shape, low, high)


def truths(*shape: int) -> Input:
    """Truth values, of both kinds."""
    return Input(shape, -0.5, 0.5, bool_)


def indices(*shape: int, below: int, dtype: DType = int64) -> Input:
    """Whole numbers from 0 to below - 1, and from -below where the dtype has a sign."""
    return Input(shape, -below + 0.01 if dtype.kind == "i" else 0, below, dtype)


SHAPES = [(3, 4), (), (0, 3)]
SAMPLES: list[tuple[Primitive, list[Input]]] = [
    # Two inputs, which broadcast
    *(
        (op, [x(*a), x(*b, low=0.6, high=1.7)])
        for op in (Add(), Subtract(), Multiply(), Divide(), Maximum(), Minimum(), Power())
        for a, b in [((3, 4), (4,)), ((3, 1), (1, 4)), ((), (2,)), ((), ()), ((0, 3), (1, 3))]
    ),
    *(
        (op, [x(2, 3, low=5, high=5.9), x(3, low=2, high=2.4)])
        for op in (FloorDivide(), Remainder())
    ),
    (FloorDivide(), [x(4, low=-7, high=-6.1), x(4, low=2, high=2.9)]),
    (Remainder(), [x(4, low=6.1, high=6.9), x(4, low=-2.5, high=-2.1)]),
    (Remainder(), [x(), x(0)]),
    *(
        (op, [x(3, 4, low=0, high=4), x(4, low=0, high=4)])
        for op in (
            Equal(),
            NotEqual(),
            Less(),
            LessEqual(),
            BitwiseAnd(),
            BitwiseOr(),
            BitwiseXor(),
        )
    ),
    (Equal(), [x(), x()]),
    (Less(), [x(0, 2), x(2)]),
    *((op, [x(2, 3, low=0, high=9), x(3, low=0, high=4)]) for op in (ShiftLeft(), ShiftRight())),
    (BitwiseXor(), [x(), x(0)]),
    # One input
    *(
        (op, [x(*shape)])
        for op in (Negative(), Exp(), Expm1(), Log(), Log1p(), Sqrt(), Tanh(), Sigmoid(), Sin())
        for shape in SHAPES
    ),
    *((op, [x(*shape)]) for op in (Cos(), Erf(), Absolute(), Sign()) for shape in SHAPES),
    *((op, [x(3, 4, low=-1.4, high=-0.6)]) for op in (Absolute(), Sign(), Tanh(), Sigmoid())),
    *((op, [x(*shape, low=0.6, high=0.9)]) for op in (Floor(), Round()) for shape in SHAPES),
    (Erf(), [x(40, low=-3, high=3)]),
    *((Cast(dtype), [x(2, 3, low=0, high=3)]) for dtype in DTYPES),
    (Cast(float32), [x()]),
    (Where(), [truths(3, 4), x(3, 4), x(4)]),
    (Where(), [truths(4), x(), x(3, 1)]),
    (Where(), [truths(), x(2), x(2)]),
    # Moves
    (Reshape((4, 3)), [x(2, 6)]),
    (Reshape((6,)), [x(1, 2, 3)]),
    (Reshape((1, 1)), [x()]),
    (Reshape(()), [x(1, 1)]),
    (Reshape((3, 0, 2)), [x(0, 5)]),
    (PermuteDims((1, 0)), [x(2, 3)]),
    (PermuteDims((2, 0, 1)), [x(2, 3, 4)]),
    (PermuteDims(()), [x()]),
    (BroadcastTo((2, 3)), [x(3)]),
    (BroadcastTo((2, 3, 4)), [x(3, 1)]),
    (BroadcastTo((2,)), [x()]),
    (BroadcastTo(()), [x()]),
    (BroadcastTo((0, 3)), [x(1, 3)]),
    (Flip((0,)), [x(3, 2)]),
    (Flip((0, 2)), [x(2, 3, 4)]),
    (Flip(()), [x(2)]),
    (Slice((1, 0), (3, 2), (1, 1)), [x(4, 2)]),
    (Slice((0, 1), (4, 6), (2, 3)), [x(4, 7)]),
    (Slice((2,), (2,), (1,)), [x(4)]),
    (Slice((), (), ()), [x()]),
    (Slice((0,), (3,), (5,)), [x(3)]),
    (Pad((1, 0), (0, 2), (1, 1)), [x(2, 3)]),
    (Pad((0, 2), (1, 0), (2, 3)), [x(3, 2)]),
    (Pad((1,), (2,), (2,)), [x(0)]),
    (Pad((), (), ()), [x()]),
    (Concat(0), [x(2, 3), x(1, 3)]),
    (Concat(1), [x(2, 1), x(2, 3), x(2, 0)]),
    (Concat(0), [x(2)]),
    # Reductions, running sums, sorting
    *(
        (op, [x(2, 3, 4)])
        for reduction in (Sum, Max, Min)
        for op in (
            reduction((0,)),
            reduction((0, 2)),
            reduction((0, 1, 2)),
            reduction((1,), keepdims=True),
            reduction((), keepdims=True),
        )
    ),
    *((reduction(()), [x()]) for reduction in (Sum, Max, Min)),
    *((reduction((1,)), [x(0, 3)]) for reduction in (Sum, Max, Min)),
    (Sum((0,)), [x(0, 3)]),
    (Sum((0, 1), keepdims=True), [x(0, 3)]),
    *((op(axis), [x(3, 4)]) for op in (ArgMax, ArgMin, ArgSort, CumulativeSum) for axis in (0, 1)),
    *((op(1), [x(0, 4)]) for op in (ArgMax, ArgMin)),
    *((op(0), [x(0, 4)]) for op in (ArgSort, CumulativeSum)),
    # Indexing
    (Take(0), [x(4, 3), indices(5, below=4)]),
    (Take(1), [x(2, 4, 3), indices(2, 2, below=4)]),
    (Take(1), [x(2, 3), indices(below=3)]),
    (Take(0), [x(4), indices(0, below=4)]),
    (Take(0), [x(4, 2), indices(3, below=4, dtype=int32)]),
    (Take(0), [x(4, 2), indices(3, below=4, dtype=uint8)]),
    (ScatterAdd(0, 4), [x(5, 3), indices(5, below=4)]),
    (ScatterAdd(1, 4), [x(2, 2, 2, 3), indices(2, 2, below=4)]),
    (ScatterAdd(1, 3), [x(2), indices(below=3)]),
    (ScatterAdd(0, 3), [x(0, 2), indices(0, below=3)]),
    (TakeAlongAxis(0), [x(4, 3), indices(2, 3, below=4)]),
    (TakeAlongAxis(1), [x(2, 4, 3), indices(2, 6, 3, below=4)]),
    (TakeAlongAxis(1), [x(2, 4), indices(2, 0, below=4)]),
    (AddAlongAxis(0, 4), [x(2, 3), indices(2, 3, below=4)]),
    (AddAlongAxis(1, 3), [x(2, 5), indices(2, 5, below=3)]),
    (FromStart(4), [indices(2, 3, below=4)]),
    (FromStart(4), [indices(3, below=4, dtype=uint32)]),
    (FromStart(4), [indices(0, below=4, dtype=uint8)]),
    # Checks
    (TableRow(4), [Input((2, 3), 0, 4, int64)]),
    (ClassLabel(4, (2, 4, 3)), [Input((2, 3), 0, 4, int32)]),
    (InRange("numbers", "Or none", 0.0, 2.0), [x(3, 4)]),
    # Products
    (Matmul(), [x(2, 3), x(3, 4)]),
    (Matmul(True, False), [x(3, 2), x(3, 4)]),
    (Matmul(False, True), [x(2, 3), x(4, 3)]),
    (Matmul(True, True), [x(5, 3, 2), x(4, 3)]),
    (Matmul(), [x(5, 2, 3), x(5, 3, 4)]),
    (Matmul(), [x(2, 1, 2, 3), x(5, 3, 1)]),
    (Matmul(), [x(2, 3), x(4, 3, 2)]),
    (Matmul(), [x(2, 0), x(0, 3)]),
    # Windows
    (Windows((3,), (1,), (1,)), [x(2, 7)]),
    (Windows((2, 3), (2, 1), (1, 2)), [x(2, 5, 6)]),
    (Windows((1,), (3,), (1,)), [x(4)]),
    (Windows((), (), ()), [x(2)]),
    (Windows((2,), (1,), (1,)), [x(0, 3)]),
    (OverlapAdd((7,), (3,), (1,), (1,)), [x(2, 5, 3)]),
    (OverlapAdd((5, 6), (2, 3), (2, 1), (1, 2)), [x(2, 2, 2, 2, 3)]),
    (OverlapAdd((5,), (2,), (2,), (1,)), [x(2, 2)]),
    (OverlapAdd((), (), (), ()), [x(2)]),
    # Random numbers
    *(
        (
            RandomBits(shape),
            [Input((2,), 0, 2**32 - 1, uint32), Input((), 0, 2**40, int64)],
        )
        for shape in [(), (3,), (2, 5), (0, 2)]
    ),
]

every_sample = pytest.mark.parametrize(("op", "inputs"), SAMPLES, ids=str)


def draw(inputs: Sequence[Input], rng: np.random.Generator, dtype: DType = float64) -> list[Array]:
    """Arrays for the inputs of a sample."""
    return [each.draw(rng, dtype) for each in inputs]


def dtypes_of(op: Primitive, inputs: Sequence[Input]) -> tuple[DType, ...]:
    """The dtypes in which a sample can be drawn: those that its primitive takes."""
    if all(each.dtype is not None for each in inputs):
        return (float64,)  # no input depends on it
    kinds = op.kinds if isinstance(op, Elementwise) else "biuf"
    return tuple(dtype for dtype in DTYPES if dtype.kind in kinds)


def has_gradient(op: Primitive, inputs: Sequence[Input]) -> bool:
    """Whether a sample in float64 gives floating numbers from floating ones."""
    if float64 not in dtypes_of(op, inputs) or all(each.dtype is not None for each in inputs):
        return False
    specs = [Spec(each.shape, each.dtype or float64) for each in inputs]
    return is_floating(op.infer(*specs).dtype)

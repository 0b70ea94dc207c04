"""Each primitive in machine code, made from the table of samples: the numbers of eager ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from native_programs import Program
from samples import SAMPLES, Input, draw, dtypes_of, has_gradient

import lunzi as lz
from lunzi.compiler.interpreted import Interpreted
from lunzi.compiler.mathematics import BOUNDS
from lunzi.core.contraction import Matmul
from lunzi.core.indexing import AddAlongAxis, ScatterAdd
from lunzi.core.primitive import PRIMITIVES, Primitive
from lunzi.core.reduction import CumulativeSum, Sum
from lunzi.core.spec import Array, DType, float16, float32, float64, is_floating
from lunzi.core.tensor import bind
from lunzi.core.windows import OverlapAdd

# Their additions may be made in another order than NumPy makes them in.
SUMS = Sum | Matmul | CumulativeSum | ScatterAdd | AddAlongAxis | OverlapAdd

# NumPy's own functions lie within so many ulps of the true values.
EAGER_BOUND = 4

# Gradients are sums and products of several such numbers: a share of the largest one.
GRADIENT_BOUNDS = {float16: 8e-3, float32: 2e-6, float64: 4e-15}

Sample = tuple[Primitive, list[Input], DType]


def samples_of(kind: type[Primitive]) -> list[Sample]:
    """The samples of a primitive, in every dtype that it takes."""
    rows = [(op, inputs) for op, inputs in SAMPLES if type(op) is kind]
    return [(op, inputs, dtype) for op, inputs in rows for dtype in dtypes_of(op, inputs)]


def differentiable(kind: type[Primitive]) -> list[Sample]:
    """Those whose numbers have gradients."""
    return [
        (op, inputs, dtype)
        for op, inputs, dtype in samples_of(kind)
        if dtype in GRADIENT_BOUNDS and has_gradient(op, inputs)
    ]


every_primitive = pytest.mark.parametrize("kind", PRIMITIVES, ids=lambda kind: kind.__name__)
every_differentiable_primitive = pytest.mark.parametrize(
    "kind", [kind for kind in PRIMITIVES if differentiable(kind)], ids=lambda kind: kind.__name__
)


def bound_of(op: Primitive, eager: Array) -> float:
    """How far a native number may be from an eager one, as a share of it."""
    if not is_floating(eager.dtype):
        return 0
    eps = float(np.finfo(eager.dtype).eps)
    if isinstance(op, SUMS):
        return 8 * eps  # no sum of a sample has more than 24 positive numbers
    return (BOUNDS[type(op)] + EAGER_BOUND) * eps if type(op) in BOUNDS else 0


def assert_near(
    found: Array, expected: Array, title: str, rtol: float = 0, atol: float = 0
) -> None:
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape), title
    if rtol or atol:
        np.testing.assert_allclose(found, expected, rtol, atol, err_msg=title)
    else:
        assert found.tobytes() == expected.tobytes(), f"{title}: {found} is not {expected}"


@pytest.fixture(autouse=True)
def nothing_is_left_to_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a native program was interpreted")

    monkeypatch.setattr(Interpreted, "__call__", refuse)


def results_of_all(samples: Sequence[Sample], arrays: Sequence[list[Array]]) -> list[Array]:
    """What one native program gives for all samples, each on arrays of its own."""

    def all_samples(inputs: list[list[lz.Tensor]]) -> list[lz.Tensor]:
        return [bind(op, *xs) for (op, _, _), xs in zip(samples, inputs, strict=True)]

    return Program(all_samples, list(arrays))(list(arrays))


@every_primitive
def test_a_native_primitive_gives_the_numbers_of_the_eager_one(kind, rng):
    samples = samples_of(kind)
    arrays = [draw(inputs, rng, dtype) for _, inputs, dtype in samples]
    found = results_of_all(samples, arrays)
    for (op, _, dtype), xs, y in zip(samples, arrays, found, strict=True):
        eager = bind(op, *map(lz.tensor, xs)).numpy()
        assert_near(y, eager, f"{op} in {dtype}", rtol=bound_of(op, eager))


def gradients_of(op: Primitive, xs: Sequence[lz.Tensor]) -> tuple[lz.Tensor, ...]:
    """The gradients of the squares of a primitive for its floating inputs."""

    def loss(*tensors: lz.Tensor) -> lz.Tensor:
        y = bind(op, *tensors)
        return (y * y).sum()

    return lz.grad(loss, tuple(n for n, x in enumerate(xs) if is_floating(x.dtype)))(*xs)


@every_differentiable_primitive
def test_native_gradients_on_any_number_of_threads_are_the_eager_ones(kind, rng):
    samples = differentiable(kind)
    arrays = [draw(inputs, rng, dtype) for _, inputs, dtype in samples]

    def all_gradients(inputs):
        return [gradients_of(op, xs) for (op, _, _), xs in zip(samples, inputs, strict=True)]

    program = Program(all_gradients, arrays, parallel=True)
    on_one, on_three = (program(arrays, threads=count) for count in (1, 3))
    assert [y.tobytes() for y in on_three] == [y.tobytes() for y in on_one]
    found = iter(on_one)
    for (op, _, dtype), xs in zip(samples, arrays, strict=True):
        for place, eager in enumerate(gradients_of(op, list(map(lz.tensor, xs)))):
            expected = eager.numpy()
            bound = GRADIENT_BOUNDS[dtype] * np.abs(expected).max(initial=0)
            assert_near(next(found), expected, f"gradient {place} of {op} in {dtype}", atol=bound)
    assert next(found, None) is None

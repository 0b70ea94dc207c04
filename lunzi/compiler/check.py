"""Running a compiled function both ways, compiled and eager, and comparing the two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from lunzi.compiler.program import MISFIT, Program
from lunzi.core.errors import CheckError
from lunzi.core.spec import Array, DType, float16, float32, float64
from lunzi.core.structure import flatten
from lunzi.core.tensor import is_tensor

# Relative to the largest number of the tensor; other dtypes are equal. Sums in another order
# differ by some units in the last place, which a step of training makes larger.
TOLERANCE: dict[DType, float] = {float16: 2e-2, float32: 1e-4, float64: 1e-9}


def run_both(program: Program, arguments: Sequence[Array], eager: Callable[[], Any]) -> Any:
    """Run a program on copies of the state and the function on the state, and compare.

    What stays is the function's own result and state; after an error the state of before.
    MISFIT stands for the result where the program does not fit.

    Raises:
        CheckError: naming the tensor with the largest difference.
    """
    program.acquire()
    try:
        return run_both_alone(program, arguments, eager) if program.fits() else MISFIT
    finally:
        program.release()


def run_both_alone(program: Program, arguments: Sequence[Array], eager: Callable[[], Any]) -> Any:
    """The two runs, while no other thread works on the state."""
    memories = program.gradients.placed(program.memories, arguments)
    before, copies = [twin(x) for x in memories], [twin(x) for x in memories]
    outputs = [np.empty(shape, dtype) for shape, dtype in program.outputs]
    program.backend(arguments, copies, outputs)
    slots = program.bound.slots
    gradients = [(x, x._grad) for x in {id(s.tensor): s.tensor for s in slots}.values()]
    result = eager()
    problems = disagreements(program, result, outputs, copies)
    if problems:
        for memory, content in zip(memories, before, strict=True):
            memory[...] = content
        for x, gradient in gradients:
            x._grad = gradient
        raise CheckError(max(problems)[1])
    program.mark_unkept()
    return result


def disagreements(
    program: Program, result: Any, outputs: Sequence[Array], memories: Sequence[Array]
) -> list[tuple[float, str]]:
    """Where the two runs differ by more than rounding explains: by how much, and in words."""
    pairs = [
        (f"result {place}", found, expected.numpy())
        for place, (found, expected) in enumerate(
            zip(outputs, flatten(result, is_tensor), strict=True)
        )
    ]
    for index in sorted(program.bound.written):
        tensor, is_gradient = program.bound.slots[index]
        expected = tensor.grad if is_gradient else tensor
        name = "the gradient of a tensor" if is_gradient else "a tensor that is assigned"
        if expected is not None:
            pairs.append((f"{name}, {tensor.spec},", memories[index], expected.numpy()))
    found = [disagreement(*pair) for pair in pairs]
    return [problem for problem in found if problem is not None]


def disagreement(what: str, found: Array, expected: Array) -> tuple[float, str] | None:
    """How far numbers are from those expected, in units of what is allowed; None if near enough."""
    if not found.size:
        return None
    allowed = TOLERANCE.get(found.dtype, 0.0)
    a, b = found.astype(float64), expected.astype(float64)
    finite = np.isfinite(a) & np.isfinite(b)
    with np.errstate(invalid="ignore"):  # inf - inf, which are the same here
        distance = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
    distance[~finite & (distance != 0)] = np.inf
    bound = allowed * np.abs(b[np.isfinite(b)]).max(initial=0.0)
    place = np.unravel_index(int(np.argmax(distance)), distance.shape)
    if distance[place] <= bound:
        return None
    where = f" at position {tuple(map(int, place))}" if place else ""
    text = (
        f"compiled and eager differ: {what} is {found[place]} compiled and {expected[place]} "
        f"eager{where}, where they differ most; allowed is a distance of {bound:.2g}"
    )
    return float(distance[place] / bound) if bound else np.inf, text


def twin(array: Array) -> Array:
    """A copy with the same strides."""
    start, end = byte_bounds(array)
    offset = array.__array_interface__["data"][0] - start
    memory = np.empty(end - start, np.uint8)
    copy: Array = np.ndarray(array.shape, array.dtype, memory, offset, array.strides)
    copy[...] = array
    return copy

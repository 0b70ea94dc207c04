"""repeat: many steps of a compiled function behind one call from Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lunzi.compiler.program import MISFIT, Program
from lunzi.compiler.signature import is_data, key_of, known_dtype
from lunzi.core.arguments import whole_number
from lunzi.core.errors import KindError, RangeError, ShapeError
from lunzi.core.spec import DTYPES, Array
from lunzi.core.structure import flatten, places, replace
from lunzi.core.tensor import Tensor, wrap

if TYPE_CHECKING:
    from lunzi.compiler.compile import Compiled

# Looked up once: these lines run in every call.
ARRAY = np.ndarray

# Batches are gathered until they have so many bytes, or are so many.
GATHERED_BYTES = 2**26
GATHERED = 4096


class Settings(NamedTuple):
    """A tensor, and the numbers that it has at each step: shape (steps, *its shape)."""

    tensor: Tensor
    numbers: Array


class Stack(NamedTuple):
    """The arguments of many steps: each array has an axis of steps before its own."""

    arguments: tuple[Any, ...]
    leaves: list[Any]  # the data among them
    arrays: list[Array]
    steps: int

    @classmethod
    def of(cls, arguments: tuple[Any, ...], count: int | None) -> Stack:
        leaves = flatten(arguments, is_data)
        arrays = [ready(x) for x in leaves]
        if count is None:
            if not arrays:
                raise RangeError(
                    "repeat has no tensor or array that tells how many steps there are: write "
                    "repeat(count=100), or repeat_over(batches) for batches one by one"
                )
            count = arrays[0].shape[0] if arrays[0].ndim else 0
        if type(count) is not int or count < 1:
            count = whole_number("the number of steps", count)
        for x in arrays:
            if x.shape[:1] != (count,):
                raise ShapeError(unequal(arguments, arrays, count))
        return cls(arguments, leaves, arrays, count)

    def fits(self, program: Program) -> bool:
        """Whether each step is a call that a program with a quick way in is for."""
        specs = program.specs
        if len(self.arguments) != len(specs) or len(self.leaves) != len(specs):
            return False
        for place, x in enumerate(self.arrays):
            spec, leaf = specs[place], self.leaves[place]
            if x.dtype != spec.dtype or x.shape[1:] != spec.shape:
                return False
            if leaf is not self.arguments[place] or (type(leaf) is not ARRAY and needs(leaf)):
                return False
        return True

    def at(self, step: int) -> tuple[Any, ...]:
        """The arguments of one step."""
        parts = (like(x[step], leaf) for x, leaf in zip(self.arrays, self.leaves, strict=True))
        result: tuple[Any, ...] = replace(self.arguments, is_data, parts)
        return result


def needs(leaf: Any) -> bool:
    return isinstance(leaf, Tensor) and leaf.requires_grad


def unequal(arguments: tuple[Any, ...], arrays: Sequence[Array], count: int) -> str:
    """Which argument has another number of steps, in words."""
    names = places(arguments, is_data, "arguments")
    wrong = ((name, x) for name, x in zip(names, arrays, strict=True) if x.shape[:1] != (count,))
    name, x = next(wrong)
    return (
        f"each argument of repeat has an axis of {count} steps before the others; {name} has "
        f"shape {x.shape}. For the same at each step give np.broadcast_to(x, ({count}, *x.shape))"
    )


def like(part: Array, whole: Any) -> Any:
    """One step of an argument: a tensor where the whole is one."""
    if not isinstance(whole, Tensor):
        return part
    result = wrap(np.asarray(part))
    result.requires_grad = whole.requires_grad
    return result


def ready(value: Any) -> Array:
    """Stacked data as an array of which each step is in C order and aligned."""
    array = array_of(value)
    flags = array.flags
    # The steps themselves may lie apart, or all in one place.
    is_ordered = flags.c_contiguous or array[:1].flags.c_contiguous
    if is_ordered and flags.aligned and array.dtype in DTYPES:
        return array
    return np.array(array, known_dtype(array), order="C")


def settings_of(assign: Mapping[Tensor, Any], count: int) -> list[Settings]:
    """What tensors are set to, checked as if it were assigned."""
    result = []
    for tensor, values in assign.items():
        if not isinstance(tensor, Tensor):
            raise KindError(
                f"assign= takes tensors, as in {{optimizer.lr: rates}}; got {type(tensor).__name__}"
            )
        numbers = array_of(values)
        if numbers.shape != (count, *tensor.shape):
            raise ShapeError(
                f"assign= has numbers of shape {numbers.shape} for a tensor {tensor.spec} and "
                f"{count} steps; {(count, *tensor.shape)} is needed"
            )
        tensor.assign(numbers[0])
        result.append(Settings(tensor, numbers.astype(tensor.dtype)))
    return result


def repeat(
    function: Compiled, stacked: tuple[Any, ...], count: int | None, assign: Mapping[Tensor, Any]
) -> Any:
    """See `Compiled.repeat`."""
    stack = Stack.of(stacked, count)
    settings = settings_of(assign, stack.steps)
    while True:
        program = function.program_for(stack)
        if program is None or not program.can_repeat([x.tensor for x in settings]):
            return one_by_one(function, stack, settings)
        arrays = [program.apart(array) for array in stack.arrays]
        result = program.repeat(stack.steps, arrays, settings)
        if result is not MISFIT:
            return result


def one_by_one(function: Callable[..., Any], stack: Stack, settings: Sequence[Settings]) -> Any:
    """The same by a call for each step."""
    results = []
    for step in range(stack.steps):
        for tensor, numbers in settings:
            tensor.assign(numbers[step])
        results.append(function(*stack.at(step)))
    return joined(results, np.stack)


def joined(results: Sequence[Any], join: Callable[[Sequence[Array]], Array]) -> Any:
    """Results of one nesting as one, tensor by tensor."""
    columns = zip(*(flatten(result, is_data) for result in results), strict=True)
    arrays = (join([array_of(x) for x in column]) for column in columns)
    return replace(results[0], is_data, map(wrap, arrays))


def array_of(value: Any) -> Array:
    return value.checked() if isinstance(value, Tensor) else np.asarray(value)


def repeat_over(function: Compiled, batches: Iterable[Any]) -> Any:
    """See `Compiled.repeat_over`."""
    results = [function.repeat(*stacked_batches(gathered)) for gathered in gather(batches)]
    if not results:
        raise RangeError("there is no batch to repeat over: was a generator used up before?")
    return joined(results, np.concatenate)


def gather(batches: Iterable[Any]) -> Iterator[list[tuple[Any, ...]]]:
    """Batches that follow each other and are alike, in lists of some size."""
    gathered: list[tuple[Any, ...]] = []
    alike: Any = None
    size = 0
    for batch in batches:
        arguments = tuple(batch) if isinstance(batch, tuple | list) else (batch,)
        key = key_of(arguments)
        if gathered and (key != alike or size > GATHERED_BYTES or len(gathered) == GATHERED):
            yield gathered
            gathered, size = [], 0
        gathered.append(arguments)
        alike = key
        size += sum(x.nbytes for x in flatten(arguments, is_data))
    if gathered:
        yield gathered


def stacked_batches(batches: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The arguments of several steps as those of `repeat`."""
    columns = zip(*(flatten(batch, is_data) for batch in batches), strict=True)
    stacks = (like(np.stack([array_of(x) for x in column]), column[0]) for column in columns)
    result: tuple[Any, ...] = replace(batches[0], is_data, stacks)
    return result

"""The methods of Tensor as functions that also take arrays and numbers, and those of many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Concatenate, Never, ParamSpec, TypeVar

from lunzi.core.errors import KindError, ShapeError
from lunzi.core.movement import Concat
from lunzi.core.pytorch_names import refuse_foreign
from lunzi.core.spec import as_shape, normalise_axis, promote
from lunzi.core.tensor import Tensor, as_tensor, bind
from lunzi.core.windows import Windows

P = ParamSpec("P")
R = TypeVar("R")


def free(method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """A method as a function whose first argument may be an array or a number too."""

    @wraps(method)
    def function(x: Any, /, *arguments: P.args, **named: P.kwargs) -> R:
        (x,) = as_tensors([x], beside=arguments)
        return method(x, *arguments, **named)

    return function


def as_tensors(values: Sequence[Any], beside: Sequence[Any] = ()) -> list[Tensor]:
    """Numbers and arrays as tensors; Python's numbers take the dtype of a tensor among them."""
    for like in (*values, *beside):
        if isinstance(like, Tensor):
            return [like.operand(value) for value in values]
    return [as_tensor(value) for value in values]


add = free(Tensor.__add__)
subtract = free(Tensor.__sub__)
multiply = free(Tensor.__mul__)
divide = free(Tensor.__truediv__)
floor_divide = free(Tensor.__floordiv__)
remainder = free(Tensor.__mod__)
pow = free(Tensor.__pow__)
matmul = free(Tensor.matmul)
maximum = free(Tensor.maximum)
minimum = free(Tensor.minimum)
negative = free(Tensor.__neg__)
abs = free(Tensor.abs)
sign = free(Tensor.sign)
exp = free(Tensor.exp)
expm1 = free(Tensor.expm1)
log = free(Tensor.log)
log1p = free(Tensor.log1p)
sqrt = free(Tensor.sqrt)
square = free(Tensor.square)
reciprocal = free(Tensor.reciprocal)
tanh = free(Tensor.tanh)
sigmoid = free(Tensor.sigmoid)
sin = free(Tensor.sin)
cos = free(Tensor.cos)
erf = free(Tensor.erf)
floor = free(Tensor.floor)
ceil = free(Tensor.ceil)
round = free(Tensor.round)
clip = free(Tensor.clip)
isnan = free(Tensor.isnan)
isinf = free(Tensor.isinf)
isfinite = free(Tensor.isfinite)
equal = free(Tensor.equal)
not_equal = free(Tensor.__ne__)
less = free(Tensor.__lt__)
less_equal = free(Tensor.__le__)
greater = free(Tensor.__gt__)
greater_equal = free(Tensor.__ge__)
logical_not = free(Tensor.logical_not)
bitwise_and = free(Tensor.__and__)
bitwise_or = free(Tensor.__or__)
bitwise_xor = free(Tensor.__xor__)
bitwise_invert = free(Tensor.__invert__)
bitwise_left_shift = free(Tensor.__lshift__)
bitwise_right_shift = free(Tensor.__rshift__)
astype = free(Tensor.astype)

sum = free(Tensor.sum)
prod = free(Tensor.prod)
max = free(Tensor.max)
min = free(Tensor.min)
mean = free(Tensor.mean)
var = free(Tensor.var)
std = free(Tensor.std)
any = free(Tensor.any)
all = free(Tensor.all)
argmax = free(Tensor.argmax)
argmin = free(Tensor.argmin)
cumulative_sum = free(Tensor.cumulative_sum)
logsumexp = free(Tensor.logsumexp)
sort = free(Tensor.sort)
argsort = free(Tensor.argsort)
topk = free(Tensor.topk)

reshape = free(Tensor.reshape)
permute_dims = free(Tensor.permute_dims)
swapaxes = free(Tensor.swapaxes)
moveaxis = free(Tensor.moveaxis)
broadcast_to = free(Tensor.broadcast_to)
expand_dims = free(Tensor.expand_dims)
squeeze = free(Tensor.squeeze)
flatten = free(Tensor.flatten)
flip = free(Tensor.flip)
roll = free(Tensor.roll)
pad = free(Tensor.pad)
split = free(Tensor.split)
tile = free(Tensor.tile)
repeat = free(Tensor.repeat)
take = free(Tensor.take)
take_along_axis = free(Tensor.take_along_axis)


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """`a` where the condition is true, else `b`.

    Raises:
        KindError: when the condition is not bool.
    """
    return as_tensor(condition).where(a, b)


def concat(tensors: Sequence[Any], axis: int | None = 0, **foreign: Never) -> Tensor:
    """The tensors one after the other along `axis`, or flattened for None.

    Raises:
        ShapeError: when there are none, or their lengths differ on another axis.
    """
    refuse_foreign(foreign)
    inputs = as_tensors(sequence_of_tensors(tensors))
    if not inputs:
        raise ShapeError("concat needs one tensor at least, got none")
    if axis is None:
        inputs, axis = [x.flatten() for x in inputs], 0
    dtype = inputs[0].dtype
    for x in inputs[1:]:
        dtype = promote(dtype, x.dtype)
    axis = normalise_axis(axis, inputs[0].ndim)
    return bind(Concat(axis), *(x.as_dtype(dtype) for x in inputs))


def stack(tensors: Sequence[Any], axis: int = 0, **foreign: Never) -> Tensor:
    """Tensors of one shape side by side along a new axis.

    Raises:
        ShapeError: when there are none, or their shapes differ.
    """
    refuse_foreign(foreign)
    inputs = as_tensors(sequence_of_tensors(tensors))
    for number, x in enumerate(inputs):
        if x.shape != inputs[0].shape:
            raise ShapeError(
                f"stack takes tensors of one shape: the first has {inputs[0].shape}, "
                f"number {number} has {x.shape}"
            )
    return concat([x.expand_dims(axis) for x in inputs], axis)


def sequence_of_tensors(tensors: Any) -> list[Any]:
    try:
        return list(tensors)
    except TypeError:
        raise KindError(f"expected a list of tensors, got {type(tensors).__name__}") from None


def sliding_windows(
    x: Any,
    sizes: int | Sequence[int],
    strides: int | Sequence[int] = 1,
    dilations: int | Sequence[int] = 1,
) -> Tensor:
    """Windows over the last axes; the places inside a window come as new last axes.

        y[..., i, ..., k] = x[..., i stride + k dilation, ...]

    Args:
        sizes: the lengths of a window, for as many of the last axes.
        strides: how far apart windows start, for each of these axes or for all.
        dilations: how far apart the elements of a window are, for each of these axes or for all.

    Shapes:
        x (..., L) -> y (..., count, size), count = (L - dilation (size - 1) - 1) // stride + 1

    Raises:
        ShapeError: when a window does not fit on its axis.
    """
    lengths = as_shape(sizes)
    steps, gaps = (
        as_shape(value) if isinstance(value, tuple | list) else as_shape(value) * len(lengths)
        for value in (strides, dilations)
    )
    return bind(Windows(lengths, steps, gaps), as_tensor(x))

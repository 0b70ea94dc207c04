"""Tensor, and bind, the doorway that every operation passes."""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np

from lunzi.core.arrays import as_array, converted, weak
from lunzi.core.autograd import NOT_KEPT, NOT_THERE, Origin, backward
from lunzi.core.contraction import ContractionMethods
from lunzi.core.errors import (
    GradientError,
    KindError,
    ShapeError,
    StateError,
    TraceError,
    user_line,
)
from lunzi.core.graph import Node
from lunzi.core.mode import CLOCK, MODE
from lunzi.core.primitive import Primitive, explained
from lunzi.core.pytorch_names import TENSOR, Elsewhere
from lunzi.core.spec import AnyDType, Array, DType, as_dtype, as_flag, is_floating
from lunzi.core.structure import flatten, replace

# Looked up once: these lines run in every operation.
NEW = object.__new__
ARRAY = np.ndarray

STALE = (
    "this tensor shares the memory of another one, which was assigned since: "
    "its numbers are no longer what they were. Use .copy() before the assign"
)


def bind(op: Primitive, *inputs: Tensor) -> Tensor:
    """Apply a primitive: the doorway, Tensor.apply, for those that hold the inputs in a row."""
    return inputs[0].apply(op, *inputs[1:])


def wrap(payload: Array | Node) -> Tensor:
    """A tensor of a payload that is known to be right."""
    result = NEW(Tensor)
    result.payload = payload
    result.requires_grad = result.retains_grad = result.is_view = False
    result.origin = result.base = result._grad = None
    result.version = result.seen = 0
    return result


def looking_at(x: Tensor, view: Tensor) -> Tensor:
    """`view` marked as sharing the memory of `x` from now on."""
    view.is_view = True
    view.base = x if x.base is None else x.base
    view.seen = next(CLOCK)
    return view


class Tensor(ContractionMethods):
    """An array that remembers its origin, so that gradients can be computed.

    The payload is a NumPy array, or a node of a graph while a function is traced. The
    methods stand beside the primitives they apply: see the base classes.

    Args:
        payload: a NumPy array, whose memory is used and not copied (`lunzi.tensor` copies);
            numbers and nested lists are taken as `lunzi.tensor` takes them.
        requires_grad: whether `backward` is to compute its gradient.

    Raises:
        KindError: when tensors do not come in the array's dtype, or a gradient is asked for
            numbers that are not floating.
    """

    # Slots are read in half the time that class attributes as defaults take.
    __slots__ = (
        "__weakref__",
        "_grad",
        "base",
        "is_view",
        "origin",
        "payload",
        "requires_grad",
        "retains_grad",
        "seen",
        "version",
    )

    payload: Array | Node
    requires_grad: bool
    retains_grad: bool
    origin: Origin | None
    version: int  # time of the last assign
    is_view: bool  # whether it only looks at the memory of another tensor
    base: Any  # the tensor whose memory this one shares, or the trace it belongs to
    seen: int  # time at which it began to share that memory
    _grad: Tensor | None

    def __init__(self, payload: Any, requires_grad: bool = False) -> None:
        is_array = isinstance(payload, np.ndarray | np.generic)
        self.payload = np.asarray(payload) if is_array else as_array(payload)
        as_dtype(self.payload.dtype)
        self.requires_grad = self.retains_grad = self.is_view = False
        self.origin = self.base = self._grad = None
        self.version = self.seen = 0
        if as_flag(requires_grad, "requires_grad"):
            self.requires_grad_()

    def apply(self, op: Primitive, *others: Tensor) -> Tensor:
        """Apply a primitive: at once in NumPy, or as a node of the active trace.

        Every operation passes through here.
        """
        inputs = (self, *others)
        recording, trace = MODE.get()
        if trace is not None:
            result = trace.append(op, inputs)
        else:
            arrays = []
            for x in inputs:
                arrays.append(x.payload if x.base is None else x.checked())
            try:
                y = op.evaluate(*arrays)
            except (ValueError, TypeError, IndexError, MemoryError, OverflowError) as error:
                raise explained(error, op, [x.spec for x in inputs]) from None
            result = wrap(y if type(y) is ARRAY else np.asarray(y))
            if op.is_view:
                looking_at(self, result)
        if recording:
            for x in inputs:
                if x.requires_grad:
                    # Only floating numbers have gradients: a comparison ends the tape.
                    if result.payload.dtype.kind == "f":
                        result.requires_grad = True
                        result.origin = Origin(op, inputs, next(CLOCK))
                    break
        return result

    def operand(self, value: Any) -> Tensor:
        if isinstance(value, Tensor):
            return value
        dtype = self.payload.dtype
        if type(value) in (float, int) and value and dtype.kind == "f" and not MODE.get().trace:
            return constant_number(value, dtype)
        return constant(weak(value, dtype), value)

    # Gradients

    @property
    def is_leaf(self) -> bool:
        """True when it was not computed from tensors that need gradients."""
        return self.origin is None

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward` left, or None.

        Raises:
            GradientError: when a compiled function computed it and did not store it.
        """
        trace = MODE.get().trace
        if trace is not None:
            return trace.gradient_of(self)
        if self._grad is NOT_KEPT:
            raise GradientError(NOT_THERE)
        return self._grad

    @grad.setter
    def grad(self, gradient: Tensor | None) -> None:
        if gradient is not None:
            if not isinstance(gradient, Tensor):
                raise KindError(f"a gradient is a tensor or None, got {type(gradient).__name__}")
            if gradient.shape != self.shape or gradient.dtype != self.dtype:
                raise ShapeError(
                    f"the gradient of a tensor {self.spec} is of that shape and dtype too, "
                    f"got {gradient.spec}"
                )
        trace = MODE.get().trace
        if trace is None:
            self._grad = gradient
        else:
            trace.set_gradient(self, gradient)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Ask `backward` to compute the gradient of this leaf, or no longer to."""
        wanted = as_flag(requires_grad, "requires_grad")
        if wanted and not is_floating(self.dtype):
            raise KindError(f"only floating tensors have gradients, this one is {self.dtype.name}")
        if not wanted and self.origin is not None:
            raise GradientError("a computed tensor keeps its gradient; use detach()")
        self.requires_grad = wanted
        return self

    def retain_grad(self) -> Tensor:
        """Let `backward` keep the gradient of this computed tensor in `grad` too."""
        if not self.requires_grad:
            raise GradientError("this tensor has no gradient to keep: none of its inputs needs one")
        self.retains_grad = True
        return self

    def backward(
        self, gradient: Any = None, retain_graph: bool = False, create_graph: bool = False
    ) -> None:
        """Compute the gradient of this tensor for every leaf that it came from.

        The gradients are added to what `grad` holds. The tape is freed on the way.

        Args:
            gradient: the gradient for this tensor itself; 1 for a single number.
            retain_graph: keep the tape, for another `backward` over it.
            create_graph: record this walk too, for gradients of gradients.

        Raises:
            GradientError: when this tensor is not a single number and no `gradient` is given;
                when no input needs a gradient; when the tape was freed before; when an input
                was assigned after it was used.
        """
        if gradient is None:
            if self.size != 1:
                raise GradientError(
                    f"backward starts from a single number, this tensor has shape {self.shape}: "
                    f"reduce it first, as in loss.mean().backward(), or pass gradient="
                )
            gradient = constant(np.ones(self.shape, self.dtype))
        dy = self.operand(gradient)
        if dy.shape != self.shape:
            raise ShapeError(f"gradient= has shape {dy.shape}, the tensor {self.shape}")
        is_recorded = as_flag(create_graph, "create_graph")
        is_kept = as_flag(retain_graph, "retain_graph") or is_recorded
        backward(self, dy.as_dtype(self.dtype), is_kept, is_recorded)

    def detach(self) -> Tensor:
        """The same numbers without an origin, in the same memory."""
        trace = MODE.get().trace
        if trace is not None:
            return trace.detach(self)
        return looking_at(self, wrap(self.checked()))

    # Mutation

    def assign(self, value: Any) -> Tensor:
        """Copy new numbers into this tensor's memory: the one way in which a tensor changes.

        The value is detached and converted to this tensor's dtype.

        Args:
            value: a tensor or array of this shape, or one number for all elements.

        Raises:
            ShapeError: when the shapes differ.
            KindError: when the value is of a wider kind: floating numbers for integers.
            RangeError: when an integer does not fit.
            GradientError: when this tensor was computed and its tape still needs its numbers.
            StateError: when its memory is read-only or that of another tensor.
        """
        value = self.operand(value)
        if value.shape != self.shape and value.ndim:
            raise ShapeError(f"assign to a tensor of shape {self.shape} got shape {value.shape}")
        if value.dtype != self.dtype and not np.can_cast(value.dtype, self.dtype, "same_kind"):
            raise KindError(
                f"assign to a tensor of {self.dtype.name} got {value.dtype.name}: "
                f"convert with astype({self.dtype.name!r})"
            )
        if self.origin is not None:
            raise GradientError(
                "this tensor was computed, and backward needs its numbers: "
                "make a new one, or assign to its detach().copy()"
            )
        if self.is_view:
            raise StateError(
                "this tensor looks at the memory of another one (it came from a move such as "
                "reshape, a slice or detach): assign to the other one, or to a copy()"
            )
        trace = MODE.get().trace
        if trace is not None:
            trace.assign(self, value)
            return self
        memory = self.checked()
        if not memory.flags.writeable:
            raise StateError("this tensor's memory is read-only: assign to a copy()")
        new = value.checked()
        # Integers of a wider kind would wrap around without a word.
        memory[...] = converted(new, self.dtype) if self.dtype.kind in "iu" else new
        self.version = next(CLOCK)
        return self

    def fill_(self, value: float) -> Tensor:
        """Assign one number to all elements."""
        return self.assign(value)

    def zero_(self) -> Tensor:
        """Assign 0 to all elements."""
        return self.assign(0)

    def copy_(self, value: Any) -> Tensor:
        """Assign, by PyTorch's name."""
        return self.assign(value)

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        raise KindError(
            "tensors are not changed element by element: build the new value, for example with "
            "lunzi.where(mask, value, x), and use x.assign(...)"
        )

    def checked(self) -> Array:
        """The array, unless it is not what it was: see `base`.

        Raises:
            TraceError: when it belongs to a trace and has no numbers.
            StateError: when the tensor whose memory it shares was assigned since.
        """
        if isinstance(self.payload, Node):
            raise TraceError(
                f"this tensor stands for a value of a traced function ({self.payload}) "
                f"and has no numbers outside it: return it from the function"
            )
        if self.base is not None and self.base.version > self.seen:
            raise StateError(STALE)
        return self.payload

    # Numbers to look at

    def numpy(self) -> Array:
        """The numbers as a read-only NumPy array in the same memory; `.copy()` it to keep them.

        Raises:
            TraceError: inside a traced function, where there are no numbers yet.
        """
        if MODE.get().trace is not None:
            raise TraceError(
                f"{user_line()}: inside a traced function a tensor has no numbers to look at. "
                f"Compute with tensors (lunzi.where in the place of an if), or look at the "
                f"function's results"
            )
        array = self.checked().view()
        array.flags.writeable = False
        return array

    def item(self) -> Any:
        """The one number of the tensor, as a Python number."""
        if self.size != 1:
            raise ShapeError(f"item() is for one number, the tensor has shape {self.shape}")
        return self.numpy().item()

    def tolist(self) -> Any:
        """The numbers as nested Python lists."""
        return self.numpy().tolist()

    def __array__(self, dtype: AnyDType = None, copy: bool | None = None) -> Array:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise KindError(f"a {array.dtype} tensor cannot be seen as {dtype} without a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Tensor:
        """`np.exp(tensor)` and `array + tensor` are the tensor's own operations."""
        apply = UFUNCS.get(ufunc.__name__)
        if apply is None or method != "__call__" or options:
            raise KindError(
                f"np.{ufunc.__name__} does not take tensors here: use lunzi's function, "
                f"or np.asarray(tensor), which ends the gradient"
            )
        like = next(x for x in inputs if isinstance(x, Tensor))
        result: Tensor = apply(*map(like.operand, inputs))
        return result

    def __array_function__(
        self, function: Callable[..., Any], _: Any, arguments: Any, named: Any
    ) -> Any:
        """NumPy's other functions see arrays; where that would end a gradient they are refused."""
        given = (arguments, named)
        tensors = flatten(given, is_tensor)
        if any(x.requires_grad for x in tensors):
            raise KindError(
                f"np.{function.__name__} does not take tensors that need a gradient: use lunzi's "
                f"function, or np.asarray(tensor), which ends the gradient"
            )
        arguments, named = replace(given, is_tensor, (x.numpy() for x in tensors))
        return function(*arguments, **named)

    def __dlpack__(self, *, copy: bool | None = None, **options: Any) -> Any:
        """The numbers for another library: a copy, for it may write into what it gets."""
        if copy is False:  # this very memory is asked for: it is lent read-only
            return self.numpy().__dlpack__(copy=False, **options)
        return self.numpy().copy().__dlpack__()

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)  # the CPU, in DLPack's numbers

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if is_floating(self.dtype):
            raise KindError(f"a tensor of {self.dtype.name} is no index")
        return int(self.item())

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ShapeError(
                f"the truth of a tensor of shape {self.shape} is not one value: use any() or all()"
            )
        return bool(self.item())

    def __len__(self) -> int:
        if not self.ndim:
            raise KindError("a tensor of one number has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[row] for row in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        return bool(self.equal(value).any())

    def __format__(self, format_spec: str) -> str:
        return format(self.item(), format_spec) if format_spec else repr(self)

    def __repr__(self) -> str:
        if isinstance(self.payload, Node):
            return f"tensor({self.spec}, traced {self.payload.op})"
        numbers = np.array2string(self.payload, separator=", ", prefix="tensor(")
        notes = f", dtype={self.dtype.name}"
        if not self.size:
            notes += f", shape={self.shape}"
        if self.origin is not None:
            notes += f", from {self.origin.op}"
        elif self.requires_grad:
            notes += ", requires_grad=True"
        return f"tensor({numbers}{notes})"

    def __reduce__(self) -> tuple[Any, ...]:
        """What a deep copy or another process gets: a leaf without its gradient."""
        if self.origin is not None:
            raise GradientError("only leaves can be copied deeply; use copy() or detach().copy()")
        attributes = getattr(self, "__dict__", None)  # those of a subclass
        return rebuilt, (type(self), self.checked(), self.requires_grad), attributes

    def __copy__(self) -> Tensor:
        return copy.deepcopy(self)

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name not in TENSOR]


def rebuilt(kind: type[Tensor], payload: Array, requires_grad: bool) -> Tensor:
    """A tensor, or one of a subclass, as a copy of another one that `__reduce__` describes."""
    result = NEW(kind)
    Tensor.__init__(result, payload, requires_grad)
    return result


def is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)


def in_place(symbol: str, operation: Callable[[Any, Any], Any]) -> Callable[[Tensor, Any], Tensor]:
    """`x += y` makes a new tensor; for a parameter that would lose the parameter, so it raises."""

    def operate(self: Tensor, other: Any) -> Tensor:
        if self.requires_grad and self.origin is None:
            raise GradientError(
                f"w {symbol}= ... would put a new tensor in the place of one that needs a "
                f"gradient: change its numbers with w.assign(w {symbol} ...)"
            )
        result: Tensor = operation(self, other)
        return result

    return operate


for _name, _symbol in {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%",
    "pow": "**", "matmul": "@", "and": "&", "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>",
}.items():  # fmt: skip
    _operation = getattr(operator, f"{_name}_" if _name in ("and", "or") else _name)
    setattr(Tensor, f"__i{_name}__", in_place(_symbol, _operation))


for _name in TENSOR:
    setattr(Tensor, _name, Elsewhere(_name))


# NumPy's name of a ufunc -> the same on tensors
UFUNCS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "power": operator.pow,
    "matmul": operator.matmul,
    "negative": operator.neg,
    "equal": operator.eq,
    "not_equal": operator.ne,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "bitwise_and": operator.and_,
    "bitwise_or": operator.or_,
    "bitwise_xor": operator.xor,
    "invert": operator.invert,
    "left_shift": operator.lshift,
    "right_shift": operator.rshift,
    "maximum": Tensor.maximum,
    "minimum": Tensor.minimum,
    "rint": Tensor.round,
    "absolute": Tensor.abs,
    **{
        name: getattr(Tensor, name)
        for name in (
            "exp", "expm1", "log", "log1p", "sqrt", "tanh", "sin", "cos", "sign", "floor", "ceil",
            "square", "reciprocal", "isnan", "isinf", "isfinite", "logical_not",
        )
    },
}  # fmt: skip


def constant(array: Array, source: Any = None) -> Tensor:
    """A tensor of fixed numbers: inside a trace, a constant of the graph.

    `source` is what the user gave for them, which a compiled function watches if it can change.
    """
    trace = MODE.get().trace
    return wrap(array) if trace is None else trace.constant(array, source)


@lru_cache(maxsize=256)
def constant_number(value: float, dtype: DType) -> Tensor:
    """A number in a formula, kept for the next time: making it again would cost 1 us.

    Not for 0, since 0.0 and -0.0 are the same key. Its memory is read-only, so that no assign
    can make it another number.
    """
    array = weak(value, dtype)
    array.flags.writeable = False
    return wrap(array)


def tensor(data: Any, dtype: AnyDType = None, requires_grad: bool = False) -> Tensor:
    """A new tensor with a copy of the numbers.

    Args:
        data: a number, nested lists, a NumPy array, or a tensor (copied without its origin).
        dtype: float32 for Python's floats and int64 for its integers where it is not given;
            an array keeps its own, but integers of 8 and 16 bits become int32, uint64 int64.
        requires_grad: whether `backward` is to compute its gradient.

    Raises:
        ShapeError: when nested lists are of unequal lengths.
        KindError: when `data` is not made of numbers, or not of a dtype that tensors come in.
        RangeError: when a number does not fit in an integer `dtype`.

    >>> tensor([1, 2.5])
    tensor([1. , 2.5], dtype=float32)
    """
    result = constant(as_array(data, dtype), data)
    return result.requires_grad_() if as_flag(requires_grad, "requires_grad") else result


def as_tensor(value: Any, dtype: AnyDType = None) -> Tensor:
    """The tensor itself, or a new one of numbers or an array."""
    if not isinstance(value, Tensor):
        return tensor(value, dtype)
    return value if dtype is None else value.as_dtype(as_dtype(dtype))

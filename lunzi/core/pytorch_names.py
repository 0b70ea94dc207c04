"""What PyTorch calls otherwise: names that its users try first, and what to write here instead.

Tensors have the names of NumPy and of the array-API standard. Looked up only where a name or an
argument is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from lunzi.core.errors import KindError, MissingAttributeError

ON_THE_CPU = "nothing: Lunzi computes on the CPU, and lines about devices are left out"

# Attribute of a tensor -> what to write
TENSOR = {
    "add": "x + y",
    "add_": "x.assign(x + y)",
    "amax": "x.max(axis)",
    "amin": "x.min(axis)",
    "bmm": "x @ y",
    "bool": 'x.astype("bool")',
    "byte": 'x.astype("uint8")',
    "chunk": "x.split(parts, axis)",
    "clamp": "x.clip(min, max)",
    "clamp_": "x.assign(x.clip(min, max))",
    "clone": "x.copy()",
    "contiguous": "x itself: how its memory lies is Lunzi's matter",
    "cpu": ON_THE_CPU,
    "cuda": ON_THE_CPU,
    "cumsum": "x.cumulative_sum(axis)",
    "data": "x.detach() to read the numbers, x.assign(...) to change them",
    "device": ON_THE_CPU,
    "dim": "x.ndim",
    "div": "x / y",
    "div_": "x.assign(x / y)",
    "dot": "x @ y",
    "double": 'x.astype("float64")',
    "eq": "x == y",
    "expand": "x.broadcast_to(shape)",
    "expand_as": "x.broadcast_to(y.shape)",
    "float": 'x.astype("float32")',
    "gather": "x.take_along_axis(indices, axis)",
    "ge": "x >= y",
    "grad_fn": "x.origin",
    "gt": "x > y",
    "half": 'x.astype("float16")',
    "index_select": "x.take(indices, axis)",
    "int": 'x.astype("int32")',
    "le": "x <= y",
    "log_softmax": "lunzi.nn.functional.log_softmax(x, dim)",
    "long": 'x.astype("int64")',
    "lt": "x < y",
    "masked_fill": "lunzi.where(mask, value, x)",
    "masked_select": "x[mask]",
    "mm": "x @ y",
    "movedim": "x.moveaxis(source, destination)",
    "mul": "x * y",
    "mul_": "x.assign(x * y)",
    "narrow": "x[start:stop]",
    "ne": "x != y",
    "neg": "-x",
    "nelement": "x.size",
    "nonzero": "np.nonzero(x.numpy())",
    "norm": "x.square().sum().sqrt()",
    "normal_": "lunzi.nn.init.normal_(x)",
    "numel": "x.size",
    "permute": "x.permute_dims(axes)",
    "pow": "x ** y",
    "relu": "lunzi.nn.functional.relu(x)",
    "repeat_interleave": "x.repeat(count, axis)",
    "rsqrt": "1 / x.sqrt()",
    "scatter_": "a one-hot comparison, as in (labels[:, None] == lunzi.arange(classes))",
    "softmax": "lunzi.nn.functional.softmax(x, dim)",
    "sub": "x - y",
    "sub_": "x.assign(x - y)",
    "t": "x.T",
    "to": "x.astype(dtype); Lunzi computes on the CPU, so that a device is left out",
    "transpose": "x.swapaxes(a, b), or x.T for a matrix",
    "type": "x.astype(dtype)",
    "type_as": "x.astype(y.dtype)",
    "unbind": "list(x)",
    "uniform_": "lunzi.nn.init.uniform_(x)",
    "unsqueeze": "x.expand_dims(axis)",
    "view": "x.reshape(shape)",
    "view_as": "x.reshape(y.shape)",
}

# Name in `torch` -> what to write; others are those of tensors
ROOT = {
    "DoubleTensor": 'lunzi.tensor(data, "float64")',
    "FloatTensor": 'lunzi.tensor(data, "float32")',
    "LongTensor": 'lunzi.tensor(data, "int64")',
    "allclose": "np.allclose(x, y)",
    "autograd": "lunzi.grad(function), or loss.backward() and x.grad",
    "bool": "lunzi.bool_",
    "cat": "lunzi.concat(tensors, axis)",
    "double": "lunzi.float64",
    "empty": "lunzi.zeros(shape)",
    "float": "lunzi.float32",
    "from_numpy": "lunzi.tensor(array)",
    "half": "lunzi.float16",
    "inference_mode": "lunzi.no_grad()",
    "int": "lunzi.int32",
    "is_tensor": "isinstance(x, lunzi.Tensor)",
    "long": "lunzi.int64",
    "multinomial": "lunzi.random, or np.random.Generator.choice",
    "numel": "x.size",
    "outer": "x[:, None] * y",
    "rand": "lunzi.random.uniform(shape)",
    "randint": "lunzi.random.integers(low, high, shape)",
    "randn": "lunzi.random.normal(shape)",
    "randn_like": "lunzi.random.normal(x.shape)",
    "randperm": "lunzi.random.permutation(count)",
    "set_grad_enabled": "lunzi.no_grad() or lunzi.enable_grad()",
    "utils": "lunzi.data for DataLoader, lunzi.nn.utils for clip_grad_norm_",
}

# Argument of a tensor's method -> ours
ARGUMENTS = {
    "dim": "axis",
    "dims": "axis",
    "end_dim": "end_axis",
    "keepdim": "keepdims",
    "start_dim": "start_axis",
    "unbiased": "correction",
}


class Elsewhere:
    """A name that tensors have not: reading or setting it says what to write instead.

    One for each name, for a `__getattr__` of Tensor would make all of its attributes slower: a
    step of a small network took a tenth longer.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, tensor: object, _: type) -> NoReturn:
        raise missing_attribute("a tensor", self.name, TENSOR)

    def __set__(self, tensor: object, _: object) -> NoReturn:
        raise missing_attribute("a tensor", self.name, TENSOR)


def missing_attribute(owner: str, name: str, advice: Mapping[str, str]) -> MissingAttributeError:
    """The error for a name that `owner` has not, with what to write where PyTorch's is meant."""
    instead = f": write {advice[name]}" if name in advice else ""
    return MissingAttributeError(f"{owner} has no {name!r}{instead}")


def refuse_foreign(named: Mapping[str, object]) -> None:
    """Raise for arguments by another name than NumPy's, with ours where PyTorch's is meant.

    Methods take them as `**foreign: Never`, which costs 40 ns, so that no checker lets them pass.

    Raises:
        KindError: when there is one.
    """
    if named:
        name = next(iter(named))
        instead = f": write {ARGUMENTS[name]}=, NumPy's name" if name in ARGUMENTS else ""
        raise KindError(f"there is no argument {name}={instead}")

"""Module: a part of a network with its parameters, buffers and inner modules."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

from numpy.typing import DTypeLike

from lunzi.core.creation import zeros_like
from lunzi.core.errors import KindError, LunziError, StateKeyError
from lunzi.core.mode import PROGRAM
from lunzi.core.pytorch_names import ON_THE_CPU
from lunzi.core.spec import as_dtype, as_flag, float16, float32, float64, is_floating
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.nn.parameter import Buffer, Parameter, convert
from lunzi.nn.state import misfits, missing_names, refuse_fixed, state_of
from lunzi.nn.summary import Summary, summary

Member = Any  # a Parameter, a Buffer or a Module
ABSENT = object()


class LoadResult(NamedTuple):
    """Names that `load_state_dict(strict=False)` passed over."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Handle:
    """Takes a hook away again."""

    def __init__(self, hooks: dict[int, Any], key: int) -> None:
        self.hooks = hooks
        self.key = key

    def remove(self) -> None:
        PROGRAM.advance()
        self.hooks.pop(self.key, None)


class Module:
    """A part of a network: a subclass makes its parameters in `__init__` and states `forward`.

    Parameters, buffers and inner modules are found where they are: in attributes, and in
    lists, tuples and dicts of them, under names such as `layers.0.weight`. Nothing is
    registered, and `super().__init__()` may be left out.

    >>> class Scale(Module):
    ...     def __init__(self):
    ...         self.factor = Parameter([2.0])
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> Scale()(as_tensor([1.0, 3.0]))
    tensor([2., 6.], dtype=float32, from Multiply())
    """

    training: bool = True

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """The output for the inputs."""
        raise KindError(f"{type(self).__name__} has no forward method: write one")

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        try:
            if not self._has_hooks:
                return self.forward(*inputs, **named)
            return self._call_with_hooks(inputs, named)
        except LunziError as error:
            self._locate(error)
            raise

    def __setattr__(self, name: str, value: Any) -> None:
        before = self.__dict__.get(name, ABSENT)
        # A plain tensor kept from one step to the next is data; all else makes the program.
        if before is not value and not (type(before) is Tensor and type(value) is Tensor):
            PROGRAM.advance()
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        PROGRAM.advance()
        object.__delattr__(self, name)

    # Members

    def members(self) -> Iterator[tuple[str, Member]]:
        """Name and object of each parameter, buffer and module that this module itself holds."""
        for name, value in list(vars(self).items()):
            yield from members_of(name, value)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside this one."""
        seen: set[int] = set()
        for name, value in self.members():
            if isinstance(value, Module) and id(value) not in seen:
                seen.add(id(value))
                yield name, value

    def children(self) -> Iterator[Module]:
        """The modules directly inside this one."""
        return (child for _, child in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all inside it, each once, the outer before the inner."""
        seen: set[int] = set()
        waiting: list[tuple[str, Module]] = [(checked_name("prefix", prefix), self)]
        while waiting:
            name, module = waiting.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield name, module
            inner = [(joined(name, own), child) for own, child in module.named_children()]
            waiting.extend(reversed(inner))

    def modules(self) -> Iterator[Module]:
        """This module and all inside it, each once."""
        return (module for _, module in self.named_modules())

    def named_tensors(self) -> Iterator[tuple[str, Parameter | Buffer]]:
        """Parameters and buffers under every name that they have, tied ones several times."""
        yield from named_tensors(self, "", ())

    def named_parameters(
        self, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their names; a tied one once, under its first name."""
        prefix = checked_name("prefix", prefix)
        only_once = as_flag(remove_duplicate, "remove_duplicate")
        seen: set[int] = set()
        for name, tensor in self.named_tensors():
            if isinstance(tensor, Parameter) and not (only_once and id(tensor) in seen):
                seen.add(id(tensor))
                yield joined(prefix, name), tensor

    def parameters(self) -> Iterator[Parameter]:
        """The parameters, each once."""
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """The buffers with their names, each once."""
        seen: set[int] = set()
        for name, tensor in self.named_tensors():
            if isinstance(tensor, Buffer) and id(tensor) not in seen:
                seen.add(id(tensor))
                yield name, tensor

    def buffers(self) -> Iterator[Buffer]:
        """The buffers, each once."""
        return (buffer for _, buffer in self.named_buffers())

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Set an attribute to a buffer, as in PyTorch; `self.x = Buffer(...)` does the same."""
        setattr(
            self,
            checked_name("the name of a buffer", name),
            None if tensor is None else Buffer(tensor, persistent),
        )

    # State

    def state_dict(self) -> dict[str, Tensor]:
        """Copies of parameters and persistent buffers by name; tied ones under each name."""
        own = state_of(self)
        copies = {id(tensor): tensor.detach().copy() for tensor in own.values()}
        return {name: copies[id(tensor)] for name, tensor in own.items()}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> LoadResult:
        """Take over the numbers of a state; nothing changes when something does not fit.

        A tied parameter is found under any one of its names.

        Args:
            state_dict: name -> tensor or array, as `state_dict` gives it.
            strict: refuse names that are missing or unexpected.

        Raises:
            StateKeyError: naming everything that is missing or unexpected, of another shape or
                kind, or that gives two values to one tied parameter.
            KindError: when it is no state, or something in it is not made of numbers.
            StateError: when the memory of a parameter is read-only.
        """
        if not isinstance(state_dict, Mapping):
            raise KindError(
                f"a state is a mapping of names to tensors, as model.state_dict() gives it; got "
                f"{type(state_dict).__name__}"
                + (": pass its state_dict()" if isinstance(state_dict, Module) else "")
            )
        wanted = state_of(self)
        found = {name: as_tensor(value) for name, value in state_dict.items() if name in wanted}
        missing = missing_names(wanted, found)
        unexpected = [name for name in state_dict if name not in wanted]
        problems = misfits(wanted, {name: value.checked() for name, value in found.items()})
        if as_flag(strict, "strict"):
            problems += [f"{name} is missing" for name in missing]
            problems += [f"{name} is not known to the module" for name in unexpected]
        if problems:
            raise StateKeyError(
                f"the state does not fit {type(self).__name__}: {'; '.join(problems)}"
            )
        refuse_fixed({name: wanted[name] for name in found})
        for name, value in found.items():
            wanted[name].assign(value.as_dtype(wanted[name].dtype))
        return LoadResult(missing, unexpected)

    # Settings

    def train(self, mode: bool = True) -> Self:
        """Behave as in training (dropout drops, batch norm takes the batch's statistics)."""
        training = as_flag(mode, "mode")
        for module in self.modules():
            module.training = training
        return self

    def eval(self) -> Self:
        """Behave as in use: no dropout, running statistics."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Ask for gradients of all parameters, or freeze them."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        PROGRAM.advance()
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients: None in their place, or zeros where there was one."""
        set_to_none = as_flag(set_to_none, "set_to_none")
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad = zeros_like(parameter)

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn` on every module inside, then on this one."""
        check_callable("fn", fn)
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def to(self, dtype: DTypeLike) -> Self:
        """Convert floating parameters and buffers to another floating dtype.

        Raises:
            KindError: when the dtype is not floating.
        """
        if isinstance(dtype, str) and dtype.partition(":")[0] in ("cpu", "cuda", "mps"):
            raise KindError(f"write {ON_THE_CPU}; got {dtype!r}")
        target = as_dtype(dtype)
        if not is_floating(target):
            raise KindError(f"a module is converted to a floating dtype, got {target.name}")
        for _, tensor in self.named_tensors():
            if is_floating(tensor.dtype):
                convert(tensor, target)
        return self

    def float(self) -> Self:
        """Convert to float32."""
        return self.to(float32)

    def double(self) -> Self:
        """Convert to float64."""
        return self.to(float64)

    def half(self) -> Self:
        """Convert to float16."""
        return self.to(float16)

    # Hooks

    @property
    def _has_hooks(self) -> bool:
        own = self.__dict__
        return bool(own.get("_forward_hooks") or own.get("_forward_pre_hooks"))

    def register_forward_pre_hook(self, hook: Callable[[Module, tuple[Any, ...]], Any]) -> Handle:
        """Call `hook(module, inputs)` before each forward; what it returns replaces the inputs."""
        return self._add_hook("_forward_pre_hooks", hook)

    def register_forward_hook(self, hook: Callable[[Module, tuple[Any, ...], Any], Any]) -> Handle:
        """Call `hook(module, inputs, output)` after each forward; a result replaces the output."""
        return self._add_hook("_forward_hooks", hook)

    def _add_hook(self, kind: str, hook: Callable[..., Any]) -> Handle:
        check_callable("hook", hook)
        PROGRAM.advance()
        hooks = self.__dict__.setdefault(kind, {})
        key = max(hooks, default=-1) + 1
        hooks[key] = hook
        return Handle(hooks, key)

    def _call_with_hooks(self, inputs: tuple[Any, ...], named: dict[str, Any]) -> Any:
        for hook in list(self.__dict__.get("_forward_pre_hooks", {}).values()):
            replaced = hook(self, inputs)
            if replaced is not None:
                inputs = replaced if isinstance(replaced, tuple) else (replaced,)
        output = self.forward(*inputs, **named)
        for hook in list(self.__dict__.get("_forward_hooks", {}).values()):
            replaced = hook(self, inputs, output)
            if replaced is not None:
                output = replaced
        return output

    def _locate(self, error: LunziError) -> None:
        """Add this module to the path that the error tells: `layers.2 (Linear)`."""
        if error.module is None:
            error.module_class = type(self).__name__
        else:
            for name, member in self.members():
                if member is error.module:
                    error.module_path.insert(0, name)
                    break
        error.module = self

    # Looks

    def config(self) -> dict[str, Any]:
        """The arguments that make this module again, without its numbers.

        Each argument of `__init__` is read from the attribute of its name; for `bias` and the
        like, which hold a parameter or None, it is whether there is one.
        """
        values = {}
        for name in inspect.signature(type(self).__init__).parameters:
            if name == "self" or not hasattr(self, name):
                continue
            value = getattr(self, name)
            is_parameter = isinstance(value, Tensor) or (value is None and name == "bias")
            values[name] = value is not None if is_parameter else value
        return values

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        """How many multiplications, each with an addition, one call takes.

        Counted are matrix products and convolutions, which take nearly all the time; layers
        that have one say so here, all others count 0.
        """
        return 0

    def summary(self, *inputs: Any, dtype: DTypeLike = float32) -> Summary:
        """A table of the layers: their output shapes, parameters and multiply-adds.

        See `lunzi.nn.summary`: `print(model.summary((1, 1, 28, 28)))`.
        """
        return summary(self, *inputs, dtype=dtype)

    def extra_repr(self) -> str:
        """What stands in parentheses when the module is printed: settings unlike the default."""
        signature = inspect.signature(type(self).__init__).parameters
        defaults = {name: repr(argument.default) for name, argument in signature.items()}
        return ", ".join(
            f"{name}={value!r}"
            for name, value in self.config().items()
            if repr(value) != defaults.get(name)
        )

    def __repr__(self) -> str:
        children = list(self.named_children())
        if not children:
            return f"{type(self).__name__}({self.extra_repr()})"
        lines = [f"  ({name}): " + repr(child).replace("\n", "\n  ") for name, child in children]
        return "\n".join([f"{type(self).__name__}(", *lines, ")"])


MEMBERS = (Parameter, Buffer, Module)


def checked_name(what: str, name: Any) -> str:
    if not isinstance(name, str):
        raise KindError(f"{what} is text, got {name!r}")
    return name


def check_callable(name: str, function: Any) -> None:
    if not callable(function):
        raise KindError(f"{name} is a function, got {function!r}")


def members_of(name: str, value: Any) -> Iterator[tuple[str, Member]]:
    """The members in an attribute: itself, or in the lists, tuples and dicts that it holds."""
    if isinstance(value, MEMBERS):
        yield name, value
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from members_of(joined(name, str(place)), item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from members_of(joined(name, str(key)), item)
    elif isinstance(value, set | frozenset) and any(isinstance(x, MEMBERS) for x in value):
        raise KindError(
            f"{name} holds modules or parameters in a set, whose order is another one in each "
            f"run: use a list, a tuple or a dict"
        )
    elif isinstance(getattr(value, "__wrapped__", None), Module):
        # A compiled module, whose parameters are those of this one too.
        yield name, value.__wrapped__


def named_tensors(
    module: Module, prefix: str, above: tuple[Module, ...]
) -> Iterator[tuple[str, Parameter | Buffer]]:
    for name, value in module.members():
        if not isinstance(value, Module):
            yield joined(prefix, name), value
        elif value is not module and all(value is not outer for outer in above):
            yield from named_tensors(value, joined(prefix, name), (*above, module))


def joined(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name

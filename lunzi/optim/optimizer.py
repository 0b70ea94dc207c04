"""Optimizer: walks over the parameters, and assigns what an update formula gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import Context
from typing import Any

import numpy as np

from lunzi.core.arguments import listed
from lunzi.core.creation import zeros_like
from lunzi.core.errors import (
    GradientError,
    KindError,
    MissingAttributeError,
    RangeError,
    StateError,
    StateKeyError,
)
from lunzi.core.mode import MODE, PROGRAM, mode
from lunzi.core.spec import as_flag, float16, is_floating
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.optim.group import Group, Settings

Params = Iterable[Tensor] | Iterable[Mapping[str, Any]]
State = dict[str, Tensor]

# PyTorch's choices between its own implementations, which its states carry along.
WITHOUT_MEANING_HERE = {"foreach", "fused", "capturable", "differentiable", "param_names"}


class Optimizer:
    """Change parameters along their gradients, by the formula that a subclass states.

    A subclass gives its settings to `__init__`, refuses wrong ones in `check`, makes its
    state in `init_state`, and states one step of one parameter in `update`. The formula is
    pure, old values in and new ones out, so that the same lines run eagerly and inside a
    compiled step; this class does the walking and the assigning.

    Settings are read and set for all groups at once by attribute: `optimizer.lr = 0.01`.

    >>> class Descent(Optimizer):
    ...     def __init__(self, params, lr):
    ...         super().__init__(params, {"lr": lr})
    ...     def update(self, parameter, gradient, state, group):
    ...         return parameter - gradient * beside(parameter, group.lr), state
    >>> from lunzi.optim.group import beside
    >>> w = as_tensor([1.0]).requires_grad_()
    >>> optimizer = Descent([w], lr=0.5)
    >>> (w * 3).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([-0.5], dtype=float32, requires_grad=True)

    Args:
        params: the parameters; or groups, dicts with "params" and settings of their own.
        defaults: the settings of a group that does not say otherwise.

    Raises:
        RangeError: when there is no parameter, or one is given twice, or a setting is out
            of its range.
        KindError: when something else than float32 and float64 tensors and groups is given.
        GradientError: when a tensor needs no gradient or was computed.
        StateKeyError: when a group has a setting that this optimiser does not know.
        StateError: inside a traced function, or when the memory of a tensor cannot be written.
    """

    defaults: dict[str, Any]
    param_groups: list[Group]
    state: dict[Tensor, State]
    program: int  # the value of PROGRAM when dtypes were last looked at

    def __init__(self, params: Params, defaults: Settings) -> None:
        self.defaults = dict(defaults)
        self.param_groups = []
        self.state = {}
        self.program = PROGRAM.value
        for group in as_groups(params):
            self.add_param_group(group)
        if not self.state:
            raise RangeError(
                f"{type(self).__name__} got no parameters: was the model made without any, or "
                f"a generator used up before? Call model.parameters() again"
            )

    # What a subclass states

    @staticmethod
    def check(settings: Settings) -> None:
        """Raise RangeError or KindError when these settings are not ones to train with."""

    def check_parameter(self, parameter: Tensor) -> None:
        """Raise when this optimiser is not for such a parameter."""

    def init_state(self, parameter: Tensor, group: Group) -> State:
        """What the formula keeps from step to step for a parameter, before the first one."""
        return {}

    def update(
        self, parameter: Tensor, gradient: Tensor, state: State, group: Group
    ) -> tuple[Tensor, State]:
        """The parameter and its state after a step, a pure formula in tensor methods."""
        raise KindError(f"{type(self).__name__} has no update formula: write one")

    # Steps

    def step(self) -> None:
        """Move every parameter that has a gradient."""
        with mode(recording=False):
            if self.program != PROGRAM.value:
                self.follow_dtypes()
            for group in self.param_groups:
                if group.is_changed:
                    self.renew(group)
                for parameter in group.params:
                    gradient = parameter.grad
                    if gradient is None:
                        continue
                    state = self.state[parameter]
                    moved, new_state = self.update(parameter, gradient, state, group)
                    parameter.assign(moved)
                    for name, value in new_state.items():
                        state[name].assign(value)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients: None in their place, or zeros where there was one."""
        set_to_none = as_flag(set_to_none, "set_to_none")
        for group in self.param_groups:
            for parameter in group.params:
                if set_to_none:
                    parameter.grad = None
                elif parameter.grad is not None:
                    parameter.grad = zeros_like(parameter)

    # Groups and settings

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Take in more parameters: a dict with "params" and settings of their own."""
        if MODE.get().trace is not None:
            raise StateError("make optimisers and their groups outside of traced functions")
        params = self.as_parameters(param_group)
        own = {name: value for name, value in param_group.items() if name != "params"}
        unknown = [name for name in own if name not in self.defaults and name != "initial_lr"]
        if unknown:
            raise StateKeyError(
                f"{type(self).__name__} has no setting {', '.join(map(repr, unknown))}; "
                f"it has {', '.join(self.defaults)}"
            )
        group = Group(params, {**self.defaults, **own}, self.check)
        self.state.update({p: self.init_state(p, group) for p in params})
        self.param_groups.append(group)
        PROGRAM.advance()

    def as_parameters(self, param_group: Mapping[str, Any]) -> list[Tensor]:
        """The parameters of a new group, each one that can be optimised and is new."""
        if not isinstance(param_group, Mapping) or "params" not in param_group:
            raise KindError(f'a group is a dict with "params", got {param_group!r}')
        params = param_group["params"]
        params = [params] if isinstance(params, Tensor) else listed("params", params)
        seen = set(map(id, self.state))
        for place, parameter in enumerate(params):
            refuse_unfit(parameter, f"params[{place}]")
            self.check_parameter(parameter)
            if id(parameter) in seen:
                raise RangeError(
                    f"params[{place}], of shape {parameter.shape}, is given twice: "
                    f"a parameter belongs to one group, once"
                )
            seen.add(id(parameter))
        return params

    def renew(self, group: Group) -> None:
        """Make the state that changed settings ask for, and drop what they do without."""
        for parameter in group.params:
            # In a context of its own, so that a trace does not take the new state for a result.
            self.state[parameter] = Context().run(self.renewed, parameter, group)
        group.is_changed = False

    def renewed(self, parameter: Tensor, group: Group) -> State:
        """The state of a parameter with the names and dtypes that are asked for now."""
        state, fresh = self.state[parameter], self.init_state(parameter, group)
        return {
            name: state[name].as_dtype(new.dtype) if name in state else new
            for name, new in fresh.items()
        }

    def follow_dtypes(self) -> None:
        """Bring the state of parameters that were converted, as by `model.double()`, along."""
        for group in self.param_groups:
            for place, parameter in enumerate(group.params):
                refuse_float16(parameter, f"params[{place}]")
            if any(is_left_behind(self.state[parameter], parameter) for parameter in group.params):
                self.renew(group)
        vars(self)["program"] = PROGRAM.value  # not by __setattr__, which would advance it

    def __getattr__(self, name: str) -> Any:
        if name not in vars(self).get("defaults", ()):
            raise MissingAttributeError(
                f"{type(self).__name__} has no attribute or setting {name!r}"
            )
        if len(self.param_groups) > 1:
            raise StateError(
                f"each of the {len(self.param_groups)} groups has its own {name}: "
                f"read optimizer.param_groups[0].{name}"
            )
        return self.param_groups[0][name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self).get("defaults", ()):
            for group in self.param_groups:
                group[name] = value
        else:
            PROGRAM.advance()
            object.__setattr__(self, name, value)

    # State

    def state_dict(self) -> dict[str, Any]:
        """A copy of what `load_state_dict` needs to go on from here, in PyTorch's format.

        `state` has the tensors of each parameter, numbered through all groups;
        `param_groups` the settings as plain numbers, and the numbers of their parameters.
        """
        state: dict[int, State] = {}
        groups = []
        for group in self.param_groups:
            if group.is_changed:
                self.renew(group)
            first = len(state)
            for parameter in group.params:
                tensors = self.state[parameter]
                state[len(state)] = {name: x.detach().copy() for name, x in tensors.items()}
            groups.append({**group.settings(), "params": list(range(first, len(state)))})
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over settings and state; nothing changes when something does not fit.

        PyTorch's states fit too, if every parameter in them has taken a step.

        Raises:
            StateKeyError: naming all that is missing, unexpected or of another shape.
            RangeError: when a setting is out of its range.
        """
        groups = self.saved_groups(state_dict)
        found: list[tuple[Tensor, str, Tensor]] = []
        problems: list[str] = []
        for group, saved in zip(self.param_groups, groups, strict=True):
            settings = {name: value for name, value in saved.items() if name != "params"}
            candidate = group.with_settings(settings)
            for number, parameter in zip(saved["params"], group.params, strict=True):
                wanted = self.init_state(parameter, candidate)
                tensors = {
                    # np.asarray takes the tensors of other libraries too.
                    name: x if isinstance(x, Tensor) else as_tensor(np.asarray(x))
                    for name, x in state_dict["state"].get(number, {}).items()
                }
                problems += misfits(f"state[{number}]", wanted, tensors)
                found += [(parameter, name, x) for name, x in tensors.items()]
        if problems:
            raise StateKeyError(
                f"the state does not fit {type(self).__name__}: {'; '.join(problems)}"
            )
        for group, saved in zip(self.param_groups, groups, strict=True):
            group.update({name: value for name, value in saved.items() if name != "params"})
            self.renew(group)
        for parameter, name, value in found:
            tensor = self.state[parameter][name]
            tensor.assign(value.as_dtype(tensor.dtype))

    def saved_groups(self, state_dict: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The groups of a saved state, when there are as many of them and of their parameters."""
        if not is_state(state_dict):
            raise StateKeyError(
                'the state of an optimiser is {"state": {0: {...}, ...}, '
                '"param_groups": [{"params": [0, ...], ...}, ...]}'
            )
        sizes = [len(group["params"]) for group in state_dict["param_groups"]]
        own_sizes = [len(group.params) for group in self.param_groups]
        if sizes != own_sizes:
            raise StateKeyError(
                f"the state is of groups of {sizes} parameters, the optimiser has {own_sizes}"
            )
        return [
            {name: value for name, value in group.items() if name not in WITHOUT_MEANING_HERE}
            for group in state_dict["param_groups"]
        ]

    def __repr__(self) -> str:
        lines = [f"  ({place}): {group!r}" for place, group in enumerate(self.param_groups)]
        return "\n".join([f"{type(self).__name__}(", *lines, ")"])


def as_groups(params: Params) -> list[Mapping[str, Any]]:
    """What a user hands over, as groups."""
    if isinstance(params, Tensor):
        raise KindError("params are several tensors, got one: write [tensor]")
    if isinstance(params, set | frozenset):
        raise KindError("the order of a set is another one in each run: give a list of tensors")
    if isinstance(params, Mapping | str) or not isinstance(params, Iterable):
        raise KindError(
            f"params are tensors or groups, got {type(params).__name__}: "
            f"write optimiser(model.parameters())"
        )
    items = listed("params", params)
    if items and all(isinstance(item, Mapping) for item in items):
        return items
    return [{"params": items}]


def refuse_unfit(parameter: Any, place: str) -> None:
    """Refuse what gradients do not reach."""
    if not isinstance(parameter, Tensor):
        raise KindError(
            f"an optimiser takes tensors or groups of them, {place} is a "
            f"{type(parameter).__name__}: write optimiser(model.parameters())"
        )
    refuse_float16(parameter, place)
    if not parameter.is_leaf:
        raise GradientError(
            f"{place}, of shape {parameter.shape}, was computed: "
            f"an optimiser changes leaves, such as the parameters of a model"
        )
    if parameter.is_view or not parameter.checked().flags.writeable:
        raise StateError(
            f"{place}, of shape {parameter.shape}, cannot be changed: its memory is read-only or "
            f"that of another tensor. Make it from an array of its own, as in array.copy()"
        )
    if not parameter.requires_grad:
        raise GradientError(
            f"{place}, of shape {parameter.shape}, needs no gradient and would never change: leave "
            f"frozen ones out, [p for p in model.parameters() if p.requires_grad]"
        )


def refuse_float16(parameter: Tensor, place: str) -> None:
    if parameter.dtype == float16:
        raise KindError(
            f"{place} is float16, where small steps and squares become 0: train in float32 "
            f"(model.float()), and convert the result"
        )


def is_left_behind(state: State, parameter: Tensor) -> bool:
    """Whether the parameter was converted and its state was not."""
    return any(
        x.shape == parameter.shape and is_floating(x.dtype) and x.dtype != parameter.dtype
        for x in state.values()
    )


def is_state(state_dict: Any) -> bool:
    """Whether this is laid out as the state of an optimiser, whatever is in it."""
    match state_dict:
        case {"state": Mapping() as state, "param_groups": list() as groups}:
            return all(isinstance(tensors, Mapping) for tensors in state.values()) and all(
                isinstance(group, Mapping) and isinstance(group.get("params"), list)
                for group in groups
            )
    return False


def misfits(where: str, wanted: State, found: State) -> list[str]:
    """What a saved state lacks, has too much, or has in another shape."""
    problems = [f"{where} lacks {name}" for name in wanted if name not in found]
    for name, value in found.items():
        if name not in wanted:
            problems.append(f"{where} has {name}, which is not known")
        elif value.shape != wanted[name].shape:
            problems.append(
                f"{name} of {where} has shape {value.shape}, "
                f"the parameter asks for {wanted[name].shape}"
            )
    return problems

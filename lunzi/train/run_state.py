"""Everything that the rest of a run depends on, taken from a Trainer and put back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from types import NoneType
from typing import TYPE_CHECKING, Any

from lunzi.core.errors import LunziError, StateKeyError
from lunzi.train.callbacks import Callback
from lunzi.train.checkpoint import warn_of_changes
from lunzi.train.history import History
from lunzi.train.random_state import load_random_state, random_state

if TYPE_CHECKING:
    from lunzi.train.trainer import Trainer

# The attributes of a Trainer that tell where it stands, and their kinds.
COUNTERS = {
    "epoch": int,
    "epochs": int,
    "batch": int,
    "step_count": int,
    "stopping": bool,
    "loss_sum": float,
    "samples": int,
    "lr": float,
    "seconds": float,
}
# Those that tell what was compiled.
COMPILING: dict[str, tuple[type, ...]] = {
    "compile": (bool, NoneType),
    "multiply_adds": (int, NoneType),
    "was_compiled": (bool,),
}
NOT_WHOLE = (AttributeError, IndexError, KeyError, TypeError, ValueError)


def run_state(trainer: Trainer) -> dict[str, Any]:
    """A copy of the state of a run, between two steps."""
    gradients = {name: p.grad for name, p in trainer.model.named_parameters()}
    scheduler = trainer.scheduler
    return {
        "parts": parts(trainer),
        "model": trainer.model.state_dict(),
        "gradients": {name: g.copy() for name, g in gradients.items() if g is not None},
        "optimizer": trainer.optimizer.state_dict(),
        "scheduler": None if scheduler is None else scheduler.state_dict(),
        "random": random_state(trainer.model),
        "loader": loader_state(trainer),
        "metrics": {name: m.state_dict() for name, m in trainer.training_metrics.items()},
        "callbacks": {
            name: state
            for name, callback in named(trainer.callbacks).items()
            if (state := callback.state_dict())
        },
        "history": [dict(row) for row in trainer.history],
        "counters": {name: getattr(trainer, name) for name in COUNTERS},
        "compiling": {name: getattr(trainer, name) for name in COMPILING},
    }


def parts(trainer: Trainer) -> dict[str, Any]:
    """What must be the same for the numbers of a state to mean the same."""
    return {
        "optimizer": type(trainer.optimizer).__name__,
        "scheduler": None if trainer.scheduler is None else type(trainer.scheduler).__name__,
        "accumulate": trainer.accumulate,
    }


def loader_state(trainer: Trainer) -> dict[str, Any] | None:
    """The data and the place in it: batches that were trained on, not those handed out before."""
    if trainer.loader is None:
        return trainer.begun
    return {**trainer.loader.state_dict(), "epoch": trainer.epoch, "batches": trainer.batch}


def load_run_state(trainer: Trainer, state: Mapping[str, Any]) -> None:
    """Put a trainer where a state was taken; nothing changes when something does not fit.

    Raises:
        StateKeyError: when it is the state of another model, optimizer or trainer.
    """
    before, loader, begun = run_state(trainer), trainer.loader, trainer.begun
    check_names("the state of a run", before, state)
    try:
        take_over(trainer, state)
    except NOT_WHOLE as error:
        take_over(trainer, before)
        trainer.loader, trainer.begun = loader, begun
        if isinstance(error, LunziError):
            raise
        raise StateKeyError(f"the state of a run is not whole: {error!r}") from error
    saved, own = state["compiling"]["compile"], before["compiling"]["compile"]
    if saved is not own:
        warn_of_changes([f"compile {saved} -> {own}"])


def take_over(trainer: Trainer, state: Mapping[str, Any]) -> None:
    refuse_other_parts(trainer, state)
    trainer.model.load_state_dict(state["model"])
    gradients = dict(state["gradients"])
    for name, parameter in trainer.model.named_parameters():
        parameter.grad = gradients.pop(name, None)
    check_names("the gradients of the model", (), gradients)
    trainer.optimizer.load_state_dict(state["optimizer"])
    if trainer.scheduler is not None:
        trainer.scheduler.load_state_dict(state["scheduler"])
    load_random_state(trainer.model, state["random"])
    check_names("the training metrics", trainer.training_metrics, state["metrics"])
    for name, metric in trainer.training_metrics.items():
        metric.load_state_dict(state["metrics"][name])
    load_callbacks(trainer.callbacks, state["callbacks"])
    trainer.history = History(state["history"])
    check_names("the counters", COUNTERS, state["counters"])
    for name, kind in COUNTERS.items():
        if type(state["counters"][name]) is not kind:
            raise StateKeyError(f"the counter {name} is {state['counters'][name]!r}")
        setattr(trainer, name, state["counters"][name])
    check_names("what was compiled", COMPILING, state["compiling"])
    for name, kinds in COMPILING.items():
        if type(state["compiling"][name]) not in kinds:
            raise StateKeyError(f"of what was compiled, {name} is {state['compiling'][name]!r}")
    trainer.multiply_adds = state["compiling"]["multiply_adds"]
    trainer.was_compiled = state["compiling"]["was_compiled"]
    trainer.loader, trainer.begun = None, state["loader"]


def refuse_other_parts(trainer: Trainer, state: Mapping[str, Any]) -> None:
    """Refuse a state that could be loaded and would go on in another way, without a word."""
    for name, own in parts(trainer).items():
        if state["parts"][name] != own:
            raise StateKeyError(
                f"the saved run had {name} {state['parts'][name]}, this trainer has {own}: it "
                f"would not go on as it began"
            )
    for name, tensor in trainer.model.state_dict().items():
        saved = state["model"].get(name, tensor)
        if saved.dtype != tensor.dtype:
            raise StateKeyError(
                f"{name} is {saved.dtype} in the state and {tensor.dtype} in the model: convert "
                f"the model with to() before"
            )


def load_callbacks(callbacks: Sequence[Callback], states: Mapping[str, Any]) -> None:
    """Give each callback its state back.

    Raises:
        StateKeyError: when a callback with a state has none saved, or the other way round.
    """
    own = named(callbacks)
    missing = [
        name for name, callback in own.items() if name not in states and callback.state_dict()
    ]
    unexpected = [name for name in states if name not in own]
    if missing or unexpected:
        raise StateKeyError(
            f"the callbacks are not those of the saved run: {', '.join(missing) or 'none'} new and "
            f"{', '.join(unexpected) or 'none'} missing. Give the Trainer the same ones in the "
            f"same order; those without a state may come and go"
        )
    for name, state in states.items():
        own[name].load_state_dict(state)


def named(callbacks: Sequence[Callback]) -> dict[str, Callback]:
    """Callbacks by class, the second and further ones of a class with a number."""
    seen: Counter[str] = Counter()
    names = {}
    for callback in callbacks:
        name = type(callback).__name__
        seen[name] += 1
        names[name if seen[name] == 1 else f"{name} {seen[name]}"] = callback
    return names


def check_names(what: str, wanted: Collection[str], found: Collection[str]) -> None:
    """Refuse names that are missing or unexpected, and what has none."""
    if not isinstance(found, Mapping):
        raise StateKeyError(f"{what} is a mapping by name, got {type(found).__name__}")
    problems = [f"{name} is missing" for name in wanted if name not in found]
    problems += [f"{name} is unexpected" for name in found if name not in wanted]
    if problems:
        raise StateKeyError(f"{what} does not fit: {', '.join(problems)}")

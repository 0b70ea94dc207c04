"""compile: a function of tensors that runs as one program."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import RLock
from types import MethodType
from typing import Any, NamedTuple, overload
from weakref import WeakSet

import numpy as np

from lunzi.compiler.backend import build, is_eager
from lunzi.compiler.bound import Bound
from lunzi.compiler.check import run_both
from lunzi.compiler.cost import Cost, made_up
from lunzi.compiler.program import MISFIT, Program
from lunzi.compiler.repeat import Stack, repeat, repeat_over
from lunzi.compiler.show import list_of_stages, refuse_unknown
from lunzi.compiler.signature import Call, arrays_of, difference, is_data
from lunzi.compiler.thread_count import as_thread_count, get_num_threads
from lunzi.core.advice import advise
from lunzi.core.errors import KindError, StateError, TraceError
from lunzi.core.mode import MODE, PROGRAM
from lunzi.core.spec import Array, Spec, as_flag
from lunzi.core.structure import flatten, replace
from lunzi.core.tensor import Tensor
from lunzi.core.trace import Graph, trace

# Looked up once: these lines run in every call.
ARRAY = np.ndarray

AT_MOST = 64  # programs of one function; the one that was not asked for for longest goes
MANY = 16  # programs of one function, or calls traced one after the other, that are warned of
FEW = 3  # programs that differ in one Python number, behind which a warning says so


class Options(NamedTuple):
    """How a function is compiled: see `compile`."""

    keep_grads: bool = False
    check: bool = False
    check_finite: bool = False


# All there are, for a forked process: see below.
COMPILED: WeakSet[Compiled] = WeakSet()


class Compiled:
    """A function that runs as one program: what `compile` makes, called as the function itself.

    Whatever else is asked of it, such as `parameters()` of a model, is the function's.
    """

    def __init__(self, function: Callable[..., Any], options: Options) -> None:
        functools.update_wrapper(self, function, updated=())
        self.function = function
        self.options = options
        self.programs: dict[Any, Program] = {}
        self.last: Program | None = None  # the one of the last call, if it is looked for by specs
        self.making = RLock()
        COMPILED.add(self)
        self.built = 0
        self.numbers_changed = 0
        self.traced_again = 0  # calls without one between them that needed no tracing

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if not named:
            result = self.at_once(arguments)
            if result is not MISFIT:
                return result
        return self.find_and_run(arguments, named)

    def at_once(self, arguments: Sequence[Any]) -> Any:
        """The call by the program of the last one; MISFIT, and nothing done, if it is another."""
        program = self.last
        if program is None or program.counter != PROGRAM.value:
            return MISFIT
        recording, active = MODE.get()
        if active is not None or recording is not program.recording:
            return MISFIT
        owners = program.owners
        arrays: list[Array] = []
        for x in arguments:
            if type(x) is not ARRAY:
                if type(x) is not Tensor or x.base is not None or x.requires_grad:
                    return MISFIT
                x = x.payload
            base = x.base
            if id(x if base is None else base) in owners:
                return MISFIT
            arrays.append(x)
        self.traced_again = 0
        return program.run_at_once(arrays)

    def find_and_run(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """The call in full: find the program or make it, and run it."""
        recording, active = MODE.get()
        if active is not None or is_eager():
            return self.function(*arguments, **named)
        call = Call.of(arguments, named, recording)
        arrays = arrays_of(arguments, named)
        while True:
            program = self.found_or_made(call, arguments, named)
            apart = [program.apart(array) for array in arrays]
            if self.options.check:
                result = run_both(program, apart, lambda: self.function(*arguments, **named))
            else:
                self.last = program if program.enter is not None else None
                result = program.run(apart)
            # Another thread may have changed something since the program was found.
            if result is not MISFIT:
                return result

    def repeat(
        self,
        *stacked: Any,
        count: int | None = None,
        assign: Mapping[Tensor, Any] | None = None,
    ) -> Any:
        """Take many steps in one call: the same as calling this for each, and nothing between.

        Each tensor and array among the arguments has an axis of steps before its own; all else
        is the same at each step. What comes out has that axis too. Ctrl-C works, and leaves
        whole steps done. An argument that is the same at each step is written
        `np.broadcast_to(x, (steps, *x.shape))`, which takes no memory.

        Args:
            stacked: the arguments.
            count: how many steps, where there is no argument to tell.
            assign: what is assigned before each step, as `{optimizer.lr: rates}`: for each
                tensor the numbers of all steps, of shape (steps, *its shape).

        Raises:
            ShapeError: when axes of steps differ in length.
            RangeError: when there is no step.

        >>> from lunzi import tensor
        >>> total = tensor([0.0])
        >>> @compile
        ... def add(x):
        ...     total.assign(total + x)
        ...     return total * 10
        >>> add.repeat(tensor([[1.0], [2.0], [3.0]]))
        tensor([[10.],
                [30.],
                [60.]], dtype=float32)
        """
        return repeat(self, stacked, count, assign or {})

    def repeat_over(self, batches: Iterable[Any]) -> Any:
        """Take a step for each batch, many of them in one call.

        Batches that follow each other and have the same shapes are gathered, so that some of
        them are in memory at once.

        Args:
            batches: tuples of arguments, as a data loader gives them, or single arguments.

        Returns:
            What the function gives, joined as by `repeat`.

        Raises:
            RangeError: when there is no batch.
        """
        return repeat_over(self, batches)

    # Programs

    def program_for(self, stack: Stack) -> Program | None:
        """The program of each step as things are now; None where calls run as they stand."""
        recording, active = MODE.get()
        program = self.last
        if (
            program is not None
            and program.counter == PROGRAM.value
            and active is None
            and recording is program.recording
            and stack.fits(program)
        ):
            return program
        if active is not None or is_eager() or self.options.check:
            return None
        arguments = stack.at(0)
        program = self.found_or_made(Call.of(arguments, {}, recording), arguments, {})
        self.last = program if program.enter is not None else None
        return program

    def found_or_made(
        self, call: Call, arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> Program:
        program = self.find(call)
        if program is None:
            return self.make(call, arguments, named)
        self.traced_again = 0
        return program

    def find(self, call: Call) -> Program | None:
        """The program for a call as things are now."""
        with self.making:
            for place, program in self.programs.items():
                if program.counter == PROGRAM.value and program.call == call and program.fits():
                    self.programs[place] = self.programs.pop(place)  # behind those to go first
                    return program
        return None

    def make(self, call: Call, arguments: tuple[Any, ...], named: dict[str, Any]) -> Program:
        """Trace the function, and build what was not built before for the same graph."""
        with self.making:
            bound = Bound(self.traced(arguments, named), self.options.keep_grads)
            backend = self.backend_of(bound)
            if backend is None:
                self.advise_against_many(call)
                check_finite = self.options.check_finite
                backend = build(bound.graph, bound.slots, bound.layouts, check_finite)
                self.built += 1
            else:
                self.advise_against_changes()
            # The counter as it is behind the trace: a function may call model.train() itself.
            program = Program(call, PROGRAM.value, bound, backend, self.name)
            self.programs.pop((call, bound.identity), None)
            self.programs[call, bound.identity] = program
            while len(self.programs) > AT_MOST:
                del self.programs[next(iter(self.programs))]
            return program

    def backend_of(self, bound: Bound) -> Any:
        """A backend that was built for the same graph, if there is one."""
        for program in self.programs.values():
            if program.bound.name == bound.name:
                return program.backend
        return None

    def advise_against_many(self, call: Call) -> None:
        """Warn, once, of a function that is compiled again and again."""
        if not self.programs:
            return
        *_, latest = self.programs.values()
        change = difference(latest.call, call)
        self.numbers_changed += change.is_number
        if self.numbers_changed == FEW and change.is_number:
            advise(
                f"{self.name} is compiled again for each number: {change}. Hand over as "
                f"lunzi.tensor(number) what changes from call to call"
            )
        elif self.built == MANY:
            advise(
                f"{self.name} was compiled {MANY} times and is compiled again: {change}. Bring "
                f"batches to one shape (drop_last=True), and keep in tensors what changes"
            )

    def advise_against_changes(self) -> None:
        """Warn of a function that is traced at each call, which takes as long as to run it."""
        self.traced_again += 1
        if self.traced_again == MANY:
            advise(
                f"{self.name} was traced again at each of the last {MANY} calls, with the same "
                f"program in the end: an attribute of a module or optimiser is set between them. "
                f"Keep it elsewhere, or in a Buffer if the function reads it"
            )

    def traced(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> Graph:
        """The graph of the function for arguments such as these."""
        leaves = flatten((arguments, named), is_data)
        needs = [isinstance(x, Tensor) and x.requires_grad for x in leaves]

        def run(*symbols: Tensor) -> Any:
            for symbol, need in zip(symbols, needs, strict=True):
                symbol.requires_grad = need
            given, given_named = replace((arguments, named), is_data, iter(symbols))
            result = self.function(*given, **given_named)
            refuse_lost_gradients(symbols, needs)
            return result

        specs = [Spec(x.shape, x.dtype) for x in arrays_of(arguments, named)]
        return trace(run, *specs)

    # Looks

    @property
    def name(self) -> str:
        own = getattr(self.function, "__qualname__", type(self.function).__name__)
        return str(own).rpartition("<locals>.")[2]

    def graph(self, *arguments: Any, **named: Any) -> Graph:
        """The graph of the function for arguments such as these; nothing runs."""
        return self.traced(arguments, named)

    def show(self, stage: str | None = None) -> None:
        """Print the program of the last call, after a stage of its making.

        Args:
            stage: one of lunzi.compiler.show.STAGES; without one, they are listed.

        Raises:
            StateError: before the first call.
            RangeError: when there is no such stage.
        """
        if stage is None:
            print(list_of_stages())
            return
        refuse_unknown(stage)
        program = self.shown()
        print(program.bound.traced if stage == "graph" else program.backend.show(stage))

    def cost(self, *arguments: Any, threads: int | None = None, **named: Any) -> Cost:
        """What each part of the program costs: time, operations, bytes, share of the peak.

        The parts are measured one by one on copies of the state: nothing that anybody sees
        changes. This takes a second or two. `print(step.cost())` shows the table.

        Args:
            arguments: as of a call; without them, made-up numbers for the program of the last.
            threads: on how many it runs; as many as a call takes unless it is given.

        Raises:
            StateError: before the first call, without arguments; and where the program runs in
                the interpreter.
            RangeError: when `threads` is not from 1 to 1024.
        """
        count = get_num_threads() if threads is None else as_thread_count(threads)
        if not arguments and not named:
            program = self.shown()
            return program.cost(made_up(program.bound.graph.arguments), count)
        arrays = [np.array(x, order="C") for x in arrays_of(arguments, named)]
        return self.made_for(*arguments, **named).cost(arrays, count)

    def made_for(self, *arguments: Any, **named: Any) -> Program:
        """The program for arguments such as these, compiled if need be; it does not run."""
        call = Call.of(arguments, named, MODE.get().recording)
        return self.found_or_made(call, arguments, named)

    def shown(self) -> Program:
        """The program of the last call."""
        if not self.programs:
            raise StateError(f"{self.name} has no program to show before its first call")
        return self.last or [*self.programs.values()][-1]

    def __repr__(self) -> str:
        count = len(self.programs)
        return f"compile({self.name}), {count} program{'s' * (count != 1)}"

    def __getattr__(self, name: str) -> Any:
        if name == "function":  # a copy that is being made asks for it before it is there
            raise AttributeError(name)
        return getattr(self.function, name)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """As a method: one compiled function for each instance, which keeps it."""
        if instance is None:
            return self
        method = MethodType(self.function, instance)
        if MODE.get().trace is not None:
            return method
        kept = getattr(instance, "__dict__", None)
        if not isinstance(kept, dict):  # a class, or an instance with slots
            return MethodType(self, instance)
        key = f"compiled {self.name}"
        found = kept.get(key)
        # A copy of the instance brings along what is bound to the other one.
        if not isinstance(found, Compiled) or found.function != method:
            found = kept[key] = Compiled(method, self.options)
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy, as of the model that has this method, makes programs of its own.
        return Compiled, (self.function, self.options)


def start_again() -> None:
    """Free what another thread held when this process was forked off."""
    for function in COMPILED:
        function.making = RLock()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=start_again)


def refuse_lost_gradients(symbols: tuple[Tensor, ...], needs: list[bool]) -> None:
    """Raise where the function computed the gradient of an argument, which nobody would see."""
    for place, (symbol, need) in enumerate(zip(symbols, needs, strict=True)):
        if need and symbol.grad is not None:
            raise TraceError(
                f"the compiled function computes the gradient of its argument {place}, "
                f"{symbol.spec}, and cannot leave it in that tensor: detach() the argument, or "
                f"return x.grad, or use the tensor from outside instead of handing it over"
            )


@overload
def compile(
    function: Callable[..., Any],
    *,
    keep_grads: bool = False,
    check: bool = False,
    check_finite: bool = False,
) -> Compiled: ...
@overload
def compile(
    function: None = None,
    *,
    keep_grads: bool = False,
    check: bool = False,
    check_finite: bool = False,
) -> Callable[[Callable[..., Any]], Compiled]: ...
def compile(
    function: Callable[..., Any] | None = None,
    *,
    keep_grads: bool = False,
    check: bool = False,
    check_finite: bool = False,
) -> Any:
    """Run a function of tensors as one program: forward, backward and optimiser together.

    Write `@lz.compile` above a training step, or `lz.compile(model)`. The results are those of
    the function as it stands. It is run once on symbols for each new combination of shapes and
    dtypes; the tensors that it uses from outside, such as parameters, the optimiser's state and
    random generators, are state, which is changed in place and which other code sees as usual.

    Tensors, NumPy arrays and scalars among the arguments, nested in tuples, lists and dicts
    too, are data. All else is part of the program: another number, text or object compiles
    again. So are plain Python variables that the function reads, but those are looked at only
    while it is traced: keep in tensors what changes. So `print` speaks only then.

    What comes out is in fresh memory and has no tape: call `backward` inside. A gradient that
    the function clears before it computes it is used up inside, and reading it afterwards
    raises, unless `keep_grads` is set; one that it adds to is kept as usual, in one memory.

    The environment variable LUNZI_COMPILE=0 runs everything as it stands.

    Args:
        function: any function of tensors, also a method or a model.
        keep_grads: store all gradients in `grad`.
        check: run the function both ways at each call, and compare.
        check_finite: raise for the first operations that make numbers that are not finite out of
            finite ones, with their lines. The call runs to its end before, and state is written.

    Raises:
        KindError: when it is no function, or returns something else than tensors.
        TraceError: when it looks at a tensor's numbers, as an `if` does.
        StateError: when tensors that it assigns share memory or are read-only.

    >>> from lunzi import tensor
    >>> @compile
    ... def double(x):
    ...     return x * 2
    >>> double(tensor([1.0, 2.0]))
    tensor([2., 4.], dtype=float32)
    """
    options = Options(
        as_flag(keep_grads, "keep_grads"),
        as_flag(check, "check"),
        as_flag(check_finite, "check_finite"),
    )
    if function is None:
        return lambda function: compiled(function, options)
    return compiled(function, options)


def compiled(function: Any, options: Options) -> Compiled:
    if not callable(function):
        raise KindError(
            f"compile takes a function or a model, got {function!r}: write @compile above the "
            f"function, with options @compile(check=True)"
        )
    return Compiled(function, options)

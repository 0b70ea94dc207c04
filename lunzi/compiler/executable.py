"""The native backend: a graph as one function in machine code, and the table that it reads."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lunzi.compiler import cache, threads
from lunzi.compiler.cost import Cost
from lunzi.compiler.entry import Entry, Place, make_entry, program_at
from lunzi.compiler.fingerprint import fingerprint
from lunzi.compiler.interpreted import Interpreted, InterpretedSteps
from lunzi.compiler.memories import aligned_bytes, copied, place_of
from lunzi.compiler.native import PASSES, Library, object_code
from lunzi.compiler.plan import Layout, Plan
from lunzi.compiler.steps import NAME as STEPS
from lunzi.compiler.steps import Steps, steps_alone, steps_code
from lunzi.compiler.table import NAME, Table
from lunzi.compiler.target import Target, host
from lunzi.compiler.thread_count import get_num_threads
from lunzi.core.graph import State
from lunzi.core.spec import Array
from lunzi.core.trace import Graph, Slot

if TYPE_CHECKING:
    from lunzi.compiler.building import Building
    from lunzi.compiler.emit import Emitted

# A program of fewer turns runs on one thread, as one region: some 20 us of work.
FEW_TURNS = 2**16

# A thread is worth waking for so many turns: some 20 us of work.
TURNS_OF_A_THREAD = 2**16

# Turns that surely take no more than some milliseconds.
QUICK_TURNS = 2**21


@dataclass
class Parts:
    """What is kept of a compiled program beside its object code."""

    arena_bytes: int
    scratch_bytes: int
    is_serial: bool
    turns: int  # of the innermost instructions
    stages: int
    checks: bool  # whether a check may fail
    constants: list[Array]

    def packed(self, code: bytes) -> bytes:
        """The parts and the object code in one string of bytes."""
        header = {
            "arena": self.arena_bytes,
            "scratch": self.scratch_bytes,
            "serial": self.is_serial,
            "turns": self.turns,
            "stages": self.stages,
            "checks": self.checks,
            "constants": [[x.dtype.name, x.size] for x in self.constants],
        }
        text = json.dumps(header).encode()
        numbers = b"".join(x.tobytes() for x in self.constants)
        return struct.pack("<Q", len(text)) + text + numbers + code

    @staticmethod
    def unpacked(packed: bytes) -> tuple[Parts, bytes]:
        (length,) = struct.unpack_from("<Q", packed)
        header: dict[str, Any] = json.loads(packed[8 : 8 + length])
        start = 8 + length
        constants = []
        for name, size in header["constants"]:
            constants.append(np.frombuffer(packed, name, size, start))
            start += constants[-1].nbytes
        sizes = header["arena"], header["scratch"]
        counts = header["turns"], header["stages"]
        parts = Parts(*sizes, header["serial"], *counts, header["checks"], constants)
        return parts, packed[start:]


class Native:
    """A graph compiled to machine code.

    Args:
        graph: its updates all have a value.
        memories: the slots of the graph, then those that are only written.
        layouts: the strides of each memory, in elements.
    """

    is_guarded = False  # against numbers that are not finite
    passes: tuple[str, ...] = PASSES  # of LLVM

    def __init__(
        self, graph: Graph, memories: Sequence[Slot], layouts: Sequence[tuple[int, ...]]
    ) -> None:
        self.graph = graph
        self.slots = memories
        places = {place_of(slot): index for index, slot in enumerate(memories)}
        self.written = [places[place_of(slot)] for slot, _ in graph.updates]
        specs = {place_of(slot): node.spec for slot, node in graph.updates if node is not None}
        for node in graph.nodes:
            if isinstance(node.op, State):
                specs.setdefault(place_of(graph.slots[node.op.index]), node.spec)
        self.layouts = [
            Layout(specs.get(place_of(slot), slot.tensor.spec), layout)
            for slot, layout in zip(memories, layouts, strict=True)
        ]
        target = host()
        key = fingerprint(graph, layouts) + (" guarded" if self.is_guarded else "")
        packed = cache.load(key, target, lambda: self.compiled(target))
        self.parts, code = Parts.unpacked(packed)
        self.library = Library(code, [NAME])
        self.address = self.library.address(NAME)
        self.table_plan = Table(
            len(graph.arguments), len(memories), len(graph.outputs), len(self.parts.constants)
        )
        self.is_brief = self.parts.is_serial and self.parts.turns <= FEW_TURNS
        self.call_alone = program_at(self.address, holds_lock=self.is_brief)
        self.table = np.zeros(self.table_plan.size, np.int64)
        self.arena = aligned_bytes(self.parts.arena_bytes)
        self.error = np.zeros(1, np.int64)
        self.scratch = aligned_bytes(0)
        self.threads = 0
        first = self.table_plan.arena - len(self.parts.constants)
        for place, array in enumerate(self.parts.constants, first):
            self.table[place] = array.ctypes.data
        self.table[self.table_plan.arena] = self.arena.ctypes.data
        self.table[self.table_plan.error] = self.error.ctypes.data
        self.make_room(1)
        self.table_address = self.table.ctypes.data
        self.fill = make_entry([*self.given, *self.held, *self.results], self.table)

    # Compiling

    @property
    def building(self) -> Building:
        # Half of what there is to import, and for nothing where the program was found on disk.
        from lunzi.compiler.building import Building

        return Building(self.graph, self.written, self.layouts, FEW_TURNS, self.is_guarded)

    def plan(self) -> Plan:
        return self.building.plan()

    def emitted(self, target: Target) -> tuple[Plan, Emitted]:
        return self.building.emitted(target)

    def compiled(self, target: Target) -> bytes:
        plan, emitted = self.emitted(target)
        parts = Parts(
            emitted.memory.arena_bytes,
            emitted.memory.scratch_bytes,
            all(region.is_serial for region in plan.regions),
            plan.turns,
            len(plan.stages),
            emitted.checks,
            [np.ascontiguousarray(memory.array) for memory in plan.constants],
        )
        return parts.packed(object_code(str(emitted.module), target, passes=self.passes))

    # Running

    @property
    def given(self) -> list[Place]:
        """The arguments as an entry takes them."""
        return [Place(spec, slot) for slot, spec in enumerate(self.graph.arguments)]

    @property
    def held(self) -> list[Place]:
        """The memories as an entry takes them."""
        written = set(self.written)
        return [
            Place(layout.spec, slot, layout.strides, slot - self.table_plan.arguments in written)
            for slot, layout in enumerate(self.layouts, self.table_plan.arguments)
        ]

    @property
    def results(self) -> list[Place]:
        """The outputs as an entry takes them."""
        first = self.table_plan.arguments + self.table_plan.states
        return [
            Place(node.spec, slot, is_written=True)
            for slot, node in enumerate(self.graph.outputs, first)
        ]

    def make_room(self, count: int) -> None:
        """Make scratch for so many threads."""
        if count > self.threads:
            self.scratch = aligned_bytes(self.parts.scratch_bytes * count)
            self.table[self.table_plan.scratch] = self.scratch.ctypes.data
            self.threads = count

    def __call__(
        self, arguments: Sequence[Array], memories: Sequence[Array], outputs: Sequence[Array]
    ) -> None:
        self.note_addresses([*arguments, *memories, *outputs])
        if not self.run(self.table, self.table_address):
            self.interpreted(arguments, memories, outputs)

    def note_addresses(self, arrays: Sequence[Array]) -> None:
        """Fill the table."""
        if not self.fill(*arrays):  # a dtype may be equal to the usual object and be another one
            self.table[: len(arrays)] = [array.ctypes.data for array in arrays]

    def run(self, table: Array, address: int) -> bool:
        """Run the program with a table that is filled but for the scratch.

        False when a check has failed: then no memory was written. The interpreter says why, or
        goes on where the check asked for too much, as of indices into an axis of nothing.
        """
        self.start(table, address)
        if not self.error[0]:
            return True
        self.error[0] = 0
        return False

    @cached_property
    def interpreted(self) -> Interpreted:
        return Interpreted(self.graph, self.slots)

    def start(self, table: Array, address: int) -> None:
        """The same, whatever goes wrong."""
        if self.parts.is_serial:
            self.call_alone(address, 0, 0, 1)
        else:
            self.run_together(self.address, table, address)

    def run_together(self, code: int, table: Array, argument: int) -> None:
        """Run code that works with a table on all threads."""
        count = max(1, min(get_num_threads(), self.parts.turns // TURNS_OF_A_THREAD))
        self.make_room(count)
        table[self.table_plan.scratch] = self.table[self.table_plan.scratch]
        threads.run(code, argument, count)

    def bound(self, memories: Sequence[Array]) -> Entry:
        table = self.table.copy()
        first = self.table_plan.arguments
        table[first : first + len(memories)] = [memory.ctypes.data for memory in memories]
        places = [*self.given, *self.results]
        if self.is_brief and not self.parts.checks and not self.is_guarded:
            return make_entry(places, table, self.address, (self, memories))
        fill, address = make_entry(places, table), table.ctypes.data

        def enter(*arrays: Array) -> bool:
            if not fill(*arrays):
                return False
            if not self.run(table, address):
                count = len(self.given)
                self.interpreted(arrays[:count], memories, arrays[count:])
            return True

        return enter

    def steps(self, memories: Sequence[Array], each: Mapping[int, Array]) -> NativeSteps:
        return NativeSteps(self, memories, each)

    @property
    def quick_steps(self) -> int:
        """How many steps surely take no more than some milliseconds."""
        return max(1, QUICK_TURNS // self.parts.turns)

    def show(self, stage: str) -> str:
        """The program after a stage.

        Raises:
            RangeError: when there is no such stage.
        """
        threads = 1 if self.parts.is_serial else get_num_threads()
        return self.building.show(stage, threads, self.passes)

    def cost(self, arguments: Sequence[Array], memories: Sequence[Array], threads: int) -> Cost:
        """What the regions cost, measured on copies."""
        count = 1 if self.parts.is_serial else threads
        outputs = [np.empty(node.shape, node.dtype) for node in self.graph.outputs]
        copies = [copied(memory) for memory in memories]
        repeats = max(1, FEW_TURNS // self.parts.turns)
        return self.building.cost(arguments, copies, outputs, count, repeats)


class NativeSteps:
    """Many steps of a native program, on memories that never move: see `Backend.steps`."""

    def __init__(
        self, native: Native, memories: Sequence[Array], each: Mapping[int, Array]
    ) -> None:
        self.native = native
        self.memories = [each.get(place, memory) for place, memory in enumerate(memories)]
        plan = native.table_plan
        moving = plan.arguments + plan.states + plan.outputs
        self.order = Steps(native.address, native.table, moving, plan.error)
        states = slice(plan.arguments, plan.arguments + plan.states)
        self.order.table[states] = [array.ctypes.data for array in self.memories]
        self.order.strides[states] = [
            array.strides[0] if place in each else 0 for place, array in enumerate(self.memories)
        ]
        self.others = [*range(states.start), *range(states.stop, moving)]
        self.fill = make_entry([*native.given, *native.results], self.order.table)
        self.strides: list[int] = []  # of arguments and outputs, as they stand in the order
        self.slowly = InterpretedSteps(native.interpreted, memories, each)
        self.begun = 0

    def aim(self, arguments: Sequence[Array], outputs: Sequence[Array]) -> None:
        self.begun = 0
        self.slowly.aim(arguments, outputs)
        arrays = [*arguments, *outputs]
        if not self.fill(*[array[0, ...] for array in arrays]):  # see `note_addresses`
            self.order.table[self.others] = [array.ctypes.data for array in arrays]
        strides = [array.strides[0] for array in arrays]
        if strides != self.strides:
            self.order.strides[self.others] = self.strides = strides

    def run(self, first: int, stop: int) -> None:
        native, order = self.native, self.order
        while first < stop:
            order.cut(first, stop)
            self.begun = stop
            if native.parts.is_serial:
                steps_alone()(order.address, 0, 0, 1)
            else:
                native.run_together(steps_code().address(STEPS), order.table, order.address)
            failed = order.failed
            if failed is None:
                return
            self.begun = first = failed + 1
            self.slowly.run(failed, first)

"""The table of addresses that a native program is called with."""

from __future__ import annotations

from dataclasses import dataclass

from lunzi.compiler.loops import Kind, Memory

NAME = "lunzi_program"  # of the function


@dataclass(frozen=True)
class Table:
    """Which words of the table hold what."""

    arguments: int
    states: int
    outputs: int
    constants: int

    @property
    def arena(self) -> int:
        return self.arguments + self.states + self.outputs + self.constants

    @property
    def scratch(self) -> int:
        return self.arena + 1

    @property
    def error(self) -> int:
        return self.arena + 2

    @property
    def guard(self) -> int:
        return self.arena + 3

    @property
    def size(self) -> int:
        return self.arena + 4

    def word_of(self, memory: Memory) -> int:
        starts = {
            Kind.ARGUMENT: 0,
            Kind.STATE: self.arguments,
            Kind.OUTPUT: self.arguments + self.states,
            Kind.CONSTANT: self.arguments + self.states + self.outputs,
        }
        return starts[memory.kind] + memory.index

"""Stages in words: which operations they are, and what they compute as formulas."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from lunzi.compiler.loops import (
    LETTERS,
    Affine,
    Apply,
    Check,
    Gather,
    How,
    Literal,
    Load,
    Memory,
    Place,
    Stage,
    StepMemory,
    Store,
    Term,
    inputs_of,
)
from lunzi.core.elementwise import Add, Cast, Divide, Multiply, Negative, Power, Subtract
from lunzi.core.logic import Equal, Less, LessEqual, NotEqual
from lunzi.core.primitive import Primitive

# Operation -> its sign, and how firmly it holds its operands together
SIGNS: dict[type[Primitive], tuple[str, int]] = {
    Equal: ("==", 1),
    NotEqual: ("!=", 1),
    Less: ("<", 1),
    LessEqual: ("<=", 1),
    Add: ("+", 2),
    Subtract: ("-", 2),
    Multiply: ("*", 3),
    Divide: ("/", 3),
    Power: ("**", 5),
}
MINUS, WHOLE = 4, 6  # how firmly a sign before a term holds, and what needs no parentheses

LONG = 64  # characters: a longer part of a formula gets a line and a name of its own

REDUCTIONS = {
    How.ARGMAX: "place of the largest",
    How.ARGMIN: "place of the smallest",
    How.ORDER: "places in rising order",
}


def operations_of(stage: Stage) -> list[str]:
    """The names of a stage's operations, each once, in the order in which they run."""
    if stage.is_product:
        return ["Matmul"]
    names = [type(term.op).__name__ for term in stage.terms if isinstance(term, Apply)]
    names += [reduction.how.value.capitalize() for reduction in stage.reductions]
    names += ["Scatter" for store in stage.stores if store.gathers]
    names += ["Check" for _ in stage.checks]
    return list(dict.fromkeys(names)) or ["Copy" if any(stage.loads) else "Fill"]


def lines_of(stages: Sequence[Stage]) -> list[str]:
    """The user's lines that stages come from, each once, in the order of the program's text."""
    found = {line: None for stage in stages for line in stage.lines}
    return sorted(found, key=file_and_number)


def short_lines(stages: Sequence[Stage]) -> str:
    """The same with files by their names alone: `net.py:3, 7; loss.py:2`."""
    files: dict[str, list[str]] = {}
    for line in lines_of(stages):
        file, _, number = short(line).rpartition(":")
        if number not in files.setdefault(file, []):
            files[file].append(number)
    return "; ".join(f"{file}:{', '.join(numbers)}" for file, numbers in files.items())


def short(line: str) -> str:
    """A line with the name of its file alone: `net.py:3`."""
    return re.split(r"[\\/]", line)[-1]


def file_and_number(line: str) -> tuple[str, int]:
    file, _, number = line.rpartition(":")
    return file, int(number) if number.isdecimal() else 0


def formulas(stage: Stage) -> list[str]:
    """What a stage does at each turn of its loops, one formula a line."""
    return Formulas(stage).lines


class Formulas:
    """Writes the formulas of one stage. What is used twice, or is long, gets a name: t0, t1, ..."""

    def __init__(self, stage: Stage) -> None:
        self.lines: list[str] = []
        self.named = 0
        self.texts: dict[int, tuple[str, int]] = {}  # of a term, and how firmly it holds together
        uses = Counter(id(x) for term in stage.terms for x in inputs_of(term))
        uses.update(id(root) for root in stage.roots)
        for term in stage.terms:
            text, firmness = self.written(term)
            if isinstance(term, Apply) and (uses[id(term)] > 1 or len(text) > LONG):
                text, firmness = self.name(text), WHOLE
            self.texts[id(term)] = (text, firmness)
        for check in stage.checks:
            self.lines.append(f"check that {self.within(check)}")
        for store in stage.stores:
            self.store(store, self.inside(store.term, 0))
        over = ", ".join(LETTERS[stage.kept : len(stage.sizes)]) or "nothing"
        for reduction in stage.reductions:
            kind = ("running " if reduction.is_running else "") + reduction.how.value
            kind = REDUCTIONS.get(reduction.how, kind)
            reduced = self.inside(reduction.store.term, 0)
            self.store(reduction.store, f"{kind} over {over} of {reduced}")

    def within(self, check: Check) -> str:
        """What a check asks for: `0 <= x <= 9`."""
        low, high = check.bounds
        before = "" if math.isinf(low) else f"{low} <= "
        behind = "" if math.isinf(high) else f" <= {high}"
        return f"{before}{self.inside(check.term, 1)}{behind}"

    def name(self, text: str) -> str:
        name = f"t{self.named}"
        self.named += 1
        self.lines.append(f"{name} = {text}")
        return name

    def store(self, store: Store, text: str) -> None:
        sign = "+=" if store.adds else "="
        place = self.place(store.address, store.gathers)
        self.lines.append(f"{name_of(store.memory)}[{place}] {sign} {text}")

    def inside(self, term: Term, firmness: int) -> str:
        """The text of a term, in parentheses where what is around it holds more firmly."""
        text, own = self.texts[id(term)]
        return text if own > firmness else f"({text})"

    def written(self, term: Term) -> tuple[str, int]:
        match term:
            case Literal(value, dtype):
                return str(np.asarray(value, dtype)[()]), WHOLE
            case Place(address):
                return f"({address})", WHOLE
            case Load(memory, address, gathers):
                return f"{name_of(memory)}[{self.place(address, gathers)}]", WHOLE
            case Apply(op, inputs):
                return self.applied(op, inputs)
        raise AssertionError(term)

    def applied(self, op: Primitive, inputs: Sequence[Term]) -> tuple[str, int]:
        sign = SIGNS.get(type(op))
        if sign is not None and len(inputs) == 2:
            name, firmness = sign
            # Signs bind from the left: a - (b - c), and (a ** b) ** c, keep their parentheses.
            left = firmness if isinstance(op, Power) else firmness - 1
            a, b = self.inside(inputs[0], left), self.inside(inputs[1], firmness)
            return f"{a} {name} {b}", firmness
        if isinstance(op, Negative):
            return f"-{self.inside(inputs[0], MINUS)}", MINUS
        name = op.dtype.name if isinstance(op, Cast) else snake(type(op).__name__)
        return f"{name}({', '.join(self.inside(x, 0) for x in inputs)})", WHOLE

    def place(self, address: Affine, gathers: Sequence[Gather]) -> str:
        """An address, with the places that depend on data."""
        parts = [
            self.inside(g.index, 3) if g.stride == 1 else f"{g.stride}*{self.inside(g.index, 3)}"
            for g in gathers
        ]
        if address.offset or any(address.strides) or not parts:
            parts.append(str(address))
        return " + ".join(parts)


def name_of(memory: Memory) -> str:
    """What a memory is called, by where it lies in the end: `scratch3`."""
    if isinstance(memory, StepMemory):
        return f"{name_of(memory.parent)}(step)"
    return f"{memory.kind.value}{memory.index}"


def snake(name: str) -> str:
    """`FloorDivide` -> `floor_divide`"""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()

"""The text of LLVM functions, written one instruction at a time.

Values carry their type, so that an instruction is written from its operands alone:
`f.op("fadd", a, b)` is `fadd <16 x float> %a, %b` where a and b are such vectors.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

POINTER, INDEX, TRUTH = "ptr", "i64", "i1"

# The types of NumPy's dtypes in registers; a bool is a bit there and a byte in memory.
TYPES = {
    "float16": "half", "float32": "float", "float64": "double", "int32": "i32", "int64": "i64",
    "uint8": "i8", "uint32": "i32", "bool": "i1",
}  # fmt: skip


class Value(NamedTuple):
    """An operand: its type, and its name or the text of a constant."""

    type: str
    name: str

    def __str__(self) -> str:
        return f"{self.type} {self.name}"

    @property
    def lanes(self) -> int:
        """How many numbers it has: 1 for a scalar."""
        return int(self.type[1:].split(" ", 1)[0]) if self.type[0] == "<" else 1

    @property
    def element(self) -> str:
        """The type of one number of it."""
        return self.type[1:-1].split(" x ", 1)[1] if self.type[0] == "<" else self.type


def vector(element: str, lanes: int) -> str:
    """The type of `lanes` numbers; a scalar for 1."""
    return f"<{lanes} x {element}>" if lanes > 1 else element


def number(element: str, value: float | int) -> Value:
    """A constant number of a scalar type, exact to its last bit."""
    if element == "half":
        return Value(element, f"0xH{struct.unpack('<H', struct.pack('<e', value))[0]:04X}")
    if element == "float":  # written as the double of the same value
        value = struct.unpack("<f", struct.pack("<f", value))[0]
    if element in ("float", "double"):
        return Value(element, f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}")
    return Value(element, str(int(value)))


def splat_number(type_: str, value: float | int) -> Value:
    """The same constant in each lane of a type; the type may be a scalar."""
    like = Value(type_, "")
    one = number(like.element, value)
    if like.lanes == 1:
        return one
    return Value(type_, f"splat ({one})")


def index(value: int) -> Value:
    """A constant count or place."""
    return Value(INDEX, str(value))


class Loop:
    """A loop that is being written: its counter, and the values that go from turn to turn."""

    def __init__(self, counter: Value, step: Value, carried: list[Value]) -> None:
        self.counter = counter
        self.step = step  # may be set anew in a turn: to where the next one begins
        self.carried = carried  # their values at the start of a turn; after the loop, the last ones
        self.next: list[Value] = []  # to be set before the turn ends


class Function:
    """One function of a module, written from its first instruction to its last."""

    def __init__(
        self, module: Module, name: str, parameters: Sequence[Value], result: str, attributes: str
    ) -> None:
        self.module = module
        self.name = name
        self.parameters = list(parameters)
        self.result = result
        self.attributes = attributes
        self.variables: list[str] = []  # before the first instruction
        self.lines: list[str] = []
        self.names = 0
        self.label = "entry"  # of the block that is being written

    # Instructions

    def new_name(self) -> str:
        self.names += 1
        return f"%v{self.names}"

    def do(self, text: str) -> None:
        """An instruction without a result."""
        self.lines.append(f"  {text}")

    def define(self, type_: str, text: str) -> Value:
        """An instruction whose result has this type."""
        name = self.new_name()
        self.lines.append(f"  {name} = {text}")
        return Value(type_, name)

    def op(self, name: str, a: Value, b: Value) -> Value:
        """An instruction of two operands of one type that gives that type: `fadd`, `mul`, `and`."""
        return self.define(a.type, f"{name} {a}, {b.name}")

    def compare(self, name: str, a: Value, b: Value) -> Value:
        """A comparison, as `fcmp olt` or `icmp slt`, lane by lane."""
        return self.define(vector(TRUTH, a.lanes), f"{name} {a}, {b.name}")

    def select(self, condition: Value, a: Value, b: Value) -> Value:
        """a where the condition holds, else b."""
        return self.define(a.type, f"select {condition}, {a}, {b}")

    def convert(self, name: str, a: Value, element: str) -> Value:
        """A conversion to another type of number: `sitofp`, `fpext`, `zext`, `bitcast`."""
        result = vector(element, a.lanes)
        return self.define(result, f"{name} {a} to {result}")

    def call(self, name: str, result: str, *operands: Value) -> Value:
        """A call that gives a value; intrinsics of LLVM are declared by the way."""
        self.module.declare(name, result, operands)
        return self.define(result, f"call {result} @{name}({', '.join(map(str, operands))})")

    def run(self, name: str, *operands: Value) -> None:
        """A call without a result."""
        self.module.declare(name, "void", operands)
        self.do(f"call void @{name}({', '.join(map(str, operands))})")

    def intrinsic(self, name: str, *operands: Value) -> Value:
        """`llvm.NAME.TYPE` of operands of one type, which is that of the result too."""
        return self.call(f"llvm.{name}.{mangled(operands[0].type)}", operands[0].type, *operands)

    # Numbers

    def add(self, a: Value, b: Value | int) -> Value:
        """a + b of places; constants are added here and now."""
        b = index(b) if isinstance(b, int) else b
        if is_constant(a) and is_constant(b):
            return index(int(a.name) + int(b.name))
        if b.name == "0":
            return a
        return b if a.name == "0" else self.op("add nsw", a, b)

    def times(self, a: Value, factor: int) -> Value:
        """A place times a constant."""
        if is_constant(a):
            return index(int(a.name) * factor)
        if factor == 1:
            return a
        return index(0) if factor == 0 else self.op("mul nsw", a, index(factor))

    def splat(self, a: Value, lanes: int) -> Value:
        """A scalar in each lane."""
        if lanes == 1:
            return a
        type_ = vector(a.type, lanes)
        if not a.name.startswith("%"):
            return Value(type_, f"splat ({a})")
        first = self.define(type_, f"insertelement {type_} poison, {a}, i64 0")
        zeros = f"<{lanes} x i32> zeroinitializer"
        return self.define(type_, f"shufflevector {first}, {type_} poison, {zeros}")

    # Memory

    def place(self, pointer: Value, offset: Value, element: str) -> Value:
        """The address of the element `offset` after the pointer."""
        if offset.name == "0":
            return pointer
        return self.define(POINTER, f"getelementptr {element}, {pointer}, {offset}")

    def load(self, type_: str, pointer: Value, align: int) -> Value:
        return self.define(type_, f"load {type_}, {pointer}, align {align}")

    def store(self, value: Value, pointer: Value, align: int) -> None:
        self.do(f"store {value}, {pointer}, align {align}")

    def variable(self, value: Value) -> Value:
        """Memory for one value, which starts with this constant; `sroa` makes it a register."""
        name = self.new_name()
        self.variables.append(f"  {name} = alloca {value.type}")
        self.variables.append(f"  store {value}, ptr {name}")
        return Value(POINTER, name)

    # Flow

    def begin(self, label: str) -> None:
        """Begin a block; the one before must have ended."""
        self.lines.append(f"{label}:")
        self.label = label

    def new_label(self, what: str) -> str:
        self.names += 1
        return f"{what}{self.names}"

    def go(self, label: str) -> None:
        self.do(f"br label %{label}")

    def branch(self, condition: Value, then: str, otherwise: str) -> None:
        self.do(f"br {condition}, label %{then}, label %{otherwise}")

    def phi(self, *arrivals: tuple[Value, str]) -> Value:
        """The value that belongs to the block from which this one was entered."""
        type_ = arrivals[0][0].type
        pairs = ", ".join(f"[ {value.name}, %{label} ]" for value, label in arrivals)
        return self.define(type_, f"phi {type_} {pairs}")

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """Instructions that run where a condition holds. They define nothing for later."""
        inside, after = self.new_label("then"), self.new_label("after")
        self.branch(condition, inside, after)
        self.begin(inside)
        yield
        self.go(after)
        self.begin(after)

    @contextmanager
    def loop(
        self,
        start: Value,
        stop: Value,
        step: int = 1,
        carried: Sequence[Value] = (),
        may_be_empty: bool = True,
    ) -> Iterator[Loop]:
        """for (counter = start; counter < stop; counter += step).

        What is carried has its starting value here; set `loop.next` to its values at the end
        of a turn, and read `loop.carried` after the loop for the last ones.
        """
        before = self.label
        head, after = self.new_label("loop"), self.new_label("done")
        if may_be_empty and not (is_constant(start) and is_constant(stop)):
            self.branch(self.compare("icmp slt", start, stop), head, after)
        elif may_be_empty and int(start.name) >= int(stop.name):
            # Nothing to do, but the turn that is about to be written needs a place.
            self.branch(Value(TRUTH, "false"), head, after)
        else:
            may_be_empty = False
            self.go(head)
        self.begin(head)
        counter = self.define(INDEX, "phi")
        place = len(self.lines) - 1
        phis = [self.define(value.type, "phi") for value in carried]
        loop = Loop(counter, index(step), list(phis))
        yield loop
        following = self.op("add nsw", counter, loop.step)
        back = self.label
        ends = [(counter, start, following), *zip(phis, carried, loop.next, strict=True)]
        for line, (phi, first, last) in enumerate(ends, place):
            self.lines[line] = (
                f"  {phi.name} = phi {phi.type} [ {first.name}, %{before} ], "
                f"[ {last.name}, %{back} ]"
            )
        self.branch(self.compare("icmp slt", following, stop), head, after)
        self.begin(after)
        if may_be_empty:
            loop.carried = [
                self.define(
                    first.type,
                    f"phi {first.type} [ {first.name}, %{before} ], [ {last.name}, %{back} ]",
                )
                for first, last in zip(carried, loop.next, strict=True)
            ]
        else:
            loop.carried = list(loop.next)

    def ret(self, value: Value | None = None) -> None:
        self.do("ret void" if value is None else f"ret {value}")

    def __str__(self) -> str:
        parameters = ", ".join(map(str, self.parameters))
        head = f"define {self.result} @{self.name}({parameters}) {self.attributes}".rstrip()
        return "\n".join([f"{head} {{", "entry:", *self.variables, *self.lines, "}"])


def is_constant(value: Value) -> bool:
    return not value.name.startswith("%")


def mangled(type_: str) -> str:
    """A type as it stands in the names of LLVM's intrinsics: v16f32."""
    like = Value(type_, "")
    names = {"half": "f16", "float": "f32", "double": "f64", "ptr": "p0"}
    element = names.get(like.element, like.element)
    return f"v{like.lanes}{element}" if like.lanes > 1 else element


class Module:
    """Functions, constants and declarations that become one object.

    Args:
        has_fma: whether the target multiplies and adds in one instruction; where it does not,
            `llvm.fma` would be a call for each number.
    """

    def __init__(self, has_fma: bool = True) -> None:
        self.has_fma = has_fma
        self.functions: dict[str, Function] = {}
        self.declarations: dict[str, str] = {}
        self.globals: dict[str, str] = {}

    def function(
        self,
        name: str,
        parameters: Sequence[Value],
        result: str = "void",
        attributes: str = "nounwind",
        internal: bool = True,
    ) -> Function:
        """Begin a function; one that is not internal can be called from outside."""
        written = Function(self, name, parameters, f"internal {result}" if internal else result,
                           attributes)  # fmt: skip
        self.functions[name] = written
        return written

    def declare(self, name: str, result: str, operands: Sequence[Value]) -> None:
        types = ", ".join(operand.type for operand in operands)
        self.declarations[name] = f"declare {result} @{name}({types})"

    def constant(self, name: str, type_: str, values: Sequence[Value], align: int = 64) -> Value:
        """A table of fixed numbers; the value is its address."""
        body = ", ".join(map(str, values))
        self.globals[name] = (
            f"@{name} = internal unnamed_addr constant [{len(values)} x {type_}] [{body}], "
            f"align {align}"
        )
        return Value(POINTER, f"@{name}")

    def __str__(self) -> str:
        declared = [text for name, text in self.declarations.items() if name not in self.functions]
        return "\n\n".join(
            ["\n".join([*self.globals.values(), *declared]), *map(str, self.functions.values())]
        )

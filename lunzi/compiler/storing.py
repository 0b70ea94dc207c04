"""Which values of a graph are stored in memory, and which are computed where they are used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Sequence

from lunzi.compiler.axes import Axes
from lunzi.core.contraction import Matmul
from lunzi.core.elementwise import (
    Cos,
    Divide,
    Erf,
    Exp,
    Expm1,
    FloorDivide,
    Log,
    Log1p,
    Power,
    Remainder,
    Sigmoid,
    Sin,
    Sqrt,
    Tanh,
)
from lunzi.core.graph import Argument, Constant, Node, State
from lunzi.core.indexing import AddAlongAxis, ScatterAdd, Take, TakeAlongAxis
from lunzi.core.loop import Scan
from lunzi.core.movement import BroadcastTo, Concat, Flip, Pad, PermuteDims, Reshape, Slice
from lunzi.core.primitive import Elementwise
from lunzi.core.random import RandomBits
from lunzi.core.windows import OverlapAdd, Windows

# What an operation costs beside an addition, measured roughly: it decides only whether a value that
# is wanted twice is computed twice.
COSTS = {
    Divide: 4, Sqrt: 4, FloorDivide: 20, Remainder: 20, Exp: 8, Expm1: 12, Log: 10, Log1p: 12,
    Tanh: 12, Sigmoid: 10, Sin: 16, Cos: 16, Erf: 12, Power: 40, RandomBits: 30, Take: 2,
    TakeAlongAxis: 2,
}  # fmt: skip

# A value up to this cost is computed again for each use: cheaper than to store and load it.
CHEAP = 3

LEAVES = Argument | State | Constant
MOVES = Reshape | PermuteDims | BroadcastTo | Slice | Flip | Windows

# Operations whose stages fill memory part by part, each number that they read going to one place.
SCATTERS = Pad | Concat | OverlapAdd | ScatterAdd | AddAlongAxis


def is_inline(node: Node, axes: Axes) -> bool:
    """Whether a value can be computed where it is used, from the values that it needs."""
    if isinstance(node.op, Reshape):
        return not axes.is_stored(node)
    return isinstance(node.op, Elementwise | Take | TakeAlongAxis | RandomBits | MOVES)


def stretches(user: Node, x: Node) -> bool:
    """Whether a user reads the numbers of a value more than once."""
    return user.spec.size > x.spec.size and not isinstance(user.op, SCATTERS)


class Storing:
    """The stored nodes of a graph.

    A reduction, a product and all that is not elementwise stores its result; an elementwise
    value is stored where memory is what its user reads (an operand of a product, the source of
    a gather, a result of the program), and where computing it twice would cost more.

    Args:
        checked: identities of nodes at which a stage looks beside those of their users.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        ends: Sequence[Node],
        axes: Axes,
        checked: Container[int] = (),
    ) -> None:
        self.axes = axes
        self.checked = checked
        self.ids: set[int] = set()
        self.contiguous: set[int] = set()  # stored in C order, for a reshape to see
        self.users: dict[int, list[Node]] = defaultdict(list)
        for node in nodes:
            for x in node.inputs:
                self.users[id(x)].append(node)
        for node in ends:
            self.ids.add(id(node))
        for node in nodes:
            self.require(node)
        self.costs = self.cost_of_each(nodes)
        self.uses: dict[int, int] = {}
        for node in reversed(nodes):
            self.decide(node)

    def __contains__(self, node: Node) -> bool:
        return id(node) in self.ids

    def cost_of_each(self, nodes: Sequence[Node]) -> dict[int, int]:
        """What it costs to compute each inline value, per element, from stored ones."""
        costs: dict[int, int] = {}
        for node in nodes:
            if not is_inline(node, self.axes):
                costs[id(node)] = 0
            else:
                own = 0 if isinstance(node.op, MOVES) else COSTS.get(type(node.op), 1)
                inputs = sum(
                    0 if self.is_surely_stored(x, costs) else costs[id(x)] for x in node.inputs
                )
                costs[id(node)] = min(own + inputs, 1000)
        return costs

    def is_surely_stored(self, x: Node, costs: dict[int, int]) -> bool:
        """Whether a value will be stored, whatever its users are stored or computed again."""
        users = self.users[id(x)]
        is_again = len(users) + (id(x) in self.checked) > 1 or any(
            stretches(user, x) for user in users
        )
        return x in self or (is_again and costs[id(x)] > CHEAP)

    def require(self, node: Node) -> None:
        """Store what an operation reads as memory."""
        if isinstance(node.op, LEAVES):
            return
        if not is_inline(node, self.axes):
            self.ids.add(id(node))
        match node.op:
            case Matmul():
                for x in node.inputs:
                    self.require_address(x)
            case Scan():
                for x in node.inputs:
                    self.require_address(x)
                    if isinstance(x.op, Constant | BroadcastTo):
                        self.ids.add(id(x))  # a single number has no address
            case Take() | TakeAlongAxis():
                self.require_address(node.inputs[0])
            case Reshape() if not is_inline(node, self.axes):
                self.contiguous.add(id(node.inputs[0]))
                if not isinstance(node.inputs[0].op, LEAVES):
                    self.ids.add(id(node.inputs[0]))

    def require_address(self, node: Node) -> None:
        """Store a value, or what it is a view of."""
        while isinstance(node.op, MOVES) and is_inline(node, self.axes) and node not in self:
            node = node.inputs[0]
        if not isinstance(node.op, LEAVES):
            self.ids.add(id(node))

    def decide(self, node: Node) -> None:
        """Count in how many stages a value would be computed, and store it if that is dear."""
        users = self.users[id(node)]
        count = sum(self.uses[id(user)] for user in users) + (id(node) in self.checked)
        cost = self.costs[id(node)]
        is_again = count > 1 or any(stretches(user, node) for user in users)
        if is_again and node not in self and not isinstance(node.op, LEAVES) and cost > CHEAP:
            self.ids.add(id(node))
        self.uses[id(node)] = 1 if node in self or isinstance(node.op, LEAVES) else count


def reading_stages(
    start: Node, users: Callable[[Node], Sequence[Node]], is_stored: Callable[[Node], bool]
) -> list[Node]:
    """The stored nodes whose stages read a value: its users, through those computed inline."""
    found: dict[int, Node] = {}
    seen: set[int] = set()
    waiting = list(users(start))
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if is_stored(node):
            found[id(node)] = node
        else:
            waiting.extend(users(node))
    return list(found.values())

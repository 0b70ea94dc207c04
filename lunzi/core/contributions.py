"""Sums over the steps of a loop, taken after it: how the gradients of weights are computed.

A gradient for what is the same at each step is a sum over the steps. Where each step's share
is a product `a_t^T b_t`, one product of all steps' rows gives the sum; a product at each step
would read and write the whole gradient every time.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from typing import NamedTuple

from lunzi.core.contraction import Matmul
from lunzi.core.elementwise import Add
from lunzi.core.graph import Node
from lunzi.core.movement import Pad
from lunzi.core.primitive import Move, Primitive
from lunzi.core.reduction import Sum
from lunzi.core.tensor import Tensor, bind


class Contribution(NamedTuple):
    """What one term of each step's share adds up to: op over all steps, then moves.

    `op` is None where the steps themselves add the operand up in a carry.
    """

    op: Matmul | Sum | None
    operands: tuple[Node, ...]
    moves: tuple[Primitive, ...]

    def total(self, summed: Callable[[Node], Tensor], stack: Callable[[Node], Tensor]) -> Tensor:
        """The sum over all steps, given sums from carries and stacks of operands."""
        if self.op is None:
            result = summed(self.operands[0])
        elif isinstance(self.op, Matmul):
            result = product_of_all_rows(self.op, *map(stack, self.operands))
        else:
            axes = (0, *(axis + 1 for axis in self.op.axes))
            result = bind(Sum(axes), stack(self.operands[0]))
        for move in self.moves:
            result = bind(move, result)
        return result


def product_of_all_rows(op: Matmul, a: Tensor, b: Tensor) -> Tensor:
    """The sum of the products of all steps.

    Shapes:
        a (T, M, K), b (T, K, N), or exchanged as `op` says -> (M, N)
    """
    if op.transpose_a:
        a = a.reshape(a.shape[0] * a.shape[1], a.shape[2])  # (T K, M)
    else:
        a = a.permute_dims(1, 0, 2).reshape(a.shape[1], a.shape[0] * a.shape[2])  # (M, T K)
    if op.transpose_b:
        b = b.permute_dims(1, 0, 2).reshape(b.shape[1], b.shape[0] * b.shape[2])  # (N, T K)
    else:
        b = b.reshape(b.shape[0] * b.shape[1], b.shape[2])  # (T K, N)
    return bind(op, a, b)


def contributions(
    share: Node, varying: Container[int], is_stacked: Callable[[Node], bool]
) -> list[Contribution]:
    """The terms of one step's share of a gradient.

    Args:
        share: the node of the share in the body of the loop.
        varying: the identities of the nodes that may have another value at each step.
        is_stacked: whether a node's values of all steps are there in any case.
    """
    found = []
    waiting: list[tuple[Node, tuple[Primitive, ...]]] = [(share, ())]
    while waiting:
        node, moves = waiting.pop()
        match node:
            case Node(Add(), (a, b)) if a.spec == b.spec:
                waiting += [(b, moves), (a, moves)]
            case Node(Move() | Pad() as op, (x,)):
                waiting.append((x, (op, *moves)))
            case Node(Matmul() as op, (a, b)) if (
                a.ndim == b.ndim == 2 and id(a) in varying and id(b) in varying
            ):
                found.append(Contribution(op, (a, b), moves))
            case Node(Sum(keepdims=False) as op, (x,)) if is_stacked(x):
                found.append(Contribution(op, (x,), moves))
            case _:
                found.append(Contribution(None, (node,), moves))
    return found


def added_up(tensors: Sequence[Tensor]) -> Tensor:
    result = tensors[0]
    for x in tensors[1:]:
        result = result + x
    return result


def operands_of(terms: Iterable[Contribution]) -> list[Node]:
    """The nodes whose values of all steps are needed, each once."""
    nodes = [node for term in terms if term.op is not None for node in term.operands]
    return list({id(node): node for node in nodes}.values())

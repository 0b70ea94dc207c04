"""Work that the steps of a loop need not do one by one: done once, or for all steps together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lunzi.core.body import Body
from lunzi.core.contraction import Matmul
from lunzi.core.graph import Argument, Constant, Detach, Node, topological
from lunzi.core.indexing import Take
from lunzi.core.movement import PermuteDims, Reshape
from lunzi.core.part import bind_several
from lunzi.core.primitive import Elementwise, Move
from lunzi.core.tensor import Tensor, bind, constant


class Value(NamedTuple):
    """What a node stands for outside the loop: one tensor, or one that holds all steps."""

    tensor: Tensor
    has_steps: bool


def hoisted(
    body: Body, length: int, inputs: Sequence[Tensor], products: bool = True
) -> tuple[Body, list[Tensor]]:
    """The loop without what depends on no carry, as far as that is worth it, and what it reads.

    What is the same at each step is computed once. Products and reads by index of parts with
    what is the same (`x_t W`) become one product of all steps, with the elementwise
    operations and moves around them; without `products` they stay, and take no memory.

    Shapes:
        x_t (B, K), W (K, N): length products -> (length B, K) @ (K, N)
    """
    mapped = batchable(body) if products else {}
    fixed, stacked = frontiers(body, mapped)
    values = evaluated_outside(body, length, inputs, [*fixed, *stacked])
    leaves = body.leaves
    is_read = {id(x) for x in topological(body.outputs, {id(x) for x in (*fixed, *stacked)})}
    read = sorted(index for index, node in leaves.items() if id(node) in is_read)
    parts = [index for index in read if body.carried <= index < body.constants]
    constants = [index for index in read if index >= body.constants]
    given = [
        *inputs[: body.carried],
        *(inputs[index] for index in parts),
        *(values[id(node)].tensor for node in stacked),
        *(inputs[index] for index in constants),
        *(values[id(node)].tensor for node in fixed),
    ]
    same = [*(leaves[index] for index in constants), *fixed]
    if not given:  # every operation has an input
        given = [constant(np.zeros(()))]
        same = [Node(Argument(0), (), given[0].spec)]
    carries = [carry_leaf(body, index) for index in range(body.carried)]
    smaller = Body.of(carries, [*(leaves[index] for index in parts), *stacked], same, body.outputs)
    return smaller, given


def carry_leaf(body: Body, index: int) -> Node:
    """The node of a carry; one that nothing reads where there is none."""
    return body.leaves.get(index) or Node(Argument(index), (), body.arguments[index])


def batchable(body: Body) -> dict[int, bool]:
    """Nodes that depend on parts and can be computed for all steps; is there a product in it?"""
    found: dict[int, bool] = {}
    for node in body.nodes:
        if isinstance(node.op, Argument):
            if body.carried <= node.op.index < body.constants:
                found[id(node)] = False
            continue
        has_steps = [id(x) in found for x in node.inputs]
        is_known = all(id(x) in found or id(x) in body.fixed for x in node.inputs)
        if not any(has_steps) or not is_known:
            continue
        if is_product_of_rows(node, has_steps):
            found[id(node)] = True
        elif isinstance(node.op, Elementwise | Detach | Reshape | PermuteDims):
            found[id(node)] = any(found.get(id(x), False) for x in node.inputs)
    return found


def is_product_of_rows(node: Node, has_steps: list[bool]) -> bool:
    """Whether each row of the one input that differs from step to step meets the same matrix."""
    match node:
        case Node(Matmul(transpose_a=False), (a, b)):
            return a.ndim == b.ndim == 2 and has_steps == [True, False]
        case Node(Take(axis=0)):
            return has_steps == [False, True]
    return False


def frontiers(body: Body, mapped: dict[int, bool]) -> tuple[list[Node], list[Node]]:
    """The nodes whose values the loop is given: those that are fixed, and those of all steps."""
    products = {key for key, has_product in mapped.items() if has_product}
    leaving = {id(node) for node in body.nodes if id(node) in products or is_computed(body, node)}
    read = {id(x) for node in body.nodes if id(node) not in leaving for x in node.inputs}
    read |= {id(node) for node in body.outputs}
    ends = [node for node in body.nodes if id(node) in leaving & read]
    fixed = [node for node in ends if id(node) in body.fixed]
    return fixed, [node for node in ends if id(node) not in body.fixed]


def is_computed(body: Body, node: Node) -> bool:
    """Whether a node is the same at each step and takes work."""
    if isinstance(node.op, Constant):
        return node.op.array.size > 1  # the loop is given memory; a number is part of the code
    # A move stays: it is a matter of addresses where it is read.
    is_free = isinstance(node.op, Move | Argument | Detach)
    return id(node) in body.fixed and not is_free


def evaluated_outside(
    body: Body, length: int, inputs: Sequence[Tensor], ends: Sequence[Node]
) -> dict[int, Value]:
    """The values of nodes, for all steps at once where they depend on the step."""
    values: dict[int, Value] = {}
    for node in topological(ends):
        match node.op:
            case Argument(index):
                value = Value(inputs[index], index < body.constants)
            case Constant(array):
                value = Value(constant(array), False)
            case _:
                given = [values[id(x)] for x in node.inputs]
                value = together(node, given, length)
        values[id(node)] = value
    return values


def together(node: Node, given: Sequence[Value], length: int) -> Value:
    """The value of one node from those of its inputs."""
    op = node.op
    tensors = [value.tensor for value in given]
    if isinstance(op, Detach):  # outside, the tape alone knows of it
        return Value(tensors[0].detach(), given[0].has_steps)
    if not any(value.has_steps for value in given):
        is_row = node.dtype.kind == "O"
        return Value(bind_several(op, tensors) if is_row else bind(op, *tensors), False)
    match op:
        case Matmul():
            rows, columns = node.shape
            flat = tensors[0].reshape(length * rows, tensors[0].shape[-1])
            result = bind(op, flat, tensors[1]).reshape(length, rows, columns)
        case Reshape(shape):
            result = bind(Reshape((length, *shape)), *tensors)
        case PermuteDims(axes):
            result = bind(PermuteDims((0, *(axis + 1 for axis in axes))), *tensors)
        case Elementwise():
            result = bind(op, *(aligned(value, node.ndim) for value in given))
        case _:
            result = bind(op, *tensors)
    return Value(result, True)


def aligned(value: Value, ndim: int) -> Tensor:
    """A tensor of all steps whose other axes meet those of a result with `ndim` axes."""
    x = value.tensor
    missing = ndim - (x.ndim - 1)
    if not value.has_steps or not missing:
        return x
    return x.reshape(x.shape[0], *(1,) * missing, *x.shape[1:])

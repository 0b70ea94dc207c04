"""einsum, composed of moves, sums and one matmul for each pair of operands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from lunzi.core.errors import KindError, ShapeError
from lunzi.core.functions import as_tensors
from lunzi.core.spec import size_of
from lunzi.core.tensor import Tensor


def einsum(equation: str, *operands: Any) -> Tensor:
    """Sums of products, by Einstein's convention: `einsum("bik,bkj->bij", a, b)`.

    A letter names an axis. Letters that the result lacks are summed over; without `->` the
    result has the letters that stand once, in alphabetical order. A letter twice in one
    operand takes its diagonal. `...` stands for first axes that broadcast.

    Raises:
        KindError: when the equation is no text.
        ShapeError: when the equation does not fit the operands, or a letter has two lengths.
    """
    if not isinstance(equation, str):
        raise KindError(f"einsum begins with an equation, got {type(equation).__name__}")
    tensors = as_tensors(operands)
    inputs, output = parse(equation, tensors)
    pending = [diagonals(x, letters) for x, letters in zip(tensors, inputs, strict=True)]
    check_lengths(equation, pending)
    first, letters = pending[0]
    for number, (second, others) in enumerate(pending[1:], 2):
        needed = set(output).union(*(later for _, later in pending[number:]))
        first, letters = contract(first, letters, second, others, needed)
    first, letters = sum_out(first, letters, set(output))
    return first.permute_dims([letters.index(letter) for letter in output])


def parse(equation: str, tensors: Sequence[Tensor]) -> tuple[list[str], str]:
    """The letters of each operand and of the result; `...` becomes capital Greek letters."""
    left, arrow, output = equation.replace(" ", "").partition("->")
    inputs = left.split(",")
    if len(inputs) != len(tensors):
        raise ShapeError(f"einsum {equation!r} names {len(inputs)} operands, got {len(tensors)}")
    dots = [x.ndim - len(term.replace("...", "")) for term, x in zip(inputs, tensors, strict=True)]
    spare = [chr(code) for code in range(0x391, 0x391 + max((0, *dots)))]
    for place, (term, count, x) in enumerate(zip(inputs, dots, tensors, strict=True)):
        if term.count("...") > 1:
            raise ShapeError(f"einsum {equation!r}: ... stands twice in {term!r}")
        if count < 0 or (count and "..." not in term):
            raise ShapeError(f"einsum {equation!r}: {term!r} does not name the axes of {x.shape}")
        inputs[place] = term.replace("...", "".join(spare[len(spare) - count :]))
    counts = Counter("".join(inputs))
    if not arrow:
        output = "".join(spare) + "".join(
            sorted(letter for letter, n in counts.items() if n == 1 and letter not in spare)
        )
    output = output.replace("...", "".join(spare))
    wrong = [letter for letter in counts | Counter(output) if not letter.isalpha()]
    if wrong or set(output) - set(counts) or len(set(output)) < len(output):
        raise ShapeError(
            f"einsum {equation!r}: the result takes letters of the operands, each once"
        )
    return inputs, output


def check_lengths(equation: str, operands: Sequence[tuple[Tensor, str]]) -> None:
    lengths: dict[str, int] = {}
    for x, letters in operands:
        for letter, length in zip(letters, x.shape, strict=True):
            if lengths.setdefault(letter, length) not in (length, 1) and length != 1:
                raise ShapeError(
                    f"einsum {equation!r}: axis {letter} has lengths {lengths[letter]} and {length}"
                )


def diagonals(x: Tensor, letters: str) -> tuple[Tensor, str]:
    """Each letter once: a letter that stands twice takes the diagonal of its two axes."""
    for letter in dict.fromkeys(letters):
        while letters.count(letter) > 1:
            i = letters.index(letter)
            j = letters.index(letter, i + 1)
            rest = [axis for axis in range(x.ndim) if axis not in (i, j)]
            length = x.shape[i]
            if x.shape[j] != length:
                raise ShapeError(f"a diagonal needs equal lengths, got {x.shape[i]}, {x.shape[j]}")
            square = x.permute_dims([i, j, *rest]).flatten(0, 1)
            x = square.take(np.arange(length) * (length + 1), 0)
            letters = letter + "".join(letters[axis] for axis in rest)
    return x, letters


def sum_out(x: Tensor, letters: str, needed: set[str]) -> tuple[Tensor, str]:
    axes = [axis for axis, letter in enumerate(letters) if letter not in needed]
    kept = "".join(letter for letter in letters if letter in needed)
    return (x.sum(axes) if axes else x), kept


def contract(
    a: Tensor, a_letters: str, b: Tensor, b_letters: str, needed: set[str]
) -> tuple[Tensor, str]:
    """Two operands into one, as a stack of matrix products."""
    a, a_letters = sum_out(a, a_letters, needed | set(b_letters))
    b, b_letters = sum_out(b, b_letters, needed | set(a_letters))
    shared = [letter for letter in a_letters if letter in b_letters]
    batch = [letter for letter in shared if letter in needed]
    inner = [letter for letter in shared if letter not in needed]
    rows = [letter for letter in a_letters if letter not in shared]
    columns = [letter for letter in b_letters if letter not in shared]
    # Lengths of 1 stretch to the other operand's.
    lengths = dict(zip(b_letters, b.shape, strict=True))
    for letter, length in zip(a_letters, a.shape, strict=True):
        lengths[letter] = length if length != 1 else lengths.get(letter, 1)
    left = arranged(a, a_letters, [batch, rows, inner], lengths)
    right = arranged(b, b_letters, [batch, inner, columns], lengths)
    product = left.matmul(right)
    order = [*batch, *rows, *columns]
    return product.reshape([lengths[letter] for letter in order]), "".join(order)


def arranged(
    x: Tensor, letters: str, groups: Sequence[Sequence[str]], lengths: dict[str, int]
) -> Tensor:
    """The axes in this order, each group as one axis."""
    order = [letter for group in groups for letter in group]
    x = x.permute_dims([letters.index(letter) for letter in order])
    x = x.broadcast_to([lengths[letter] for letter in order])
    return x.reshape([size_of([lengths[letter] for letter in group]) for group in groups])

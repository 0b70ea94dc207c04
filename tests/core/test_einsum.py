"""einsum against NumPy's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lunzi as lz

LENGTHS = {"a": 2, "b": 3, "c": 1, "d": 4, "e": 2}


@st.composite
def equations(draw):
    """Terms of up to four letters, and a result of some of them in any order."""
    term = st.lists(st.sampled_from(sorted(LENGTHS)), max_size=4).map("".join)
    terms = draw(st.lists(term, min_size=1, max_size=3))
    if draw(st.booleans()):
        return ",".join(terms)
    letters = sorted(set("".join(terms)))
    chosen = draw(st.lists(st.sampled_from(letters), unique=True)) if letters else []
    return ",".join(terms) + "->" + "".join(chosen)


def operands(equation, rng):
    terms = equation.partition("->")[0].split(",")
    return [rng.standard_normal([LENGTHS[letter] for letter in term]) for term in terms]


@settings(deadline=None, derandomize=True, max_examples=300)
@given(equations())
def test_agrees_with_numpy(equation):
    rng = np.random.default_rng(0)
    arrays = operands(equation, rng)
    expected = np.einsum(equation, *arrays)
    tensors = [lz.tensor(array, requires_grad=True) for array in arrays]
    result = lz.einsum(equation, *tensors)
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=1e-10, atol=1e-10)
    weights = rng.standard_normal(expected.shape)
    (result * weights).sum().backward()
    for place, tensor in enumerate(tensors):
        move = rng.standard_normal(tensor.shape)
        moved = [*arrays[:place], move, *arrays[place + 1 :]]
        np.testing.assert_allclose(
            (tensor.grad * move).sum().item(),
            (np.einsum(equation, *moved) * weights).sum(),
            rtol=1e-8,
            atol=1e-8,
        )


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("bik,bkj->bij", [(5, 2, 3), (5, 3, 4)]),
        ("...ij,...jk->...ik", [(5, 2, 3), (3, 4)]),
        ("...ij,...jk->...ik", [(5, 1, 2, 3), (6, 3, 4)]),
        ("i...,i...->...", [(3, 2), (3, 2)]),
        ("...i->...", [(2, 3)]),
        ("...", [(2, 3)]),
        ("i j , j k -> i k", [(2, 3), (3, 4)]),
        ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 5)]),
        ("ii", [(3, 3)]),
        ("ii->i", [(3, 3)]),
        ("iij->j", [(3, 3, 2)]),
        ("iii->i", [(3, 3, 3)]),
        ("i,j->ji", [(2,), (3,)]),
        (",i->i", [(), (3,)]),
        ("ij->", [(2, 3)]),
        ("ba", [(2, 3)]),
        ("ij,ij->ij", [(1, 3), (2, 3)]),
        ("ij,jk->ik", [(2, 0), (0, 3)]),
        ("bhqd,bhkd->bhqk", [(2, 3, 4, 5), (2, 3, 6, 5)]),
    ],
)
def test_worked_equations(equation, shapes, rng):
    arrays = [rng.standard_normal(shape) for shape in shapes]
    np.testing.assert_allclose(
        lz.einsum(equation, *arrays), np.einsum(equation, *arrays), atol=1e-12
    )


@pytest.mark.parametrize(
    ("equation", "shapes", "text"),
    [
        ("ij,jk", [(2, 3)], "names 2 operands, got 1"),
        ("ij", [], "names 1 operands, got 0"),
        ("ijk", [(2, 3)], "'ijk' does not name the axes of"),
        ("i", [(2, 3)], "does not name the axes"),
        ("ij->k", [(2, 3)], "letters of the operands, each once"),
        ("ij->ii", [(2, 3)], "each once"),
        ("i1", [(2, 3)], "letters of the operands"),
        ("ij,jk", [(2, 3), (4, 5)], "axis j has lengths 3 and 4"),
        ("ii", [(2, 3)], "a diagonal needs equal lengths, got 2, 3"),
        ("i......", [(2, 3)], r"\.\.\. stands twice"),
        ("i.j", [(2, 3)], "'i.j' does not name the axes"),
        ("ij->i->j", [(2, 3)], "letters of the operands"),
        ("i.", [(2, 3)], "letters of the operands"),
    ],
)
def test_refuses_an_equation_that_does_not_fit(equation, shapes, text):
    with pytest.raises(lz.ShapeError, match=text):
        lz.einsum(equation, *map(lz.zeros, shapes))


def test_refuses_a_tensor_in_the_place_of_the_equation():
    with pytest.raises(lz.KindError, match="einsum begins with an equation, got Tensor"):
        lz.einsum(lz.ones(2), lz.ones(2))


def test_numbers_take_the_dtype_of_a_tensor_among_them():
    assert lz.einsum("i,i->", [0.1], lz.ones(1, "float64")).item() == 0.1

"""State and mutation: assign is the one way to change a tensor, and nothing goes stale unseen."""

import numpy as np
import pytest

import lunzi as lz
from lunzi.core.spec import DTYPES


def test_assign_copies_into_the_same_memory():
    array = np.zeros((2, 3), "float32").T
    x = lz.Tensor(array)
    value = np.arange(6.0).reshape(3, 2)
    assert x.assign(value) is x
    np.testing.assert_array_equal(array, value)
    value[:] = 9
    assert x.numpy()[0, 0] == 0
    assert np.shares_memory(x.numpy(), array)


@pytest.mark.parametrize("value", [7, 7.0, True, [1.0, 2.0], np.float64(0.5), np.ones(2, "int32")])
def test_assign_takes_numbers_lists_and_arrays(value):
    x = lz.zeros(2, "float64")
    x.assign(value)
    np.testing.assert_array_equal(x, np.broadcast_to(np.asarray(value, "float64"), 2))


def test_assign_keeps_all_digits_of_pythons_numbers():
    x = lz.zeros(1, "float64")
    assert x.assign([0.1]).item() == x.assign(0.1).item() == 0.1


def test_other_names_of_assign():
    x = lz.ones(2)
    assert x.fill_(3).tolist() == [3, 3]
    assert x.copy_([4, 5]).tolist() == [4, 5]
    assert x.zero_().tolist() == [0, 0]


@pytest.mark.parametrize("target", DTYPES, ids=str)
@pytest.mark.parametrize("source", DTYPES, ids=str)
def test_assign_converts_within_a_kind_and_to_wider_kinds(source, target):
    x = lz.zeros(2, target)
    if np.can_cast(source, target, "same_kind"):
        assert x.assign(np.ones(2, source)).tolist() == [1, 1]
    else:
        with pytest.raises(lz.KindError, match=rf"got {source}: convert with astype\('{target}'\)"):
            x.assign(np.ones(2, source))


@pytest.mark.parametrize(
    "value", [np.ones(3), np.ones((2, 1)), np.ones((1, 2)), [[1.0, 2.0]], [1.0]]
)
def test_assign_refuses_another_shape(value):
    x = lz.zeros(2)
    with pytest.raises(lz.ShapeError, match=r"assign to a tensor of shape \(2,\) got shape"):
        x.assign(value)
    assert x.tolist() == [0, 0]


def test_assign_refuses_what_does_not_fit_in_the_dtype():
    with pytest.raises(lz.RangeError, match="300 does not fit in uint8"):
        lz.zeros(2, "uint8").assign(300)


def test_assign_detaches_the_value():
    w = lz.ones(2, requires_grad=True)
    x = lz.zeros(2)
    x.assign(w * 3)
    assert not x.requires_grad
    assert x.is_leaf


def test_assign_from_itself_turned_around():
    x = lz.tensor([[1.0, 2.0], [3.0, 4.0]])
    x.assign(x.T)
    assert x.tolist() == [[1, 3], [2, 4]]
    y = lz.tensor([1.0, 2.0, 3.0])
    y.assign(y.flip())
    assert y.tolist() == [3, 2, 1]


def test_assign_refuses_read_only_memory():
    array = np.ones(2)
    array.flags.writeable = False
    with pytest.raises(lz.StateError, match=r"memory is read-only: assign to a copy\(\)"):
        lz.Tensor(array).assign(0)


def test_assign_refuses_a_computed_tensor():
    y = lz.ones(2, requires_grad=True) * 2
    with pytest.raises(lz.GradientError, match="was computed, and backward needs its numbers"):
        y.assign(0)
    with lz.no_grad():
        z = lz.ones(2, requires_grad=True) * 2
        z.assign(0)
        assert z.tolist() == [0, 0]


MOVES = {
    "reshape": lambda x: x.reshape(3, 2),
    "a reshape that copies": lambda x: x.T.reshape(6),
    "transpose": lambda x: x.T,
    "slice": lambda x: x[:1],
    "row": lambda x: x[0],
    "everything": lambda x: x[:],
    "flip": lambda x: x.flip(),
    "broadcast": lambda x: x.broadcast_to(1, 2, 3),
    "large broadcast": lambda x: x.broadcast_to(10_000, 2, 3),
    "detach": lambda x: x.detach(),
    "a view of a view": lambda x: x.T[0].reshape(2, 1),
    "windows": lambda x: lz.sliding_windows(x, 2),
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_a_view_is_not_assigned(move):
    x = lz.zeros((2, 3))
    with pytest.raises(lz.StateError, match="looks at the memory of another one"):
        move(x).assign(1)
    assert x.tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_a_view_is_stale_once_its_base_is_assigned(move):
    x = lz.zeros((2, 3))
    view = move(x)
    kept = view.copy()
    x.assign(1)
    for look in (lambda: view.numpy(), lambda: view + 1, lambda: np.asarray(view), view.sum):
        with pytest.raises(lz.StateError, match="was assigned since"):
            look()
    assert kept.numpy().max() == 0
    assert move(x).numpy().min() == 1


def test_a_stale_view_cannot_be_viewed_again():
    x = lz.zeros(3)
    view = x.detach()
    x.assign(1)
    for look in (view.detach, lambda: view[0], lambda: view.reshape(1, 3)):
        with pytest.raises(lz.StateError, match="was assigned since"):
            look()


def test_what_is_no_view_can_be_assigned():
    x = lz.zeros((2, 3))
    for y in (x.copy(), +x, x[[0, 1]], x.take([0, 1]), x.astype("float32"), x.clip(0), x + 0):
        y.assign(1)
        assert x.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_a_state_that_is_seen_through_an_array_shows_new_numbers():
    x = lz.zeros(2)
    array = x.numpy()
    x.assign([1.0, 2.0])
    assert array.tolist() == [1, 2]


# Versions: backward refuses what would be wrong


@pytest.mark.parametrize(
    "use",
    [
        lambda w, x: w * x,
        lambda w, x: x.exp() * w,
        lambda w, x: lz.where(w > 0, w, x) * x,
        lambda w, x: w.take([0, 0]) + x * w.exp(),
        lambda w, x: w + x,
    ],
)
@pytest.mark.parametrize("changed", ["w", "x"])
def test_backward_refuses_an_input_that_was_assigned_after_its_use(use, changed):
    w, x = lz.ones(2, requires_grad=True), lz.ones(2, requires_grad=True)
    loss = use(w, x).sum()
    {"w": w, "x": x}[changed].assign(5)
    with pytest.raises(
        lz.GradientError, match=r"input \d of \w+\(.*was assigned after it was used"
    ):
        loss.backward()
    assert w.grad is None
    assert x.grad is None


def test_backward_refuses_a_view_whose_base_was_assigned():
    w = lz.ones((2, 2), requires_grad=True)
    x = lz.ones((2, 2))
    loss = (w * x.T).sum()
    x.assign(5)
    with pytest.raises(lz.StateError, match="was assigned since"):
        loss.backward()
    assert w.grad is None


def test_an_assign_before_the_use_is_fine():
    w = lz.ones(2, requires_grad=True)
    w.assign([2.0, 3.0])
    (w * w).sum().backward()
    assert w.grad.tolist() == [4, 6]
    w.assign(0)
    assert w.grad.tolist() == [4, 6]


def test_an_assign_to_what_the_tape_does_not_hold_is_fine():
    w = lz.ones(2, requires_grad=True)
    x = lz.ones(2)
    loss = (w + x.copy()).sum()
    x.assign(9)
    loss.backward()
    assert w.grad.tolist() == [1, 1]


def test_a_second_backward_over_a_kept_tape_refuses_an_assign_in_between():
    w = lz.ones(2, requires_grad=True)
    loss = (w * w).sum()
    loss.backward(retain_graph=True)
    w.assign(2)
    with pytest.raises(lz.GradientError, match="was assigned after it was used"):
        loss.backward()


# The gradient slot


def test_the_gradient_slot_takes_a_tensor_like_its_own_or_none():
    x = lz.zeros((2, 3), requires_grad=True)
    gradient = lz.ones((2, 3))
    x.grad = gradient
    assert x.grad is gradient
    x.grad = None
    assert x.grad is None


@pytest.mark.parametrize(
    ("gradient", "error", "text"),
    [
        (lz.ones(2), lz.ShapeError, r"a tensor float32\[3\] .* got float32\[2\]"),
        (lz.ones(3, "float64"), lz.ShapeError, r"got float64\[3\]"),
        (np.ones(3), lz.KindError, "a gradient is a tensor or None, got ndarray"),
        (0, lz.KindError, "a gradient is a tensor or None, got int"),
    ],
    ids=str,
)
def test_the_gradient_slot_refuses_all_else(gradient, error, text):
    x = lz.zeros(3, requires_grad=True)
    with pytest.raises(error, match=text):
        x.grad = gradient


def test_gradients_have_memory_of_their_own():
    x, y = lz.ones(2, requires_grad=True), lz.ones(2, requires_grad=True)
    given = lz.tensor([3.0, 4.0])
    (x + y).backward(given)
    x.grad.zero_()
    assert y.grad.tolist() == [3, 4]
    assert given.tolist() == [3, 4]


def test_a_gradient_that_came_as_a_view_can_be_assigned():
    w = lz.ones((2, 3), requires_grad=True)
    for loss in (w.sum(), w.T.sum(), (w.T * lz.ones((3, 2))).sum(), w.broadcast_to(1, 2, 3).sum()):
        w.grad = None
        loss.backward()
        w.grad.zero_()
        assert w.grad.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_gradients_of_functions_have_memory_of_their_own():
    dx, dy = lz.grad(lambda x, y: (x + y).sum(), (0, 1))(lz.ones(2), lz.ones(2))
    dx.assign(0)
    assert dy.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("uint8", np.array([300])), ("int32", np.array([2**40])), ("int32", np.uint32([2**31]))],
)
def test_assign_refuses_integers_that_would_wrap_around(dtype, value):
    x = lz.tensor([7], dtype)
    with pytest.raises(lz.LunziError, match=r"does not fit|convert with astype"):
        x.assign(value)
    assert x.tolist() == [7]
    assert x.assign(np.array([9], "uint8")).tolist() == [9]

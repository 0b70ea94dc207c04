"""Native programs: their way in, the memories they work on, and what is kept of them."""

import pickle

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn, optim
from lunzi.compiler.executable import Native, Parts
from lunzi.core.errors import PositionError


def scaled():
    """A compiled function with state, and its state."""
    factor = lz.tensor([1.0, 2.0, 3.0])

    @lz.compile
    def scale(x):
        factor.assign(factor + 1)
        return x * factor

    return scale, factor


def first_network():
    """The first network with a compiled step, and its model and optimiser."""
    lz.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.Sigmoid(), nn.Linear(3, 1), nn.Sigmoid())
    optimizer = optim.SGD(model.parameters(), lr=0.5)

    def step(x, y):
        loss = ((y - model(x)) ** 2).sum() * 0.5
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step, model, optimizer


X, Y = np.array([[0.5, 0.8]], np.float32), np.array([[0.2]], np.float32)


def test_a_program_on_one_thread_has_a_quick_way_in():
    scale, _ = scaled()
    scale(np.ones(3, np.float32))
    assert isinstance(scale.last.backend, Native)
    assert scale.last.enter is not None


@pytest.mark.parametrize(
    "x",
    [
        np.ones(3, np.float64),
        np.ones(3, np.int32),
        np.ones((2, 3), np.float32),
        np.ones(6, np.float32)[::2],
        np.ones((3, 2), np.float32)[:, 0],
        np.frombuffer(bytes(13), np.float32, 3, 1),
        pickle.loads(pickle.dumps(np.ones(3, np.float32))),
    ],
    ids=["float64", "int32", "shape", "every second", "column", "unaligned", "pickled"],
)
def test_what_the_quick_way_refuses_gives_what_the_function_gives(x):
    scale, factor = scaled()
    eager, its_factor = scaled()
    scale(np.ones(3, np.float32))
    eager.function(lz.tensor(np.ones(3, np.float32)))
    result = scale(x)
    np.testing.assert_array_equal(result.numpy(), eager.function(lz.tensor(x)).numpy())
    np.testing.assert_array_equal(factor.numpy(), its_factor.numpy())


def test_the_state_itself_as_an_argument_is_copied():
    scale, factor = scaled()
    scale(np.ones(3, np.float32))
    for argument in (factor, factor.payload, factor.payload[:]):
        before = factor.numpy().copy()
        np.testing.assert_array_equal(scale(argument).numpy(), before * (before + 1))


def test_numbers_written_into_the_state_from_outside_are_seen():
    scale, factor = scaled()
    scale(np.ones(3, np.float32))
    factor.payload[:] = 10
    np.testing.assert_array_equal(scale(np.ones(3, np.float32)).numpy(), [11, 11, 11])
    factor.assign([0, 1, 2])
    np.testing.assert_array_equal(scale(np.ones(3, np.float32)).numpy(), [1, 2, 3])


def test_a_converted_model_gets_another_program():
    step, model, _ = first_network()
    compiled = lz.compile(step)
    compiled(X, Y)
    model.double()
    assert compiled(X.astype(np.float64), Y.astype(np.float64)).dtype == np.float64
    assert len(compiled.programs) == 2


def test_two_networks_with_one_graph_keep_their_own_numbers():
    one, other = first_network(), first_network()
    other[1][0].weight.assign(one[1][0].weight * 2)
    expected = [float(step(lz.tensor(X), lz.tensor(Y))) for step, _, _ in (one, other)]
    one, other = first_network(), first_network()
    other[1][0].weight.assign(one[1][0].weight * 2)
    found = [float(lz.compile(step)(X, Y)) for step, _, _ in (one, other)]
    assert found == pytest.approx(expected, rel=1e-6)
    assert found[0] != found[1]


def test_results_are_fresh_memory_at_each_call():
    scale, _ = scaled()
    first = scale(np.ones(3, np.float32))
    kept = first.numpy().copy()
    scale(np.ones(3, np.float32))
    np.testing.assert_array_equal(first.numpy(), kept)


def test_an_index_outside_is_found_by_the_quick_way_too():
    table = lz.tensor([1.0, 2.0, 3.0])
    pick = lz.compile(lambda i: table[i] * 2)
    np.testing.assert_array_equal(pick(np.array([0, -1])).numpy(), [2, 6])
    for _ in range(2):
        with pytest.raises(PositionError, match="index 3 is out of bounds"):
            pick(np.array([0, 3]))
        np.testing.assert_array_equal(pick(np.array([1, 2])).numpy(), [4, 6])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_program_for_several_threads_has_the_same_bits_with_any_number(count, rng):
    x = rng.standard_normal((300, 300)).astype(np.float32)
    product = lz.compile(lambda x: (x @ x).exp().sum(axis=1))
    before = lz.get_num_threads()
    lz.set_num_threads(1)
    alone = product(x).numpy().copy()
    lz.set_num_threads(count)
    try:
        for _ in range(3):
            np.testing.assert_array_equal(product(x).numpy(), alone)
    finally:
        lz.set_num_threads(before)


def test_what_is_kept_of_a_program_is_read_again():
    constants = [np.arange(3, dtype=np.int64), np.float32([0.5])]
    parts = Parts(128, 64, True, 9, 5, True, constants)
    again, code = Parts.unpacked(parts.packed(b"code"))
    assert code == b"code"
    assert (again.arena_bytes, again.scratch_bytes, again.is_serial) == (128, 64, True)
    assert (again.turns, again.stages, again.checks) == (9, 5, parts.checks)
    for found, expected in zip(again.constants, constants, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_versions_of_what_was_assigned_rise():
    scale, factor = scaled()
    scale(np.ones(3, np.float32))
    before = factor.version
    scale(np.ones(3, np.float32))
    assert factor.version > before


def test_a_long_loop_lets_other_threads_go_on():
    xs = np.ones((100_000, 2), np.float32)
    total = lz.compile(lambda xs: lz.scan(lambda c, x: (c * 0.5 + x, ()), xs[0], xs)[0])
    np.testing.assert_allclose(total(xs).numpy(), [2, 2])
    native = total.last.backend
    assert isinstance(native, Native)
    assert not native.is_brief
    assert native.quick_steps < 100


def test_negative_powers_of_whole_numbers_are_refused_as_eagerly():
    total = lz.tensor([0, 0])

    @lz.compile
    def step(x, y):
        total.assign(total + x)
        return x**y

    x = lz.tensor([2, 3])
    assert step(x, lz.tensor([5, 0])).tolist() == [32, 1]
    assert isinstance(step.last.backend, Native)
    with pytest.raises(lz.RangeError, match=r"test_executable\.py:\d+: .*negative integer powers"):
        step(x, lz.tensor([1, -1]))
    assert total.tolist() == [2, 3]


def test_a_negative_power_that_is_fixed_is_refused_at_the_call():
    raised = lz.compile(lambda x: x ** np.array([1, -2]))
    for _ in range(2):
        with pytest.raises(lz.RangeError, match="negative integer powers"):
            raised(lz.tensor([2, 3]))

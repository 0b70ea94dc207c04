"""step.cost(): what each region of a program costs, measured on copies."""

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn, optim
from lunzi.compiler.cost import HEADS, Cost, RegionCost, in_time, made_up
from lunzi.compiler.measure import counter_of
from lunzi.core.errors import StateError

X, Y = np.ones((64, 100), np.float32), np.arange(64) % 4


@pytest.fixture(scope="module")
def network():
    """A compiled step after one call, and the tensors that it writes."""
    lz.manual_seed(0)
    model = nn.Sequential(nn.Linear(100, 80), nn.ReLU(), nn.Linear(80, 4))
    optimizer = optim.AdamW(model.parameters(), lr=0.1)

    @lz.compile
    def step(x, y):
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    step(X, Y)
    return step, [*model.parameters()]


def test_nothing_that_anybody_sees_changes(network):
    step, tensors = network
    before = [(x.numpy().copy(), x.version) for x in tensors]
    memories = [np.array(x) for x in step.shown().memories]
    x = X.copy()
    step.cost()
    step.cost(x, Y)
    np.testing.assert_array_equal(x, X)
    for tensor, (numbers, version) in zip(tensors, before, strict=True):
        np.testing.assert_array_equal(tensor.numpy(), numbers)
        assert tensor.version == version
    for memory, numbers in zip(step.shown().memories, memories, strict=True):
        np.testing.assert_array_equal(memory, numbers)


def test_regions_add_up_to_the_whole(network):
    cost = network[0].cost(threads=1)
    assert cost.threads == 1
    assert all(region.seconds >= 0 for region in cost.regions)
    assert [region.number for region in cost.regions] == list(range(len(cost.regions)))
    assert cost.seconds > 0
    total = sum(region.seconds for region in cost.regions)
    assert cost.seconds / 5 < total < 5 * cost.seconds  # a loaded machine disturbs either
    assert cost.peak_flops > 1e8
    assert cost.peak_bandwidth > 1e8
    assert cost.peak_memory > X.nbytes + Y.nbytes


def test_products_and_updates_are_counted(network):
    cost = network[0].cost(threads=1)
    products = 2 * 64 * (2 * 100 * 80 + 3 * 80 * 4)  # the first layer's input needs no gradient
    updates = 10 * (100 * 80 + 80 * 4)  # of AdamW, at least
    assert products + updates < cost.flops < 2 * (products + updates)
    parameters = 4 * (100 * 80 + 80 * 4 + 84)
    assert cost.nbytes > 6 * parameters  # weight and two moments, read and written


def test_a_small_program_is_one_region():
    double = lz.compile(lambda x: x * 2 + 1)
    double(np.ones(8, np.float32))
    cost = double.cost()
    (region,) = cost.regions
    assert region.operations == ("Multiply", "Add")
    assert region.flops == 16
    assert region.nbytes == 64
    assert region.lines.startswith("test_measure.py:")
    assert 0 < region.seconds < 1e-3


def test_a_loop_counts_every_step():
    total = lz.compile(lambda x: lz.scan(lambda s, p: (s * 2 + p, None), x[0], x)[0])
    x = np.ones((50, 200, 30), np.float32)
    total(x)
    cost = total.cost()
    assert cost.flops == 50 * 2 * 200 * 30


def test_arguments_need_no_call_before():
    calls = lz.tensor(0)

    @lz.compile
    def step(x):
        calls.assign(calls + 1)
        return x.exp()

    with pytest.raises(StateError, match="before its first call"):
        step.cost()
    assert step.cost(np.ones(100, np.float32)).regions
    assert calls.item() == 0


@pytest.mark.parametrize("threads", [0, -1, 10**6, 1.5])
def test_a_number_of_threads_that_cannot_be(network, threads):
    with pytest.raises(lz.LunziError, match="number of threads"):
        network[0].cost(threads=threads)


def test_what_runs_in_the_interpreter_is_not_measured(built):
    double = lz.compile(lambda x: x * 2)
    double(X)
    with pytest.raises(StateError, match="interpreter"):
        double.cost()


def test_a_processor_without_a_known_counter_is_named():
    with pytest.raises(StateError, match="riscv64"):
        counter_of("riscv64-unknown-linux-gnu")


# The table

COST = Cost(
    (
        RegionCost(0, 0, ("Matmul", "Add"), "net.py:3, 4", 1e-4, 8_000_000, 4_000_000),
        RegionCost(1, 1, tuple(f"Operation{n}" for n in range(9)), "net.py:7", 3e-4, 0, 2_400_000),
    ),
    4.2e-4,
    2,
    200e9,
    40e9,
    1_234_567,
)


def test_the_table_has_a_row_for_each_region_and_their_sum():
    head, rule, first, second, total, *facts = str(COST).splitlines()
    assert head.split() == " ".join(HEADS).split()
    assert set(rule) == {"-"}
    assert first.split()[:9] == ["region", "0", "100", "us", "25%", "80", "40%", "40", "100%"]
    assert first.split("%")[-1].split() == ["Matmul,", "Add", "net.py:3,", "4"]
    assert second.split()[:9] == ["region", "1", "300", "us", "75%", "0", "0%", "8", "20%"]
    assert "Operation3, ..." in second
    assert total.split() == ["sum", "400", "us", "100%", "20", "10%", "16", "40%"]
    assert facts[0].startswith("the whole in one piece: 420 us on 2 threads; 8,000,000 operations")
    assert "200 GFLOP/s" in facts[1]
    assert facts[2] == "peak memory of a call: 1,234,567 bytes"
    assert repr(COST) == str(COST)


def test_a_time_is_in_the_unit_that_fits():
    assert [in_time(x) for x in (2, 0.05, 1e-6, 9.99e-7, 0)] == [
        "2 s", "50 ms", "1 us", "999 ns", "0 ns"
    ]  # fmt: skip


def test_made_up_numbers_fit_and_stay_the_same():
    specs = [lz.Spec((3, 2)), lz.Spec((4,), "int64"), lz.Spec((), "bool")]
    arrays = made_up(specs)
    assert [lz.Spec(x.shape, x.dtype) for x in arrays] == specs
    for x, again in zip(arrays, made_up(specs), strict=True):
        np.testing.assert_array_equal(x, again)

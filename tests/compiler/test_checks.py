"""Checks: what fails in a compiled program leaves all state as it was, and says what eager says."""

import numpy as np
import pytest
from native_programs import Program

import lunzi as lz
from lunzi import nn, optim
from lunzi.compiler.checks import Checks
from lunzi.core.checked import Bounds
from lunzi.core.errors import PositionError
from lunzi.core.trace import trace

WRONG = 1000


def numbers_of(step):
    """Copies of all memories of a compiled function's one program."""
    (program,) = step.programs.values()
    return [array.copy() for array in program.bound.arrays]


def assert_same_bits(found, expected):
    for a, b in zip(found, expected, strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    before = lz.get_num_threads()
    lz.set_num_threads(request.param)
    yield request.param
    lz.set_num_threads(before)


def language_model(words, features):
    """A training step with everything that has state: and the same step, eager."""
    lz.manual_seed(0)
    model = nn.Sequential(nn.Embedding(words, features), nn.Dropout(0.1), nn.Linear(features, 4))
    optimizer = optim.Adam(model.parameters(), lr=0.1)

    def step(tokens, y):
        loss = ((model(tokens) - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


@pytest.mark.parametrize(("words", "features", "count"), [(7, 2, 5), (300, 128, 600)])
def test_a_wrong_token_leaves_parameters_moments_counters_and_random_state(
    words, features, count, threads, rng
):
    eager = language_model(words, features)
    step = lz.compile(eager)
    tokens = rng.integers(0, words, count)
    y = rng.standard_normal((count, 4)).astype(np.float32)
    wrong = tokens.copy()
    wrong[count // 2] = WRONG
    step(tokens, y)
    before = numbers_of(step)
    for _ in range(3):
        with pytest.raises(PositionError, match=rf"test_checks\.py:\d+: .*index {WRONG} is"):
            step(wrong, y)
        assert_same_bits(numbers_of(step), before)
    loss = step(tokens, y).item()
    after = numbers_of(step)
    for array, numbers in zip(step.made_for(tokens, y).bound.arrays, before, strict=True):
        array[...] = numbers
    assert step(tokens, y).item() == loss
    assert_same_bits(numbers_of(step), after)


def test_the_words_are_those_of_eager_behind_the_line(rng):
    table = lz.tensor(rng.standard_normal((3, 2)))
    take = lz.compile(lambda i: table.take(i))
    with pytest.raises(PositionError) as eager:
        table.take(np.array([0, 5]))
    with pytest.raises(PositionError) as native:
        take(np.array([0, 5]))
    line, _, words = str(native.value).partition(": ")
    assert words == str(eager.value)
    assert line.startswith(__file__)


def test_the_line_is_that_of_the_program_though_its_code_came_from_another():
    def program():
        exec_globals = {"table": lz.tensor(np.arange(3.0))}
        exec(compile("\n" * lines + "def f(i): return table[i] * 7", name, "exec"), exec_globals)
        return lz.compile(exec_globals["f"])

    for name, lines in (("first.py", 4), ("second.py", 8)):
        with pytest.raises(PositionError, match=f"^{name}:{lines + 1}: "):
            program()(np.array([9]))


def state_behind(look):
    """A function that writes state, in place where that goes, and looks up numbers."""
    table, total = lz.tensor(np.arange(6.0).reshape(3, 2)), lz.tensor(np.zeros((4, 2)))
    count = lz.tensor(np.array(0))

    def function(x, i):
        count.assign(count + 1)
        total.assign(total + x)
        y = look(table, total, count, x, i)
        table.assign(table * 2)
        return y

    return function


def taken(table, total, count, x, i):
    return table[i]


def along(table, total, count, x, i):
    return table.take_along_axis(i.reshape(2, 2), 0)


def scattered(table, total, count, x, i):
    with lz.enable_grad():
        w = (table + 0).detach()
        w.requires_grad = True
        w[i].sum().backward()
    return w.grad


def by_pairs(table, total, count, x, i):
    return table[i, i % 2]


def computed(table, total, count, x, i):
    """The place comes out of what is computed, row by row."""
    return table[(x.sum(axis=1) * 0 + i).astype("int64")]


def behind_state(table, total, count, x, i):
    """The place comes out of new state."""
    return table[i + count - 1]


def twice(table, total, count, x, i):
    """A place that is looked up at a place."""
    return table[table[i][:, 0].astype("int64") // 2]


def in_a_loop(table, total, count, x, i):
    def body(carry, place):
        return carry + table[place], carry

    return lz.scan(body, table[0] * 0, i)[0]


def in_a_loop_of_rows(table, total, count, x, i):
    def body(carry, shift):
        return carry + table[i + shift], carry[:, 0]

    return lz.scan(body, x * 0, np.zeros(2, np.int64))[0]


LOOKS = (
    taken, along, scattered, by_pairs, computed, behind_state, twice, in_a_loop, in_a_loop_of_rows,
)  # fmt: skip
looks = pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.__name__)


def failing_run(program, count, arrays):
    """The memories behind a run in which a check fails."""
    memories = [np.array(x) for x in program.memories]
    outputs = [np.empty(node.shape, node.dtype) for node in program.graph.outputs]
    with pytest.raises(PositionError):
        program.on(count)(arrays, memories, outputs)
    return memories


@looks
@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("wrong", [3, -4])
def test_whatever_looks_up_a_number_is_checked_before_state_is_written(look, parallel, wrong, rng):
    x, good = rng.standard_normal((4, 2)), np.array([0, -1, 2, 1])
    bad = np.array([0, 1, wrong, 2])
    function = state_behind(look)
    program = Program(function, x, good, parallel=parallel)
    for count in (1, 2, 3):
        for found, expected in zip(
            program.all(x, good, threads=count), program.all_expected(x, good), strict=True
        ):
            np.testing.assert_allclose(found, expected, rtol=1e-12)
        assert_same_bits(failing_run(program, count, [x, bad]), program.memories)


def test_labels_are_looked_at_in_the_first_phase_though_the_loss_is_small_too():
    model = nn.Sequential(nn.Linear(20, 600), nn.ReLU(), nn.Linear(600, 5))
    optimizer = optim.Adam(model.parameters())

    def step(x, y):
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    program = lz.compile(step).made_for(np.ones((64, 20), np.float32), np.zeros(64, np.uint8))
    regions = program.backend.plan().regions
    assert [region.phase for region in regions if region.checks] == [0]
    assert regions[-1].phase > 1


def test_a_check_that_asks_for_too_much_is_decided_by_the_interpreter():
    total = lz.tensor(np.zeros(2))

    @lz.compile
    def step(x, i):
        total.assign(total + 1)
        return (x * 2).take_along_axis(i, 0)[:, :0] + x[:0].sum(), total * 1

    x, i = np.ones((1, 2)), np.array([[0, 0]])
    step(x, i)
    assert total.tolist() == [1, 1]


# repeat


def counting():
    table, count = lz.tensor(np.arange(3.0)), lz.tensor(np.array(0))
    rate = lz.tensor(1.0)

    @lz.compile
    def step(i):
        count.assign(count + 1)
        rate.assign(rate * 2)
        table.assign(table + rate)
        return table[i]

    return step, table, count, rate


@pytest.mark.parametrize("is_guarded", [False, True])
def test_steps_before_the_wrong_one_are_done_and_nothing_of_it(is_guarded):
    step, table, count, rate = counting()
    step = lz.compile(step.function, check_finite=is_guarded)
    places = np.array([0, 1, 5, 2])
    with pytest.raises(PositionError, match=r"^step 2: .*index 5 is out of bounds"):
        step.repeat(places)
    assert (count.item(), rate.item(), table.tolist()) == (2, 4, [6, 7, 8])
    np.testing.assert_array_equal(step.repeat(places[:2]).numpy(), [14, 31])


def test_what_a_step_is_set_to_is_that_of_the_wrong_step():
    step, table, count, rate = counting()
    rates = np.float32([1, 2, 3, 4])
    with pytest.raises(PositionError, match=r"^step 2: "):
        step.repeat(np.array([0, 1, 5, 2]), assign={rate: rates})
    # As in a loop: set before the step that failed, which did not double it.
    assert (count.item(), rate.item(), table.tolist()) == (2, 3, [6, 7, 8])


def test_the_step_is_counted_over_slices_on_all_threads(threads, rng):
    step = lz.compile(language_model(300, 128))
    tokens = rng.integers(0, 300, (5, 600))
    y = rng.standard_normal((5, 600, 4)).astype(np.float32)
    tokens[3, 7] = WRONG
    step(tokens[0], y[0])
    start = numbers_of(step)
    for place in range(3):
        step(tokens[place], y[place])
    expected = numbers_of(step)
    for array, numbers in zip(step.made_for(tokens[0], y[0]).bound.arrays, start, strict=True):
        array[...] = numbers
    with pytest.raises(PositionError, match=r"^step 3: "):
        step.repeat(tokens, y)
    assert_same_bits(numbers_of(step), expected)


# Which checks there are


def bounds_in(function, *arguments):
    checks = Checks(trace(function, *arguments).nodes)
    return sorted(bounds for found in checks.bounds.values() for bounds in found)


PLACES = np.array([0, 1])


def test_one_place_is_looked_at_once_for_each_length():
    x, y = np.ones((3, 4)), np.ones((5, 4))
    assert bounds_in(lambda x, y, i: (x[i], y[i], x[i] * 2), x, y, PLACES) == [
        Bounds(-5, 4),
        Bounds(-3, 2),
    ]


@pytest.mark.parametrize(
    "sure",
    [
        lambda x, i: x.sort(0),
        lambda x, i: x.topk(2, 0)[0],
        lambda x, i: x[x.argmax(0)],
        lambda x, i: x[np.array([0, 2])],
        lambda x, i: x.roll(1, 0),
        lambda x, i: x[lz.where(x[:, 0] > 0, 2, x.argmin(0)[0]).flip(0).astype("int32")],
    ],
)
def test_places_that_are_sure_to_be_there_are_not_checked(sure):
    assert bounds_in(sure, np.ones((4, 4)), PLACES) == []


@pytest.mark.parametrize(
    "unsure",
    [
        lambda x, i: x[i],
        lambda x, i: x[:2][x.argmax(0)],
        lambda x, i: x[i.astype("uint8")],
        lambda x, i: x[lz.where(x[:2, 0] > 0, 2, i)],
        lambda x, i: x[x[:, 0].astype("int64")],
        lambda x, i: x[x.argmax(0) + 1],
    ],
)
def test_other_places_are_checked(unsure):
    assert len(bounds_in(unsure, np.ones((4, 4)), PLACES)) == 1

"""Arguments and results of compiled functions."""

import numpy as np
import pytest
from compiled_training import X

import lunzi as lz
from lunzi import nn
from lunzi.compiler import compile as front

pytestmark = pytest.mark.usefixtures("built")


# Arguments


def test_arguments_may_be_nested_and_named(built):
    @lz.compile
    def total(batch, *more, scale, kind="sum"):
        y = (batch["x"] + batch["parts"][0] + more[0]) * scale
        return y.sum() if kind == "sum" else y.mean()

    batch = {"x": X, "parts": [lz.tensor(X), None]}
    assert total(batch, X, scale=np.float32(2)).item() == 24
    assert total(batch, X, scale=lz.tensor(3.0)).item() == 36
    assert len(built) == 1
    assert total(batch, X, scale=lz.tensor(3.0), kind="mean").item() == 4.5
    assert len(built) == 2


def test_new_shapes_and_dtypes_compile_again_and_old_ones_do_not(built):
    double = lz.compile(lambda x: x * 2)
    for array in (X, X[:3], X.astype("float64"), X, X[:3], lz.tensor(X), X[1:]):
        result = double(array)
        assert result.dtype == array.dtype
        np.testing.assert_array_equal(result, np.asarray(array) * 2)
    assert len(built) == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x[::2],
        lambda x: x.T,
        lambda x: np.asfortranarray(x),
        lambda x: np.broadcast_to(x[:1], x.shape),
        lambda x: np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float32),
        lambda x: x.astype(">f4"),
        lambda x: x.astype(np.int8),
        lambda x: lz.tensor(x).T,
        lambda x: np.float64(3),
    ],
)
def test_arguments_of_any_memory(change):
    x = change(np.arange(16, dtype=np.float32).reshape(4, 4))
    np.testing.assert_array_equal(lz.compile(lambda x: x * 2)(x), lz.as_tensor(x) * 2)


def test_numbers_text_and_objects_are_part_of_the_program(built):
    power = lz.compile(lambda x, k, name=None: x * k if name is None else x + k)
    assert power(X, 2).numpy().sum() == 8
    assert power(X, 2.0).numpy().sum() == 8
    assert power(X, True).numpy().sum() == 4
    assert power(X, 2, "text").numpy().sum() == 20
    assert power(X, 2).numpy().sum() == 8
    assert len(power.programs) == 4
    assert len(built) == 3  # 2 and 2.0 come to the same graph
    marker = [object()]
    assert lz.compile(lambda x, thing: x)(X, {"a": marker}).tolist() == X.tolist()


def test_zero_and_minus_zero_are_two_programs():
    divide = lz.compile(lambda x, k: x / lz.full((), k))
    with np.errstate(divide="ignore"):
        assert [divide(np.float32(1), k).item() for k in (0.0, -0.0)] == [np.inf, -np.inf]


def test_models_may_be_arguments():
    def run(model, x):
        return model(x)

    fast = lz.compile(run)
    for _ in range(2):
        for model in (nn.Linear(2, 3), nn.Linear(2, 3)):
            np.testing.assert_array_equal(fast(model, X), model(X))


def test_an_argument_in_the_memory_of_the_state_is_copied():
    memory = np.float32([1, 2])
    w = nn.Parameter(memory)

    @lz.compile
    def move(x):
        w.assign(w + 1)
        return w + x

    views = (lambda: memory, lambda: memory[::-1], w.numpy, w.detach, lambda: w)
    for given in (view() for view in views):
        before = memory.copy()
        other = np.array(given)
        assert move(given).tolist() == (before + 1 + other).tolist()


def test_an_argument_that_needs_a_gradient_is_not_passed_over():
    x = lz.tensor(X, requires_grad=True)
    assert lz.compile(lambda x: (x * 2).sum())(x).requires_grad
    slope = lz.compile(lz.grad(lambda x: (x * x).sum()))
    assert slope(x).tolist() == (2 * X).tolist()
    with pytest.raises(lz.TraceError, match=r"its argument 0, float32\[4, 2\].*detach\(\)"):
        lz.compile(lambda x: (x * 2).sum().backward())(x)
    assert x.grad is None


def test_a_function_of_many_programs_is_warned_of_once():
    scale = lz.compile(lambda x, k: x * len(k))
    names = ["a" * length for length in range(100)]
    for name in names[:16]:
        scale(X, name)
    with pytest.warns(lz.LunziWarning, match=r"compiled 16 times.*argument \[1\] was 'aaa"):
        scale(X, names[16])
    for name in names[17:80]:
        scale(X, name)
    assert len(scale.programs) == front.AT_MOST


def test_what_makes_many_programs_is_named():
    shapes = lz.compile(lambda batch: batch["x"])
    for n in range(16):
        shapes({"x": np.zeros(n)})
    with pytest.warns(
        lz.LunziWarning, match=r"\[0\]\['x'\] was float64\[15\] and is float64\[16\]"
    ):
        shapes({"x": np.zeros(16)})


def test_a_number_that_changes_from_call_to_call_is_warned_of_soon():
    scale = lz.compile(lambda x, k=1.0: x * k)
    scale(X, k=0.5)
    scale(X, k=0.25)
    scale(X, k=0.125)
    with pytest.warns(lz.LunziWarning, match=r"argument \['k'\] was 0\.125 and is 2\.0.*tensor"):
        scale(X, k=2.0)
    for k in (3.0, 4.0):
        assert scale(X, k=k).numpy().sum() == 4 * k


def test_a_function_that_is_traced_at_each_call_is_warned_of():
    model = nn.Linear(2, 1)
    fast = lz.compile(model)
    for turn in range(15):
        model.turn = turn
        fast(X)
        fast(X)
    for turn in range(1, 16):
        model.turn = -turn
        fast(X)
    model.turn = "last"
    with pytest.warns(lz.LunziWarning, match="traced again at each of the last 16 calls"):
        fast(X)
    model.turn = "another"
    fast(X)


# Results


def test_results_are_fresh_memory():
    w = lz.tensor([1.0, 2.0])
    same = lz.compile(lambda x: (x, w, w[:1], x))
    x = lz.tensor([3.0])
    results = same(x)
    for result in results:
        result.assign(0)
    assert (x.tolist(), w.tolist()) == ([3], [1, 2])
    assert results[0] is not results[3]


def test_backward_on_a_result_tells_what_to_do():
    model = nn.Linear(2, 1)
    y = lz.compile(model)(X)
    assert y.requires_grad
    for use in (lambda: y.sum().backward(), lambda: (y.sum() + (model.weight**2).sum()).backward()):
        with pytest.raises(lz.GradientError, match=r"call loss.backward\(\) inside"):
            use()
    assert model.weight.grad is None
    with lz.no_grad():
        assert not lz.compile(model)(X).requires_grad


def test_no_grad_is_another_program(built):
    model = nn.Linear(2, 1)
    fast = lz.compile(model)
    assert fast(X).requires_grad
    with lz.no_grad():
        assert not fast(X).requires_grad
    assert fast(X).requires_grad
    assert len(fast.programs) == 2

"""compile: what a user sees of it, beside the function as it stands."""

import copy
import gc
import os
import threading
import weakref

import numpy as np
import pytest
from compiled_training import Training, X, Y, both, train

import lunzi as lz
from lunzi import nn, optim
from lunzi.compiler import backend as backends
from lunzi.messages import use_language

pytestmark = pytest.mark.usefixtures("built")


# Steps


def test_a_training_step_gives_the_bits_of_the_eager_one(built):
    compiled, eager = both([train] * 5)
    assert compiled == eager
    assert len(built) == 1


def test_state_is_changed_in_the_memory_that_others_see():
    training = Training()
    seen = training.model[0].weight.numpy()
    before = seen.copy()
    lz.compile(training.step)(X, Y)
    assert not np.array_equal(seen, before)


def test_compiles_a_model_and_answers_for_it():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    fast = lz.compile(model)
    np.testing.assert_array_equal(fast(X), model(X))
    assert list(fast.parameters()) == list(model.parameters())
    with pytest.raises(AttributeError):
        _ = fast.nothing_of_that_name


def test_a_decorator_takes_options_and_keeps_the_name_and_words():
    @lz.compile(keep_grads=True)
    def step(x):
        """Words."""
        return x * 2

    assert (step.__name__, step.__doc__) == ("step", "Words.")
    assert step(X[0]).tolist() == [0, 0]
    assert "step" in repr(step)
    assert "1 program" in repr(step)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: lz.compile(3), "a function or a model, got 3"),
        (lambda: lz.compile(check=True)(None), "got None"),
        (lambda: lz.compile(keep_grads=1), "keep_grads is True or False"),
    ],
)
def test_refuses_what_is_no_function(make, text):
    with pytest.raises(lz.KindError, match=text):
        make()


def test_a_function_must_give_tensors():
    with pytest.raises(lz.KindError, match="returns tensors, got float"):
        lz.compile(lambda x: 3.0)(X)


def test_a_function_may_give_nothing_or_a_nesting():
    w = lz.tensor(1.0)

    @lz.compile
    def step(x):
        w.assign(w + x.sum())

    assert step(X) is None
    assert w.item() == 5
    result = lz.compile(lambda x: {"a": (x + 1, "text"), "b": [x.sum(), None]})(X)
    assert result["a"][0].tolist() == (X + 1).tolist()
    assert result["a"][1] == "text"
    assert result["b"][0].item() == 4
    assert result["b"][1] is None


# Errors


@pytest.mark.parametrize(
    "look",
    [
        lambda x: x if x.sum() > 0 else -x,
        lambda x: x * float(x.sum()),
        lambda x: x + np.asarray(x),
        lambda x: x * x.sum().item(),
        lambda x: list(range(int(x.sum()))),
    ],
)
def test_looking_at_numbers_names_the_line(look):
    with pytest.raises(lz.TraceError, match=r"test_compile\.py:\d+: .*no numbers"):
        lz.compile(look)(X)


def test_an_error_while_tracing_leaves_all_as_it_was():
    training = Training()
    before = training.numbers()

    @lz.compile
    def step(x, y):
        training.step(x, y)
        raise KeyError("from the function")

    with pytest.raises(KeyError, match="from the function"):
        step(X, Y)
    assert training.numbers() == before
    assert training.model[0].weight.grad is None


def test_an_error_of_the_backend_leaves_all_as_it_was():
    w, count = nn.Parameter(np.zeros(3, np.float32)), lz.tensor(0)

    @lz.compile
    def step(i):
        w.grad = None
        count.assign(count + 1)
        w[i].sum().backward()
        w.assign(w - w.grad)

    step(np.array([1]))
    view = w.detach()
    with pytest.raises(lz.PositionError, match=r"test_compile\.py:\d+"):
        step(np.array([5]))
    assert (count.item(), view.tolist()) == (1, [0, -1, 0])


def test_a_captured_array_that_changes_is_told():
    mean = np.float32([1, 2])
    shift = lz.compile(lambda x: x - mean)
    shift(X)
    shift(X)
    mean[1] = 5
    with pytest.raises(lz.TraceError, match=r"test_compile\.py:\d+: a NumPy array, float32\[2\]"):
        shift(X)
    mean[1] = 2
    assert shift(X).tolist() == (X - mean).tolist()


def test_memories_that_overlap_are_refused():
    memory = np.zeros(4, np.float32)
    a, b = nn.Parameter(memory[:3]), nn.Parameter(memory[2:])
    with pytest.raises(lz.StateError, match=r"float32\[3\] and float32\[2\], share memory"):
        lz.compile(lambda x: (a.assign(a + x), b.sum())[1])(np.float32(1))
    assert memory.tolist() == [0] * 4
    assert lz.compile(lambda x: a.sum() + b.sum() + x)(np.float32(1)).item() == 1
    c, d = nn.Parameter(memory[::2]), nn.Parameter(memory[1::2])
    lz.compile(lambda x: (c.assign(c + x), d.assign(d + 2 * x))[0])(np.float32(1))
    assert memory.tolist() == [1, 2, 1, 2]


def test_read_only_state_is_refused_where_it_is_assigned():
    memory = np.zeros(2, np.float32)
    w = lz.Tensor(memory)
    memory.flags.writeable = False
    with pytest.raises(lz.StateError, match="read-only"):
        lz.compile(lambda x: w.assign(w + x))(np.float32(1))
    assert lz.compile(lambda x: w + x)(np.float32(1)).tolist() == [1, 1]


# Where it stands


def test_inside_a_trace_it_is_the_function():
    inner = lz.compile(lambda x: x * 2)
    outer = lz.compile(lambda x: inner(x) + 1)
    assert outer(X).tolist() == (X * 2 + 1).tolist()
    assert not inner.programs


class Net(nn.Module):
    def __init__(self):
        self.linear = nn.Linear(2, 1)

    @lz.compile
    def forward(self, x):
        return self.linear(x)


def test_a_method_is_compiled_for_each_instance():
    first, second = Net(), Net()
    for net in (first, second, first):
        np.testing.assert_array_equal(net(X), net.linear(X))
    assert len(first.forward.programs) == 1
    assert first.forward is first.forward
    assert first.forward is not second.forward
    twin, shallow = copy.deepcopy(first), copy.copy(first)
    twin.linear.weight.assign(0)
    twin.linear.bias.assign(0)
    assert not twin(X).numpy().any()
    assert first(X).numpy().any()
    shallow.linear = twin.linear
    assert not shallow(X).numpy().any()
    assert first.state_dict().keys() == {"linear.weight", "linear.bias"}


def test_an_instance_is_not_kept_alive_by_its_method():
    net = Net()
    net(X)
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None


def test_several_threads_call_one_step():
    training = Training(kind=optim.SGD)
    count = lz.tensor(0)

    @lz.compile
    def step(x, y):
        count.assign(count + 1)
        return training.step(x, y)

    def work():
        for _ in range(50):
            step(X, Y)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count.item() == 200
    eager = Training(kind=optim.SGD)
    for _ in range(200):
        eager.step(X, Y)
    assert training.numbers() == eager.numbers()


def test_the_environment_turns_it_off(monkeypatch, built):
    monkeypatch.setenv("LUNZI_COMPILE", "0")
    training = Training()
    lz.compile(training.step)(X, Y)
    assert not built
    assert training.model[0].weight.grad is not None


def test_without_llvmlite_it_runs_eagerly_and_says_so_once(monkeypatch, built):
    monkeypatch.setattr(backends, "has_llvmlite", lambda: False)
    monkeypatch.setattr(backends, "SAID", set())
    double = lz.compile(lambda x: x * 2)
    with pytest.warns(lz.LunziWarning, match="llvmlite is not installed"):
        double(X)
    assert double(X).tolist() == (2 * X).tolist()
    assert not built


def test_the_word_about_llvmlite_is_said_in_chinese_too(monkeypatch):
    monkeypatch.setattr(backends, "has_llvmlite", lambda: False)
    monkeypatch.setattr(backends, "SAID", set())
    with use_language("zh"), pytest.warns(lz.LunziWarning, match="未安装 llvmlite，"):
        lz.compile(lambda x: x * 2)(X)


# Options and looks


def test_shows_the_graph(capsys):
    step = lz.compile(lambda x: x * 2)
    with pytest.raises(lz.StateError, match="before its first call"):
        step.show("graph")
    step(X)
    step.show("graph")
    assert capsys.readouterr().out.startswith("graph(float32[4, 2])\n")
    with pytest.raises(lz.RangeError, match=r"'llvm'.* got 'lvm'"):
        step.show("lvm")
    assert str(step.graph(X[:2])).startswith("graph(float32[2, 2])\n")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_process_that_is_forked_while_another_thread_compiles():
    started, go_on = threading.Event(), threading.Event()

    @lz.compile
    def slow(x):
        started.set()
        go_on.wait(5)
        return x * 2

    thread = threading.Thread(target=slow, args=(X,))
    thread.start()
    started.wait(5)
    child = os.fork()
    if not child:
        go_on.set()
        os._exit(0 if slow(X).numpy().sum() == 8 else 1)
    go_on.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_class_and_static_methods():
    class Scale:
        __slots__ = ("factor",)

        @classmethod
        @lz.compile
        def double(cls, x):
            return x * 2

        @staticmethod
        @lz.compile
        def triple(x):
            return x * 3

        @lz.compile
        def times(self, x):
            return x * self.factor

    scale = Scale()
    scale.factor = 4
    for function, factor in ((Scale.double, 2), (scale.triple, 3), (scale.times, 4)):
        assert function(X).tolist() == (X * factor).tolist()

"""The front door, held against its arithmetic written out by hand."""

import copy
import logging
import pickle
import warnings

import numpy as np
import pytest

import lunzi as lz
from lunzi import NeuralNetwork
from lunzi.compiler import backend

XOR_X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
XOR_Y = np.array([[0], [1], [1], [0]])


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class ByHand:
    """The tutorial's class: one hidden layer, every derivative written out."""

    def __init__(self, inputs, hidden, outputs):
        self.weights1 = np.random.randn(inputs, hidden)
        self.weights2 = np.random.randn(hidden, outputs)
        self.bias1 = np.zeros(hidden)
        self.bias2 = np.zeros(outputs)

    def forward(self, x):
        self.hidden = sigmoid(x @ self.weights1 + self.bias1)
        return sigmoid(self.hidden @ self.weights2 + self.bias2)

    def train(self, x, target, learning_rate):
        x, target = np.atleast_2d(x), np.atleast_2d(target)
        output = self.forward(x)
        d_output = (target - output) * output * (1 - output)
        d_hidden = (d_output @ self.weights2.T) * self.hidden * (1 - self.hidden)
        self.weights2 += learning_rate * self.hidden.T @ d_output
        self.bias2 += learning_rate * d_output.sum(axis=0)
        self.weights1 += learning_rate * x.T @ d_hidden
        self.bias1 += learning_rate * d_hidden.sum(axis=0)


def pair(*sizes):
    """Our network and the one by hand, with the same initial weights."""
    np.random.seed(0)
    ours = NeuralNetwork(*sizes)
    np.random.seed(0)
    return ours, ByHand(*sizes)


def assert_same(ours, by_hand):
    for name in ("weights1", "bias1", "weights2", "bias2"):
        np.testing.assert_allclose(
            getattr(ours, name), getattr(by_hand, name), rtol=0, atol=1e-12, err_msg=name
        )


def test_the_first_page_of_the_documentation_runs_as_it_stands():
    network = NeuralNetwork(2, 3, 1)
    output = network.forward(np.array([0.5, 0.8]))
    network.train(np.array([0.5, 0.8]), np.array([0.2]), 0.1)
    network.train(XOR_X, XOR_Y, 0.5)
    shapes = [network.weights1.shape, network.bias1.shape]
    shapes += [network.weights2.shape, network.bias2.shape]
    assert output.shape == (1,)
    assert shapes == [(2, 3), (3,), (3, 1), (1,)]
    assert all(type(network.weights1) is np.ndarray for _ in shapes)


def test_numpy_s_seed_gives_the_tutorial_s_initial_weights():
    ours, by_hand = pair(2, 3, 1)
    np.testing.assert_array_equal(ours.weights1, by_hand.weights1)
    np.testing.assert_array_equal(ours.weights2, by_hand.weights2)
    np.testing.assert_array_equal(ours.bias1, np.zeros(3))


def test_forward_and_hidden_are_those_by_hand():
    ours, by_hand = pair(2, 3, 1)
    x = np.array([0.5, 0.8])
    np.testing.assert_allclose(ours.forward(x), by_hand.forward(x), rtol=0, atol=1e-15)
    np.testing.assert_allclose(ours.hidden, by_hand.hidden, rtol=0, atol=1e-15)
    assert ours.hidden.shape == (3,)
    assert ours.forward(XOR_X).shape == (4, 1)
    assert ours.hidden.shape == (4, 3)


def test_a_thousand_steps_on_one_sample_are_those_by_hand():
    ours, by_hand = pair(2, 3, 1)
    for _ in range(1000):
        ours.train(np.array([0.5, 0.8]), np.array([0.2]), 0.5)
        by_hand.train(np.array([0.5, 0.8]), np.array([0.2]), 0.5)
    assert_same(ours, by_hand)


def test_a_thousand_steps_on_a_batch_are_those_by_hand(rng):
    ours, by_hand = pair(5, 4, 2)
    x, y = rng.standard_normal((7, 5)), rng.uniform(size=(7, 2))
    for _ in range(1000):
        ours.train(x, y, 0.1)
        by_hand.train(x, y, 0.1)
    assert_same(ours, by_hand)


def test_train_gives_the_loss_before_the_step():
    # sigmoid(0) = 0.5 everywhere, so the loss is (0.2 - 0.5)^2 / 2 = 0.045.
    network = NeuralNetwork(1, 1)
    network.weights1 = [[0.0]]
    assert network.train([1.0], [0.2], 0.1) == pytest.approx(0.045, abs=1e-15)
    # dL/dz = (0.5 - 0.2) 0.5 (1 - 0.5) = 0.075, times the learning rate 0.1.
    np.testing.assert_allclose(network.weights1, [[-0.0075]], atol=1e-15)
    np.testing.assert_allclose(network.bias1, [-0.0075], atol=1e-15)


def test_weights_are_changed_in_place_and_set():
    network = NeuralNetwork(2, 3, 1)
    before = network.forward([1.0, 1.0])
    network.weights1[0, 0] = 100
    assert network.weights1[0, 0] == 100
    assert network.forward([1.0, 1.0]) != before
    network.bias1 += 1
    np.testing.assert_array_equal(network.bias1, np.ones(3))
    network.weights2 = np.zeros((3, 1))
    np.testing.assert_array_equal(network.forward([1.0, 1.0]), [0.5])


def test_the_tutorial_s_keywords():
    network = NeuralNetwork(input_size=2, hidden_size=3, output_size=1)
    assert network.sizes == (2, 3, 1)
    network.train(input=[0.5, 0.8], target=[0.2], learning_rate=0.1)
    assert network.forward(input=[0.5, 0.8]).shape == (1,)


def test_a_seed_gives_the_same_network_again():
    a, b = NeuralNetwork(2, 3, 1, seed=7), NeuralNetwork(2, 3, 1, seed=7)
    np.testing.assert_array_equal(a.weights1, b.weights1)
    assert (NeuralNetwork(2, 3, 1, seed=8).weights1 != a.weights1).all()


def test_it_computes_in_float64_unless_told():
    assert NeuralNetwork(2, 3, 1).weights1.dtype == np.float64
    assert NeuralNetwork(2, 3, 1, dtype="float32").forward([1, 2]).dtype == np.float32


def test_several_layers_and_hidden_numbered():
    network = NeuralNetwork(6, 5, 4, 3, activation="relu", output="softmax", seed=0)
    output = network.forward(np.ones((2, 6)))
    np.testing.assert_allclose(output.sum(axis=1), 1)
    assert network.hidden1.shape == (2, 5)
    assert network.hidden2.shape == (2, 4)
    with pytest.raises(AttributeError, match="hidden1, hidden2"):
        network.hidden  # noqa: B018  # reading it is the test
    with pytest.raises(AttributeError, match="weights3"):
        network.weights4  # noqa: B018  # as above


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "linear"])
@pytest.mark.parametrize("output", ["sigmoid", "tanh", "relu", "linear", "softmax"])
def test_the_step_follows_the_gradient_of_the_loss(activation, output, rng):
    network = NeuralNetwork(3, 4, 2, activation=activation, output=output, seed=1)
    x, y = rng.standard_normal((5, 3)), rng.dirichlet(np.ones(2), 5)

    def loss():
        result = network.forward(x)
        if output == "softmax":
            return -(y * np.log(result)).sum()
        return ((y - result) ** 2).sum() / 2

    before = network.weights1.copy()
    differences = np.zeros_like(before)
    for place in np.ndindex(before.shape):
        values = []
        for step in (1e-6, -1e-6):
            network.weights1[place] = before[place] + step
            values.append(loss())
        network.weights1[place] = before[place]
        differences[place] = (values[0] - values[1]) / 2e-6
    expected = loss()
    assert network.train(x, y, 0.1) == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose((before - network.weights1) / 0.1, differences, atol=1e-7)


@pytest.mark.slow
def test_xor_is_learned_from_nearly_every_seed():
    reached = 0
    for seed in range(20):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = NeuralNetwork(2, 3, 1, seed=seed).fit(XOR_X, XOR_Y, 0.5, at_most=20_000)
        reached += result.reached
    assert reached >= 19


def test_fit_says_what_is_left_and_what_to_try():
    network = NeuralNetwork(2, 3, 1, seed=0)
    with pytest.warns(UserWarning, match="Try another seed"):
        result = network.fit(XOR_X, XOR_Y, 0.5, at_most=10)
    assert not result.reached
    assert result.steps == 10
    assert result.error == np.abs(XOR_Y - network.forward(XOR_X)).max()
    assert "0.05 was asked for" in str(result)


def test_fit_stops_at_once_when_the_outputs_are_near():
    network = NeuralNetwork(2, 3, 1, seed=0)
    before = network.weights1.copy()
    result = network.fit([0.5, 0.8], network.forward([0.5, 0.8]), 0.5)
    assert (result.reached, result.steps) == (True, 0)
    np.testing.assert_array_equal(network.weights1, before)


def test_score_of_one_output_of_several_and_of_class_numbers():
    network = NeuralNetwork(1, 1)
    network.weights1, network.bias1 = [[1.0]], [0.0]
    assert network.score([[1], [-1], [2], [3]], [[1], [0], [0], [1]]) == 0.75
    several = NeuralNetwork(2, 2)
    several.weights1 = np.eye(2)
    assert several.score([[1, 0], [0, 1]], [[1, 0], [1, 0]]) == 0.5
    assert several.score([[1, 0], [0, 1]], [0, 1]) == 1


def test_it_is_saved_and_loaded(tmp_path):
    network = NeuralNetwork(4, 3, 2, activation="tanh", output="linear", seed=3)
    network.save(tmp_path / "network")
    again = NeuralNetwork.load(tmp_path / "network")
    x = np.ones((2, 4))
    np.testing.assert_array_equal(network.forward(x), again.forward(x))
    assert repr(again) == repr(network)


def test_another_file_is_no_network(tmp_path):
    from lunzi.files import write_tensors

    write_tensors(tmp_path / "other", {"w": np.ones(2)})
    with pytest.raises(lz.FileFormatError, match="no NeuralNetwork"):
        NeuralNetwork.load(tmp_path / "other")
    metadata = {"class": "NeuralNetwork", "activation": "tanh"}
    for sizes in ("[2, 1]", "[1000000000, 1000000000]", "[2]", "7", "x"):
        write_tensors(tmp_path / "half", {"weights1": np.ones((2, 1))}, metadata | {"sizes": sizes})
        with pytest.raises(lz.FileFormatError, match="not a whole NeuralNetwork"):
            NeuralNetwork.load(tmp_path / "half")


def test_the_summary_counts_the_parameters():
    lines = NeuralNetwork(2, 3, 1).summary().splitlines()
    assert lines[1].split() == ["1", "(2,", "3)", "(3,)", "9", "sigmoid"]
    assert lines[-1].split() == ["total", "13"]


def test_its_parameters_go_into_an_optimizer():
    network = NeuralNetwork(2, 3, 1, seed=0)
    optimizer = lz.optim.SGD(network.parameters(), lr=0.5)
    before = network.weights1.copy()
    loss = ((network(lz.tensor(XOR_X, dtype="float64")) - XOR_Y) ** 2).sum()
    loss.backward()
    optimizer.step()
    assert (network.weights1 != before).any()


def test_a_step_is_traced(rng):
    network = NeuralNetwork(2, 3, 1, seed=0)
    x = rng.standard_normal((4, 2))
    graph = lz.trace(network, lz.Spec((4, 2), lz.float64))
    np.testing.assert_array_equal(graph(x).numpy(), network.forward(x))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda n: NeuralNetwork(2), ValueError, "two layers or more"),
        (lambda n: NeuralNetwork(2, 0, 1), ValueError, "1 or more"),
        (lambda n: NeuralNetwork(2, 2.5, 1), TypeError, "whole number"),
        (lambda n: NeuralNetwork(2, 3, 1, activation="softmax"), ValueError, "activation is one"),
        (lambda n: NeuralNetwork(2, 3, 1, output="swish"), ValueError, "output is one of"),
        (lambda n: NeuralNetwork(2, 3, 1, dtype="int64"), TypeError, "float64 or float32"),
        (lambda n: n.forward([1, 2, 3]), ValueError, r"\(2,\) for one sample"),
        (lambda n: n.forward([[[1, 2]]]), ValueError, "for a batch"),
        (lambda n: n.forward([np.nan, 1]), ValueError, "finite numbers are needed"),
        (lambda n: n.forward(["a", "b"]), TypeError, "made of numbers"),
        (lambda n: n.train([1, 2], [1, 2], 0.1), ValueError, "target has shape"),
        (lambda n: n.train(XOR_X, [[1]], 0.1), ValueError, "4 samples, target has 1"),
        (lambda n: n.train([1, 2], [1], 0), ValueError, "above 0|finite"),
        (lambda n: n.train([1, 2], [1], -1), ValueError, "above 0|finite"),
        (lambda n: n.train([1, 2], [1], np.nan), ValueError, "above 0|finite"),
        (lambda n: n.train([1, 2], [1], "0.1"), TypeError, "learning_rate"),
        (lambda n: n.fit(XOR_X, XOR_Y, 0.5, until=0), ValueError, "until must be above 0"),
        (lambda n: n.fit(XOR_X, XOR_Y, 0.5, at_most=0), ValueError, "at_most must be 1"),
        (lambda n: n.score(XOR_X, [[1]]), ValueError, "4 samples"),
        (lambda n: setattr(n, "weights1", np.ones((3, 3))), ValueError, "shape"),
        (lambda n: setattr(n, "weights3", 1), AttributeError, "no 'weights3'"),
        (lambda n: setattr(n, "hidden", 1), AttributeError, "hidden"),
        (lambda n: n.hidden2, AttributeError, "no 'hidden2'"),
        (lambda n: n.nothing, AttributeError, "no 'nothing'"),
    ],
)
def test_errors_teach(call, kind, message):
    with pytest.raises(kind, match=message) as caught:
        call(NeuralNetwork(2, 3, 1))
    assert isinstance(caught.value, lz.LunziError)


def test_a_layer_that_no_machine_has_room_for_is_an_error_of_ours():
    with pytest.raises(lz.OutOfMemoryError, match=r"weights of shape \(2, 1000000000000000\)"):
        NeuralNetwork(2, 10**15, 1)


# Compiled steps


def both(*sizes, **options):
    """The same network twice: with compiled steps and without."""
    return [NeuralNetwork(*sizes, seed=1, compile=compile, **options) for compile in (True, False)]


def parameters(network):
    return [p.numpy().copy() for p in network.parameters()]


def assert_near(ours, eager, tolerance=1e-12):
    for a, b in zip(parameters(ours), parameters(eager), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("output", ["sigmoid", "linear", "softmax"])
def test_compiled_steps_are_those_without(output, dtype, rng):
    ours, eager = both(4, 5, 3, 2, activation="tanh", output=output, dtype=dtype)
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    for shape in [(4,), (1, 4), (6, 4), (4,), (6, 4)]:
        x, y = rng.standard_normal(shape), rng.dirichlet(np.ones(2), shape[:-1])
        for rate in (0.1, 0.1, 1, np.float64(0.05)):
            losses = ours.train(x, y, rate), eager.train(x, y, rate)
            assert losses[0] == pytest.approx(losses[1], rel=tolerance, abs=tolerance)
            assert type(losses[0]) is float
            for name in ("hidden1", "hidden2"):
                a, b = getattr(ours, name), getattr(eager, name)
                assert (a.shape, a.dtype) == (b.shape, b.dtype)
                np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
    assert_near(ours, eager, tolerance)
    assert ours._native.learn.built == 3
    assert eager._native.learn.built == 0


def test_lists_tensors_and_views_are_trained_on_alike(rng):
    ours, eager = both(2, 3, 1)
    x, y = rng.standard_normal((8, 2)), rng.uniform(size=(8, 1))
    for given in (
        (x, y), (x.tolist(), y.tolist()), (x[::2], y[::2]), (np.asfortranarray(x), y),
        (lz.tensor(x), lz.tensor(y)), (x.astype(np.float32), y), (x[0], y[0]), (x[0].tolist(), [1]),
        (np.ones((8, 2), int), y), (x[:0], y[:0]),
    ):  # fmt: skip
        ours.train(*given, 0.5)
        eager.train(*given, 0.5)
        assert_near(ours, eager)


@pytest.mark.parametrize("compile", [True, False])
def test_numbers_that_are_not_finite_change_nothing(compile):
    network = NeuralNetwork(2, 3, 1, seed=0, compile=compile)
    good, target = np.array([0.5, 0.8]), np.array([0.2])
    for _ in range(2):
        network.train(good, target, 0.5)
    before = parameters(network)
    for x, y in [([np.inf, 1], [0.2]), ([0.5, 1], [np.nan]), ([np.nan, 1], [np.inf])]:
        with pytest.raises(lz.RangeError, match="finite numbers are needed"):
            network.train(np.array(x), np.array(y), 0.5)
    for a, b in zip(before, parameters(network), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_network_that_has_diverged_gives_nan():
    ours, eager = both(1, 1, output="linear")
    for network in (ours, eager):
        network.weights1 = [[np.nan]]
        assert np.isnan(network.train(np.array([1.0]), np.array([1.0]), 0.1))
        assert np.isnan(network.train(np.array([1.0]), np.array([1.0]), 0.1))


@pytest.mark.parametrize("rate", [0, -0.5, np.nan, np.inf, "0.5", True, None])
def test_a_wrong_rate_is_refused_after_a_right_one(rate):
    network = NeuralNetwork(2, 3, 1, seed=0)
    x, y = np.array([0.5, 0.8]), np.array([0.2])
    network.train(x, y, 1.0)
    before = parameters(network)
    with pytest.raises((lz.RangeError, lz.KindError), match="learning_rate"):
        network.train(x, y, rate)
    for a, b in zip(before, parameters(network), strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_may_be_written_between_compiled_steps():
    ours, eager = both(2, 3, 1)
    x, y = np.array([0.5, 0.8]), np.array([0.2])
    for network in (ours, eager):
        network.train(x, y, 0.5)
        network.weights1[0, 1] = 3.0
        network.train(x, y, 0.5)
        network.bias1 += 1
        network.weights2 = np.ones((3, 1))
        network.train(x, y, 0.5)
    assert_near(ours, eager)


def test_a_weight_matrix_as_the_batch():
    ours, eager = both(3, 3)
    for network in (ours, eager):
        network.train(np.ones((3, 3)), np.ones((3, 3)), 0.5)
        network.train(network.weights1, np.ones((3, 3)), 0.5)
    assert_near(ours, eager)


def test_what_the_hidden_layer_gave_is_kept_by_who_took_it():
    network = NeuralNetwork(2, 3, 1, seed=0)
    network.train(np.array([0.5, 0.8]), np.array([0.2]), 0.5)
    hidden = network.hidden
    kept = hidden.copy()
    assert "hidden1" in dir(network)
    network.train(np.array([0.5, 0.8]), np.array([0.2]), 0.5)
    np.testing.assert_array_equal(hidden, kept)
    assert (network.hidden != kept).any()
    network.forward(np.zeros((2, 2)))
    assert network.hidden.shape == (2, 3)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))]
)
def test_copies_train_for_themselves(copied):
    network = NeuralNetwork(2, 3, 1, seed=0)
    x, y = np.array([0.5, 0.8]), np.array([0.2])
    network.train(x, y, 0.5)
    other = copied(network)
    assert other.train(x, y, 0.5) == NeuralNetwork.train(copied(network), x, y, 0.5) or (
        copied is copy.copy  # which shares the weights
    )
    before = network.weights2.copy()
    other.train(x, y, 0.25)
    assert (network.weights2 == before).all() == (copied is not copy.copy)


@pytest.mark.parametrize("reason", ["environment", "no llvmlite", "compile=False"])
def test_without_the_compiler_it_is_as_before(reason, monkeypatch):
    network = NeuralNetwork(2, 3, 1, seed=0, compile=False if reason == "compile=False" else None)
    if reason == "environment":
        monkeypatch.setenv("LUNZI_COMPILE", "0")
    elif reason == "no llvmlite":
        monkeypatch.setattr(backend, "has_llvmlite", lambda: False)
        monkeypatch.setattr(backend, "SAID", {"llvmlite"})
    eager = NeuralNetwork(2, 3, 1, seed=0, compile=False)
    for x, y in (([0.5, 0.8], [0.2]), (XOR_X, XOR_Y)):
        assert network.train(x, y, 0.5) == eager.train(x, y, 0.5)
    for a, b in zip(parameters(network), parameters(eager), strict=True):
        np.testing.assert_array_equal(a, b)
    assert network._native.learn.built == 0


def test_compile_is_yes_no_or_none():
    with pytest.raises(lz.KindError, match="compile"):
        NeuralNetwork(2, 3, 1, compile="yes")


@pytest.mark.parametrize(("inputs", "targets"), [(XOR_X, XOR_Y), ([0.5, 0.8], [0.2])])
def test_a_compiled_fit_is_one_without(inputs, targets):
    ours, eager = both(2, 3, 1)
    results = [network.fit(inputs, targets, 2.0, at_most=3000) for network in (ours, eager)]
    assert results[0].reached
    assert results[0].steps == results[1].steps > 1
    assert results[0].error == pytest.approx(results[1].error, rel=1e-9)
    assert ours.hidden.shape == eager.hidden.shape
    np.testing.assert_allclose(ours.hidden, eager.hidden, rtol=1e-9)
    assert_near(ours, eager, 1e-9)


@pytest.mark.parametrize("at_most", [1, 63, 64, 65, 500])
def test_a_compiled_fit_that_does_not_get_there(at_most):
    ours, eager = both(2, 3, 1)
    results = []
    for network in (ours, eager):
        with pytest.warns(UserWarning, match="not reached"):
            results.append(network.fit(XOR_X, XOR_Y, 0.1, until=1e-6, at_most=at_most))
    assert results[0].steps == at_most
    assert results[0].error == np.abs(XOR_Y - ours.forward(XOR_X)).max()
    assert_near(ours, eager, 1e-9)


def test_a_compiled_fit_that_is_there_at_once():
    network = NeuralNetwork(2, 3, 1, seed=0, compile=True)
    before = parameters(network)
    result = network.fit([0.5, 0.8], network.forward([0.5, 0.8]), 0.5)
    assert (result.reached, result.steps) == (True, 0)
    for a, b in zip(before, parameters(network), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_compiled_fit_stops_where_numbers_are_no_longer_finite():
    ours, eager = both(1, 1, output="linear")
    results = []
    for network in (ours, eager):
        network.weights1, network.bias1 = [[1.0]], [0.0]
        with pytest.warns(UserWarning, match="not reached"), np.errstate(all="ignore"):
            results.append(network.fit([[1.0]], [[0.0]], 1e30, at_most=300))
    assert not results[0].reached
    assert results[0].steps == results[1].steps < 300


def test_short_fits_stay_without_the_compiler():
    network = NeuralNetwork(2, 3, 1, seed=0)
    with pytest.warns(UserWarning, match="not reached"):
        network.fit(XOR_X, XOR_Y, 0.5, at_most=20)
    assert network._native.approach.built == 0
    with pytest.warns(UserWarning, match="not reached"):
        network.fit(XOR_X, XOR_Y, 0.5, until=1e-9, at_most=10_000)
    assert network._native.approach.built == 1


def test_compiling_is_told_to_who_listens(caplog):
    with caplog.at_level(logging.INFO, logger="lunzi"):
        network = NeuralNetwork(2, 3, 1, seed=0)
        for _ in range(3):
            network.train(np.array([0.5, 0.8]), np.array([0.2]), 0.5)
    (message,) = caplog.messages
    assert message.startswith("NeuralNetwork(2, 3, 1, activation='sigmoid', output='sigmoid')")
    assert "compiled for (2,) in" in message

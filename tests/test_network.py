"""The front door, held against its arithmetic written out by hand."""

import warnings

import numpy as np
import pytest

import lunzi as lz
from lunzi import NeuralNetwork

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

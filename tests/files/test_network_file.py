"""The file of a NeuralNetwork, whole, foreign and wrong."""

import numpy as np
import pytest

import lunzi as lz
from lunzi.files import write_tensors
from lunzi.files.network_file import StoredNetwork, read_network, write_network


def test_what_is_written_is_read(tmp_path, rng):
    tensors = {"weights1": lz.tensor(rng.standard_normal((2, 1))), "bias1": lz.zeros(1)}
    write_network(tmp_path / "network", (2, 1), "tanh", "linear", tensors)
    stored = read_network(tmp_path / "network")
    assert stored[:3] == ([2, 1], "tanh", "linear")
    np.testing.assert_array_equal(stored.tensors["weights1"], tensors["weights1"].numpy())
    assert isinstance(stored, StoredNetwork)


def test_another_file_is_refused(tmp_path):
    write_tensors(tmp_path / "other", {"w": np.ones(2)})
    with pytest.raises(lz.FileFormatError, match="no NeuralNetwork"):
        read_network(tmp_path / "other")


@pytest.mark.parametrize(
    "sizes", ["[2, 1]", "[9000000000, 9000000000]", "[2]", "[]", "7", "x", "{}"]
)
def test_sizes_that_are_not_those_of_the_tensors_cost_no_memory(tmp_path, sizes):
    metadata = {"class": "NeuralNetwork", "activation": "tanh", "output": "tanh", "sizes": sizes}
    write_tensors(tmp_path / "half", {"weights1": np.ones((2, 1))}, metadata)
    with pytest.raises(lz.FileFormatError, match="not a whole NeuralNetwork"):
        read_network(tmp_path / "half")


def test_an_activation_that_is_none_is_refused(tmp_path):
    tensors = {"weights1": np.ones((2, 1)), "bias1": np.ones(1)}
    metadata = {"class": "NeuralNetwork", "activation": "tanh", "sizes": "[2, 1]"}
    write_tensors(tmp_path / "network", tensors, metadata | {"output": "os.system"})
    with pytest.raises(lz.FileFormatError, match="output is one of"):
        lz.NeuralNetwork.load(tmp_path / "network")
    write_tensors(tmp_path / "network", tensors, metadata)
    with pytest.raises(lz.FileFormatError, match="'output'"):
        lz.NeuralNetwork.load(tmp_path / "network")

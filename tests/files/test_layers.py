"""Every layer that lunzi.nn exports comes back from a file as it was."""

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.core.structure import flatten
from lunzi.files import inspect, load, save
from lunzi.files.architecture import LAYERS, rebuild
from lunzi.nn.container import Container
from lunzi.nn.transformer import TransformerEncoder

# Class -> arguments of the samples; a class that is not here takes none
ARGUMENTS = {
    "CELU": [{}, {"alpha": 0.3}],
    "ELU": [{"alpha": 2}],
    "GELU": [{"approximate": "tanh"}],
    "AdaptiveAvgPool2d": [{"output_size": 2}, {"output_size": (None, 2)}],
    "AvgPool1d": [{"kernel_size": 2}],
    "AvgPool2d": [{"kernel_size": (2, 3), "stride": 1}, {"kernel_size": 2, "divisor_override": 3}],
    "BatchNorm1d": [{"num_features": 4}, {"num_features": 4, "momentum": None}],
    "BatchNorm2d": [
        {"num_features": 4},
        {"num_features": 4, "affine": False},
        {"num_features": 4, "bias": False},
        {"num_features": 4, "track_running_stats": False},
    ],
    "Conv1d": [{"in_channels": 4, "out_channels": 6, "kernel_size": 3, "padding": "same"}],
    "Conv2d": [
        {"in_channels": 4, "out_channels": 6, "kernel_size": (3, 2), "stride": 2, "padding": 1},
        {"in_channels": 4, "out_channels": 4, "kernel_size": 3, "groups": 2, "bias": False},
    ],
    "ConvTranspose2d": [
        {"in_channels": 4, "out_channels": 2, "kernel_size": 3, "stride": 2, "output_padding": 1}
    ],
    "CrossEntropyLoss": [{}, {"label_smoothing": 0.1, "reduction": "sum", "ignore_index": 1}],
    "Dropout": [{"p": 0.25}],
    "Dropout1d": [{"p": 0}],
    "Embedding": [
        {"num_embeddings": 9, "embedding_dim": 4},
        {"num_embeddings": 9, "embedding_dim": 4, "padding_idx": -1},
    ],
    "Flatten": [{}, {"start_dim": 2}],
    "GLU": [{"dim": 1}],
    "GRU": [{"input_size": 6, "hidden_size": 3, "num_layers": 2, "dropout": 0.5}],
    "GRUCell": [{"input_size": 6, "hidden_size": 3, "bias": False}],
    "GroupNorm": [{"num_groups": 2, "num_channels": 4}],
    "Hardtanh": [{"min_val": -0.5, "max_val": 0.25}],
    "HuberLoss": [{"delta": 0.5}],
    "KLDivLoss": [{"reduction": "batchmean"}],
    "LSTM": [{"input_size": 6, "hidden_size": 3, "bidirectional": True, "bias": False}],
    "LSTMCell": [{"input_size": 6, "hidden_size": 3}],
    "LayerNorm": [{"normalized_shape": 6}, {"normalized_shape": (6, 6), "bias": False}],
    "Linear": [
        {"in_features": 6, "out_features": 3},
        {"in_features": 6, "out_features": 3, "bias": False},
    ],
    "LogSoftmax": [{"dim": 1}],
    "MaxPool1d": [{"kernel_size": 2}],
    "MaxPool2d": [{"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}],
    "MultiheadAttention": [
        {"embed_dim": 6, "num_heads": 2, "dropout": 0.5},
        {"embed_dim": 6, "num_heads": 3, "vdim": 6, "kdim": 6, "batch_first": True, "bias": False},
    ],
    "PReLU": [{}, {"num_parameters": 4, "init": 0.1}],
    "RNN": [{"input_size": 6, "hidden_size": 3, "nonlinearity": "relu", "batch_first": True}],
    "RNNCell": [{"input_size": 6, "hidden_size": 3, "nonlinearity": "relu"}],
    "RMSNorm": [{"normalized_shape": 6}, {"normalized_shape": 6, "eps": 1e-3}],
    "SmoothL1Loss": [{"beta": 0.5}],
    "Softmax": [{"dim": -1}],
    "Softplus": [{"beta": 2.0, "threshold": 10}],
    "TransformerEncoderLayer": [
        {"d_model": 6, "nhead": 2, "dim_feedforward": 5},
        {"d_model": 6, "nhead": 1, "activation": "gelu", "norm_first": True, "bias": False},
    ],
    "Unflatten": [{"dim": 1, "unflattened_size": (2, -1)}],
}  # fmt: skip
CASES = [
    (name, arguments)
    for name, layer in LAYERS.items()
    if not issubclass(layer, Container | TransformerEncoder)  # it is made of a layer
    for arguments in ARGUMENTS.get(name, [{}])
]
every_layer = pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)


def inputs_of(name, rng):
    image = lz.tensor(rng.uniform(0.1, 0.9, (3, 4, 6, 6)), dtype="float32")
    match name:
        case "Embedding":
            return (lz.tensor(rng.integers(0, 9, (3, 5))),)
        case "MultiheadAttention":
            return (image[:, 0],) * 3
        case _ if name.endswith("Cell"):
            return (image[:, 0, 0],)
        case "GRU" | "LSTM" | "RNN" | "TransformerEncoderLayer":
            return (image[:, 0],)
        case "Conv1d" | "AvgPool1d" | "MaxPool1d" | "BatchNorm1d" | "Dropout1d":
            return (image[:, :, :, 0],)
        case "CrossEntropyLoss" | "NLLLoss":
            return image[:, :, 0, 0], lz.tensor(rng.integers(0, 4, 3))
        case _ if name.endswith("Loss"):
            return image, image * 0.5
    return (image,)


def tensors_in(outputs):
    return flatten(outputs, lambda leaf: isinstance(leaf, lz.Tensor))


def trained(name, arguments, rng):
    """A layer none of whose numbers are what the constructor makes them."""
    layer = LAYERS[name](**arguments)
    for _, tensor in layer.named_tensors():
        tensor.assign(rng.uniform(1, 5, tensor.shape).astype(tensor.dtype))
    return layer.eval()


def test_the_layers_are_found():
    assert {"Linear", "Conv2d", "Sequential", "CrossEntropyLoss"} <= LAYERS.keys()
    assert "Module" not in LAYERS
    assert "Parameter" not in LAYERS
    assert ARGUMENTS.keys() <= LAYERS.keys()


@every_layer
def test_a_layer_comes_back_with_the_same_outputs(tmp_path, rng, name, arguments):
    layer, path = trained(name, arguments, rng), tmp_path / "layer.safetensors"
    save(layer, path)
    loaded = load(path)
    assert type(loaded) is type(layer)
    assert loaded.config() == layer.config()
    assert repr(loaded) == repr(layer)
    inputs = inputs_of(name, rng)
    for found, expected in zip(
        tensors_in(loaded(*inputs)), tensors_in(layer(*inputs)), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    before, after = layer.state_dict(), loaded.state_dict()
    assert before.keys() == after.keys()
    for key in before:
        assert before[key].spec == after[key].spec
        np.testing.assert_array_equal(before[key].numpy(), after[key].numpy())


@every_layer
def test_a_layer_keeps_its_memory_order(tmp_path, rng, name, arguments):
    layer, path = trained(name, arguments, rng), tmp_path / "layer.safetensors"
    save(layer.half(), path)
    loaded = dict(load(path).named_tensors())
    for key, tensor in layer.named_tensors():
        assert tensor.numpy().strides == loaded[key].numpy().strides


@every_layer
def test_a_layer_can_be_trained_after_loading(tmp_path, rng, name, arguments):
    save(trained(name, arguments, rng), tmp_path / "layer.safetensors")
    loaded = load(tmp_path / "layer.safetensors").train()
    if not list(loaded.parameters()):
        return
    sum(x.sum() for x in tensors_in(loaded(*inputs_of(name, rng)))).backward()
    for key, parameter in loaded.named_parameters():
        assert parameter.grad is not None, key


@every_layer
def test_making_a_layer_anew_draws_no_random_numbers(name, arguments, rng, tmp_path):
    save(trained(name, arguments, rng), tmp_path / "layer.safetensors")
    architecture = inspect(tmp_path / "layer.safetensors").record.architecture
    lz.manual_seed(7)
    rebuild(architecture, "f", 10**6)
    after = lz.random.uniform(3).numpy()
    lz.manual_seed(7)
    np.testing.assert_array_equal(after, lz.random.uniform(3).numpy())


def large(value):
    return 2**16 if type(value) is int and value > 1 else value


@pytest.mark.parametrize(
    "name", [name for name, a in CASES if list(LAYERS[name](**a).parameters())]
)
def test_a_layer_that_asks_for_more_than_the_file_holds_is_refused(name, rng):
    sizes = {key: large(value) for key, value in ARGUMENTS.get(name, [{}])[-1].items()}
    node = {
        "class": name,
        "arguments": {k: list(v) if type(v) is tuple else v for k, v in sizes.items()},
    }
    with pytest.raises(lz.FileFormatError):
        rebuild(node, "model.safetensors", 10)


def test_containers_come_back(tmp_path, rng):
    model = nn.Sequential(
        {
            "first": nn.Linear(6, 4),
            "层": nn.Sequential(nn.ReLU(), nn.Sequential(), nn.Linear(4, 2)),
            "last": nn.Softmax(-1),
        }
    )
    save(model, tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    assert repr(loaded) == repr(model)
    x = lz.tensor(rng.standard_normal((3, 6)))
    np.testing.assert_array_equal(loaded(x).numpy(), model(x).numpy())


@pytest.mark.parametrize(
    "model",
    [
        nn.ModuleList([nn.Linear(2, 2), nn.ModuleDict({"a": nn.Linear(2, 3), "b": nn.ReLU()})]),
        nn.ModuleDict({"z": nn.Linear(2, 2), "a": nn.ModuleList()}),
        nn.Sequential(),
    ],
    ids=["list", "dict", "empty"],
)
def test_lists_and_dicts_of_modules_come_back(tmp_path, model):
    save(model, tmp_path / "model.safetensors")
    assert repr(load(tmp_path / "model.safetensors")) == repr(model)

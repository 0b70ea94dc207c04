"""Weights go from PyTorch to Lunzi and back in safetensors files."""

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.files import load, read_tensors, save, write_tensors

torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")


def network(library):
    return library.nn.Sequential(
        library.nn.Conv2d(1, 4, 3, padding=1),
        library.nn.BatchNorm2d(4),
        library.nn.ReLU(),
        library.nn.MaxPool2d(2),
        library.nn.Flatten(),
        library.nn.Linear(64, 3),
    ).eval()


def outputs_agree(model, theirs, x):
    with torch.no_grad():
        expected = theirs(torch.from_numpy(x)).numpy()
    # Sums in another order: a few roundings of float32 on numbers around 1.
    np.testing.assert_allclose(model(lz.tensor(x)).numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.fixture
def images(rng):
    return rng.standard_normal((5, 1, 8, 8)).astype(np.float32)


def test_weights_of_pytorch_are_loaded_into_the_same_model(tmp_path, images):
    theirs = network(torch)
    safetensors_torch.save_file(theirs.state_dict(), tmp_path / "model.safetensors")
    model = load(tmp_path / "model.safetensors", into=network(lz))
    outputs_agree(model, theirs, images)


def test_our_weights_are_loaded_by_pytorch(tmp_path, images):
    model = network(lz)
    save(model, tmp_path / "model.safetensors")
    theirs = network(torch)
    theirs.load_state_dict(safetensors_torch.load_file(tmp_path / "model.safetensors"))
    outputs_agree(model, theirs, images)


def test_a_tied_model_that_pytorch_saved_is_loaded(tmp_path):
    theirs = torch.nn.Sequential(torch.nn.Embedding(5, 3), torch.nn.Linear(3, 5, bias=False))
    theirs[1].weight = theirs[0].weight
    safetensors_torch.save_model(theirs, tmp_path / "model.safetensors")
    model = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 5, bias=False))
    model[1].weight = model[0].weight
    load(tmp_path / "model.safetensors", into=model)
    np.testing.assert_array_equal(model[1].weight.numpy(), theirs[0].weight.detach().numpy())


def test_bfloat16_is_read_without_loss(tmp_path, rng):
    x = torch.from_numpy(rng.standard_normal(100)).to(torch.bfloat16)
    safetensors_torch.save_file({"x": x}, tmp_path / "x.safetensors")
    found = read_tensors(tmp_path / "x.safetensors")["x"]
    np.testing.assert_array_equal(found, x.float().numpy())


@pytest.mark.parametrize(
    "dtype", ["float16", "float32", "float64", "int32", "int64", "uint8", "bool"]
)
def test_arrays_of_each_dtype_arrive_in_pytorch(tmp_path, rng, dtype):
    x = rng.integers(0, 2, (3, 4)).astype(dtype)
    write_tensors(tmp_path / "x.safetensors", {"x": x.T})
    found = safetensors_torch.load_file(tmp_path / "x.safetensors")["x"]
    np.testing.assert_array_equal(found.numpy(), x.T)
    assert found.numpy().dtype == dtype


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_of_pytorch_is_explained(tmp_path, zipped):
    path = tmp_path / "model.pt"
    torch.save(network(torch).state_dict(), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(lz.FileFormatError, match="is a PyTorch pickle file"):
        load(path)

import json
import os

import numpy as np
import pytest
import safetensors.numpy

import lunzi as lz
from lunzi import nn
from lunzi.files import inspect, load, read_preprocessing, read_tensors, save
from lunzi.files.architecture import LAYERS
from lunzi.messages import use_language


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


class Net(nn.Module):
    """A model of the user's own."""

    def __init__(self):
        self.hidden = nn.Linear(4, 3)
        self.output = nn.Linear(3, 2)

    def forward(self, x):
        return self.output(self.hidden(x).tanh())


class Tied(nn.Module):
    def __init__(self):
        self.embedding = nn.Embedding(5, 3)
        self.head = nn.Linear(3, 5, bias=False)
        self.head.weight = self.embedding.weight


class Louder(nn.Linear):
    """A subclass of a layer."""


def classifier():
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2))


def numbers(model):
    return {name: tensor.numpy().copy() for name, tensor in model.state_dict().items()}


def assert_unchanged(model, before):
    after = model.state_dict()
    assert after.keys() == before.keys()
    for name, array in before.items():
        np.testing.assert_array_equal(after[name].numpy(), array)


# Saving and loading


def test_a_trained_model_gives_the_same_outputs(path, rng):
    model = classifier()
    model(lz.tensor(rng.standard_normal((8, 4))))  # moves the running statistics
    save(model, path)
    x = lz.tensor(rng.standard_normal((3, 4)))
    np.testing.assert_array_equal(load(path)(x).numpy(), model.eval()(x).numpy())


def test_a_model_comes_ready_for_use_and_the_saved_one_stays_as_it_is(path):
    model = classifier()
    save(model, path)
    assert model.training
    loaded = load(path)
    assert not any(module.training for module in loaded.modules())
    assert all(module.training for module in loaded.train().modules())


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_dtypes_are_kept(path, dtype):
    save(classifier().to(dtype), path)
    loaded = load(path)
    assert {p.dtype.name for p in loaded.parameters()} == {dtype}
    assert loaded[1].num_batches_tracked.dtype.name == "int64"


def test_each_parameter_keeps_a_dtype_of_its_own(path):
    model = classifier()
    model[0].double()
    save(model, path)
    assert [p.dtype.name for p in load(path)[0].parameters()] == ["float64"] * 2
    assert [p.dtype.name for p in load(path)[3].parameters()] == ["float32"] * 2


def test_frozen_parameters_stay_frozen(path):
    model = classifier()
    model[0].requires_grad_(False)
    save(model, path)
    frozen = {name for name, p in load(path).named_parameters() if not p.requires_grad}
    assert frozen == {"0.weight", "0.bias"}


def test_the_stream_of_random_numbers_is_not_touched(path):
    model = classifier()
    before = lz.random.default_generator.counter.item()
    save(model, path)
    load(path)
    assert lz.random.default_generator.counter.item() == before


def test_the_same_model_gives_the_same_bytes(path, tmp_path):
    model = classifier()
    save(model, path, preprocessing={"mean": 0.5}, metadata={"b": "1", "a": "2"})
    save(
        load(path).train(),
        tmp_path / "2",
        preprocessing={"mean": 0.5},
        metadata={"b": "1", "a": "2"},
    )
    assert path.read_bytes() == (tmp_path / "2").read_bytes()


def test_saving_replaces_the_file_without_a_word(path, capsys):
    save(classifier(), path)
    save(nn.Linear(2, 1), path)
    assert isinstance(load(path), nn.Linear)
    assert capsys.readouterr() == ("", "")
    assert os.listdir(path.parent) == [path.name]


def test_any_path_will_do(tmp_path):
    folder = tmp_path / "数据 集"
    folder.mkdir()
    save(nn.Linear(2, 1), str(folder / "模型"))
    assert isinstance(load(folder / "模型"), nn.Linear)


def test_our_files_are_read_by_the_safetensors_library(path):
    model = classifier()
    save(model, path)
    found = safetensors.numpy.load_file(path)
    assert found.keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(found[name], tensor.numpy())


# Tied parameters


def test_tied_parameters_of_ones_own_model_stay_tied(path):
    model = Tied()
    save(model, path)
    assert read_tensors(path).keys() == {"embedding.weight", "head.weight"}
    other = load(path, into=Tied())
    assert other.head.weight is other.embedding.weight
    np.testing.assert_array_equal(other.head.weight.numpy(), model.head.weight.numpy())


def test_tied_parameters_of_layers_come_back_tied(path, rng):
    model = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 5, bias=False))
    model[1].weight = model[0].weight
    save(model, path)
    loaded = load(path)
    assert loaded[1].weight is loaded[0].weight
    assert len(list(loaded.parameters())) == 1
    x = lz.tensor(rng.integers(0, 5, 4))
    np.testing.assert_array_equal(loaded(x).numpy(), model(x).numpy())


def test_a_layer_that_is_used_twice_shares_its_state(path):
    norm = nn.BatchNorm1d(2)
    model = nn.Sequential(norm, nn.ReLU(), norm)
    save(model, path)
    loaded = load(path)
    assert loaded[2].weight is loaded[0].weight
    assert loaded[2].running_mean is loaded[0].running_mean


def test_a_tied_parameter_is_found_under_any_of_its_names(path):
    save(Tied(), path)
    kept = {"head.weight": read_tensors(path)["head.weight"]}
    safetensors.numpy.save_file(kept, path)
    model = load(path, into=Tied())
    np.testing.assert_array_equal(model.embedding.weight.numpy(), kept["head.weight"])


def test_a_tied_parameter_with_two_values_in_the_file_is_refused(path):
    save(Tied(), path)
    arrays = read_tensors(path)
    arrays["head.weight"] = arrays["head.weight"] + 1
    safetensors.numpy.save_file(arrays, path)
    model = Tied()
    before = numbers(model)
    with pytest.raises(lz.StateKeyError, match="one tensor of the model, but differ in the file"):
        load(path, into=model)
    assert_unchanged(model, before)


# Models with code of their own


def test_a_model_of_ones_own_is_loaded_into_another(path, rng):
    model = Net()
    save(model, path)
    other = Net()
    assert load(path, into=other) is other
    x = lz.tensor(rng.standard_normal((3, 4)))
    np.testing.assert_array_equal(other(x).numpy(), model(x).numpy())


def test_loading_a_model_of_ones_own_shows_into(path):
    save(Net(), path)
    with pytest.raises(lz.FileFormatError) as caught:
        load(path)
    assert "'Net', but not its architecture: Net cannot be made" in str(caught.value)
    assert "lunzi.load(path, into=model)" in str(caught.value)


@pytest.mark.parametrize(
    ("model", "obstacle"),
    [
        (nn.Sequential(nn.ReLU(), nn.Sequential(Net())), "1.0 (Net)"),
        (Louder(2, 2), "Louder"),
        (nn.Sequential(nn.CrossEntropyLoss(weight=lz.tensor([1.0, 2.0]))), "Sequential"),
        (nn.ModuleDict({"_hidden": nn.ReLU()}), "ModuleDict"),
        (nn.Sequential(nn.ReLU(), nn.LeakyReLU(float("inf"))), "1 (LeakyReLU)"),
        (type("Linear", (nn.Module,), {})(), "Linear"),
    ],
    ids=["inner", "subclass", "tensor", "underscore", "infinity", "same name"],
)
def test_what_no_file_can_describe_is_saved_as_weights(path, model, obstacle):
    save(model, path)
    with pytest.raises(lz.FileFormatError) as caught:
        load(path)
    assert f"architecture: {obstacle} cannot be made" in str(caught.value)
    assert load(path, into=model) is model


def test_a_layer_changed_by_hand_is_saved_as_weights(path):
    model = nn.Sequential(nn.Linear(3, 2))
    model[0].weight = nn.Parameter(np.zeros((5, 3), np.float32))
    model[0].bias = nn.Parameter(np.zeros(5, np.float32))
    save(model, path)
    with pytest.raises(lz.FileFormatError, match="into=model"):
        load(path)
    model = nn.Sequential(nn.Linear(3, 2))
    model.scale = nn.Parameter(np.ones(1, np.float32))
    save(model, path)
    with pytest.raises(lz.FileFormatError, match="into=model"):
        load(path)


def test_a_model_nested_too_deeply_is_saved_as_weights(path):
    model = nn.Sequential(nn.Linear(1, 1))
    for _ in range(70):
        model = nn.Sequential(model)
    save(model, path)
    with pytest.raises(lz.FileFormatError, match="into=model"):
        load(path)
    assert load(path, into=model) is model


def test_weights_of_another_program_are_loaded_into_a_model(path, rng):
    state = {
        "hidden.weight": rng.standard_normal((3, 4)).astype(np.float32),
        "hidden.bias": rng.standard_normal(3).astype(np.float32),
        "output.weight": rng.standard_normal((2, 3)).astype(np.float32),
        "output.bias": rng.standard_normal(2).astype(np.float32),
    }
    safetensors.numpy.save_file(state, path, {"format": "pt"})
    model = load(path, into=Net())
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), state[name])
    with pytest.raises(lz.FileFormatError, match="does not say of which model"):
        load(path)


def test_a_model_keeps_its_dtype_and_mode_when_it_takes_over_weights(path):
    save(classifier().double(), path)
    model = load(path, into=classifier())
    assert model.training
    assert {p.dtype.name for p in model.parameters()} == {"float32"}


MISFITS = {
    "missing": (lambda s: s.pop("output.bias"), "output.bias is missing", "缺少 output.bias"),
    "unexpected": (lambda s: s.update(more=np.ones(1)), "more is not known", "模型中没有 more"),
    "shape": (
        lambda s: s.update({"hidden.bias": np.ones(4)}),
        "hidden.bias has the shape (4,), the model's (3,)",
        "hidden.bias 的形状是 (4,)",
    ),
    "kind": (
        lambda s: s.update({"count": np.ones((), np.float32)}),
        "count is made of float32, the model's of int64",
        "count 的类型是 float32",
    ),
    "unknown dtype": (
        lambda s: s.update({"count": np.ones((), np.uint64)}),
        "count is made of U64",
        "count 的类型是 U64",
    ),
    "overflow": (
        lambda s: s.update({"hidden.bias": np.array([1.0, 1e300, 2.0])}),
        "hidden.bias holds 1e+300, which is too large for float32",
        "超出了 float32 的范围",
    ),
    "all": (lambda s: s.clear(), "output.bias is missing; count is missing.", "；缺少 count。"),
    "many": (
        lambda s: s.update({str(i): np.ones(1) for i in range(9)}),
        "5 is not known to the model; and 3 more.",
        "；另有 3 处。",
    ),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_what_does_not_fit_is_named_and_nothing_changes(path, misfit):
    change, english, chinese = MISFITS[misfit]
    model = Net()
    model.count = nn.Buffer(np.zeros((), np.int64))
    before = numbers(model)
    state = {name: np.asarray(array + 1) for name, array in before.items()}
    change(state)
    safetensors.numpy.save_file(state, path)
    for language, expected in (("zh", chinese), ("en", english)):
        with use_language(language), pytest.raises(lz.StateKeyError) as caught:
            load(path, into=model)
        assert expected in str(caught.value)
        assert str(path) in str(caught.value)
    assert_unchanged(model, before)


def test_infinities_that_were_saved_are_no_overflow(path):
    model = nn.Linear(2, 1).double()
    model.bias.assign(np.array([np.inf]))
    save(model, path)
    assert load(path, into=nn.Linear(2, 1)).bias.numpy() == np.inf


def test_whole_numbers_are_no_floating_parameters(path):
    safetensors.numpy.save_file({"weight": np.ones((1, 2), np.int32)}, path)
    with pytest.raises(lz.StateKeyError, match="weight is made of int32, the model's of float32"):
        load(path, into=nn.Linear(2, 1, bias=False))


def test_a_parameter_whose_memory_is_read_only_is_named_and_nothing_changes(path):
    model = nn.Linear(2, 1)
    save(nn.Linear(2, 1), path)
    model.bias = nn.Parameter(np.broadcast_to(np.float32(3), (1,)))
    before = numbers(model)
    with pytest.raises(lz.StateError, match="bias cannot be loaded: its memory is read-only"):
        load(path, into=model)
    assert_unchanged(model, before)


class Masked(nn.Module):
    """A layer with a table that it makes itself and that no file holds."""

    def __init__(self):
        self.mask = nn.Buffer(np.tri(3, dtype=np.float32), persistent=False)

    def forward(self, x):
        return x * self.mask


def test_tables_that_the_constructor_makes_come_back_with_it(path, monkeypatch):
    monkeypatch.setitem(LAYERS, "Masked", Masked)
    save(Masked(), path)
    np.testing.assert_array_equal(load(path).mask.numpy(), np.tri(3))


def test_tables_that_the_constructor_makes_otherwise_are_an_obstacle(path, monkeypatch):
    monkeypatch.setitem(LAYERS, "Masked", Masked)
    model = Masked()
    model.mask.assign(0)
    save(model, path)
    with pytest.raises(lz.FileFormatError, match="into=model"):
        load(path)


class Listed(nn.Module):
    def __init__(self):
        self.scales = [nn.Parameter(np.ones(2, np.float32)), nn.Parameter(np.ones(2, np.float32))]


def test_ties_that_no_attribute_names_are_an_obstacle(path, monkeypatch):
    monkeypatch.setitem(LAYERS, "Listed", Listed)
    model = Listed()
    model.scales[1] = model.scales[0]
    save(model, path)
    with pytest.raises(lz.FileFormatError, match="into=model"):
        load(path)


def test_a_damaged_file_changes_nothing(path):
    model = classifier()
    save(classifier(), path)
    before = numbers(model)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(lz.FileFormatError, match="is cut"):
        load(path, into=model)
    assert_unchanged(model, before)


# Wrong arguments


@pytest.mark.parametrize("wrong", [nn.Linear, nn.Linear(1, 1).state_dict(), None, "model"], ids=str)
def test_only_models_are_saved(path, wrong):
    with pytest.raises(lz.KindError, match="model must be a model"):
        save(wrong, path)
    assert not path.exists()


def test_a_state_is_not_saved_and_what_to_save_is_said(path):
    with pytest.raises(lz.KindError, match="save the model itself and not its state_dict"):
        save(nn.Linear(1, 1).state_dict(), path)


@pytest.mark.parametrize("wrong", [Net, {}, "Net"], ids=str)
def test_weights_are_loaded_into_models_only(path, wrong):
    with pytest.raises(lz.KindError, match="into must be a model"):
        load(path, into=wrong)


@pytest.mark.parametrize("wrong", [None, 3, b"model.safetensors", ["model"]], ids=str)
def test_a_path_is_text_or_a_path(wrong):
    for use in (load, inspect, read_tensors, lambda path: save(nn.ReLU(), path)):
        with pytest.raises(lz.KindError, match=r"a path is text or a pathlib\.Path, got"):
            use(wrong)


def test_a_missing_file_and_a_missing_folder_are_told(path):
    with pytest.raises(lz.MissingFileError, match=r"model\.safetensors does not exist"):
        load(path)
    with pytest.raises(lz.MissingFileError, match=r"the folder .* does not exist"):
        save(nn.ReLU(), path / "model.safetensors")


@pytest.mark.parametrize("key", ["a/b", "..", "a\nb", "a\\b"], ids=ascii)
def test_a_model_with_a_name_that_no_file_can_have_is_not_saved(path, key):
    model = Net()
    model.parts = {key: nn.Linear(1, 1)}
    with pytest.raises(lz.RangeError, match="cannot name a tensor in a file"):
        save(model, path)
    assert not path.exists()


def test_two_tensors_of_one_name_are_not_saved(path):
    model = Net()
    model.parts = {"a.b": nn.Linear(1, 1), "a": {"b": nn.Linear(1, 1)}}
    with pytest.raises(lz.RangeError, match=r"two tensors of the name parts\.a\.b\.weight"):
        save(model, path)


# Preprocessing and metadata


def test_preprocessing_and_metadata_are_given_back(path):
    preprocessing = {"classes": ("零", "一"), "mean": 0.1, "crop": None, "sizes": [[8, 8]]}
    save(nn.Linear(2, 1), path, preprocessing=preprocessing, metadata={"author": "云"})
    found = inspect(path)
    expected = {"classes": ["零", "一"], "mean": 0.1, "crop": None, "sizes": [[8, 8]]}
    assert found.preprocessing == read_preprocessing(path) == expected
    assert found.metadata == {"author": "云"}
    assert isinstance(load(path), nn.Linear)


def test_there_need_be_no_preprocessing(path):
    save(nn.ReLU(), path)
    assert read_preprocessing(path) is None


def test_inspect_tells_all_without_reading_numbers(path):
    save(nn.Sequential(nn.Linear(2, 1)), path)
    found = inspect(path)
    assert [(t.name, t.dtype, t.shape, t.nbytes) for t in found.tensors] == [
        ("0.weight", "float32", (1, 2), 8),
        ("0.bias", "float32", (1,), 4),
    ]
    assert found.nbytes == path.stat().st_size
    assert found.record.class_name == "Sequential"
    assert found.record.architecture["children"]["0"]["class"] == "Linear"


def test_inspect_reads_files_of_other_programs(path):
    safetensors.numpy.save_file({"x": np.ones(2)}, path, {"format": "pt"})
    found = inspect(path)
    assert found.record is None
    assert found.metadata == {"format": "pt"}


@pytest.mark.parametrize("wrong", [{1: 2}, float("nan"), {"a": np.zeros(2)}, nn.ReLU()], ids=str)
def test_preprocessing_is_json(path, wrong):
    with pytest.raises(lz.KindError, match="preprocessing is made of what JSON has"):
        save(nn.ReLU(), path, preprocessing=wrong)
    assert not path.exists()


def test_preprocessing_does_not_hold_itself(path):
    endless = []
    endless.append(endless)
    with pytest.raises(lz.KindError, match="preprocessing is made of what JSON has"):
        save(nn.ReLU(), path, preprocessing=endless)


@pytest.mark.parametrize(
    ("metadata", "error"),
    [({"lunzi.model": "{}"}, lz.RangeError), ({"a": 1}, lz.KindError), ({1: "a"}, lz.KindError)],
)
def test_metadata_is_strings_and_not_ours(path, metadata, error):
    with pytest.raises(error):
        save(nn.ReLU(), path, metadata=metadata)
    assert not path.exists()


def test_the_architecture_can_be_read_in_the_file(path):
    save(nn.Linear(2, 1), path)
    with safetensors.safe_open(path, "np") as file:
        record = json.loads(file.metadata()["lunzi.model"])
    assert record["architecture"] == {
        "class": "Linear",
        "arguments": {"in_features": 2, "out_features": 1, "bias": True},
    }


def test_a_compiled_model_is_saved_and_filled_as_the_model_that_it_runs(path):
    model = classifier().eval()
    compiled = lz.compile(model)
    x = np.ones((2, 4), np.float32)
    expected = compiled(x).numpy()
    save(compiled, path)
    np.testing.assert_array_equal(load(path).eval()(x), model(x))
    other = lz.compile(classifier().eval())
    other(x)
    assert load(path, into=other) is other
    np.testing.assert_array_equal(other(x), expected)


def test_a_compiled_function_is_no_model(path):
    with pytest.raises(lz.KindError, match="must be a model"):
        save(lz.compile(lambda x: x * 2), path)

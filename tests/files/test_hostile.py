"""Files made to do harm: no code is run, no memory spent, and each is refused with a reason."""

import copy
import json
import resource
import tracemalloc

import pytest

import lunzi as lz
from lunzi import nn
from lunzi.files import inspect, load, save
from lunzi.files.architecture import LAYERS
from lunzi.files.record import MODEL
from lunzi.messages import use_language

LINEAR = {"class": "Linear", "arguments": {"in_features": 4, "out_features": 3, "bias": True}}
RELU = {"class": "ReLU", "arguments": {}}


def model():
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(4, 3))


@pytest.fixture
def edit(tmp_path):
    """Saves `model()` and changes what its file says about it; gives the path."""
    path = tmp_path / "model.safetensors"

    def write(change):
        save(model(), path)
        content = path.read_bytes()
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + length])
        record = json.loads(header["__metadata__"][MODEL])
        record = change(record) or record
        header["__metadata__"][MODEL] = record if isinstance(record, str) else json.dumps(record)
        raw = json.dumps(header).encode()
        path.write_bytes(len(raw).to_bytes(8, "little") + raw + content[8 + length :])
        return path

    return write


def refused(path, read=load):
    """The error in English; in both languages it names the file, on one line that can be shown."""
    messages = []
    for language in ("zh", "en"):
        with use_language(language), pytest.raises(lz.FileFormatError) as caught:
            read(path)
        messages.append(str(caught.value))
        assert str(path) in messages[-1]
        assert messages[-1].isprintable()
        assert len(messages[-1]) < 600
    assert messages[0] != messages[1]
    return messages[1]


# What a record cannot be

RECORDS = {
    "no JSON": (lambda r: "{", "the metadata lunzi.model is not valid JSON"),
    "NaN": (lambda r: '{"version": NaN}', "'NaN' is not finite"),
    "a key twice": (lambda r: '{"version": 1, "version": 1}', "'version' stands there twice"),
    "a list": (lambda r: [1], "does not describe a model as Lunzi does: [1]"),
    "newer": (lambda r: {**r, "version": 2}, "written by a newer Lunzi (format 2;"),
    "version 0": (lambda r: {**r, "version": 0}, "does not describe a model"),
    "version is text": (lambda r: {**r, "version": "1"}, "does not describe a model"),
    "version is true": (lambda r: {**r, "version": None}, "does not describe a model"),
    "less": (lambda r: r.pop("tied") and None, "does not describe a model"),
    "more": (lambda r: {**r, "code": "import os"}, "does not describe a model"),
    "class is no text": (lambda r: {**r, "class_name": 1}, "does not describe a model"),
    "class is a control": (lambda r: {**r, "class_name": "\x1b[2J"}, "does not describe a model"),
    "obstacle beside": (lambda r: {**r, "obstacle": "Net"}, "does not describe a model"),
    "nothing told": (lambda r: {**r, "architecture": None}, "does not describe a model"),
    "tied alone": (lambda r: {**r, "tied": [["0.weight"]]}, "does not describe a model"),
    "tied is no list": (lambda r: {**r, "tied": "0.weight"}, "does not describe a model"),
    "tied to a number": (lambda r: {**r, "tied": [["0.weight", 1]]}, "does not describe a model"),
    "frozen is no list": (lambda r: {**r, "frozen": {}}, "does not describe a model"),
}


@pytest.mark.parametrize("wrong", RECORDS)
def test_a_wrong_record_is_refused_by_load_and_inspect(edit, wrong):
    change, expected = RECORDS[wrong]
    path = edit(change)
    assert expected in refused(path)
    assert expected in refused(path, inspect)


# What an architecture cannot be


def nested(depth):
    node = RELU
    for _ in range(depth):
        node = {"class": "Sequential", "children": {"0": node}}
    return node


def arguments(**changes):
    return {"class": "Linear", "arguments": {**LINEAR["arguments"], **changes}}


def child(name):
    return {"class": "Sequential", "children": {name: LINEAR}}


ARCHITECTURES = {
    "a text": ("Linear", "the model must be described by `class` and"),
    "a list": ([LINEAR], "must be described by"),
    "nothing in it": ({}, "must be described by"),
    "no class": ({"arguments": {}, "children": {}}, "must be described by"),
    "more": ({**LINEAR, "code": "import os"}, "must be described by"),
    "children of a layer": ({"class": "Linear", "children": {}}, "must be described by"),
    "arguments of a container": ({"class": "Sequential", "arguments": {}}, "must be described by"),
    "arguments in a list": ({"class": "Linear", "arguments": [4, 3]}, "must be described by"),
    "too deep": (nested(70), "is one too many: 10,000 modules, up to 64 within"),
    "too many": (
        {"class": "ModuleDict", "children": {f"m{i}": RELU for i in range(10_001)}},
        "m9999 is one too many",
    ),
    "argument is text": (arguments(in_features="4"), "Linear cannot be made with '4' for its"),
    "argument is a truth": (arguments(in_features=True), "cannot be made with True for"),
    "argument is a dict": (arguments(bias={}), "cannot be made with {} for its argument 'bias'"),
    "unknown argument": (arguments(device="cuda"), "with 'cuda' for its argument 'device'"),
    "dunder argument": (arguments(__class__="os"), "for its argument '__class__'"),
    "self": (arguments(self=1), "for its argument 'self'"),
    "missing argument": (
        {"class": "Linear", "arguments": {"in_features": 4}},
        "cannot be made with nothing for its argument 'out_features'",
    ),
    "refused by the layer": (arguments(in_features=0), "in_features must be 1 or more, got 0"),
    "long reason": (
        {"class": "GELU", "arguments": {"approximate": "x" * 1000}},
        "GELU cannot be made: ",
    ),
    "below 0": (arguments(in_features=-(2**60)), "asks for 1,152,921,504,606,846,976 numbers"),
    "large": (arguments(in_features=2**60), "asks for 1,152,921,504,606,846,976 numbers"),
    "large in two": (arguments(in_features=2**20, out_features=2**10), "asks for 1,073,742,848"),
    "larger in two": (arguments(in_features=2**20, out_features=2**20), "Linear"),
    "large shape": (
        {"class": "LayerNorm", "arguments": {"normalized_shape": [2**16, 2**15]}},
        "LayerNorm asks for 2,147,483,648 numbers, and the file has 1,048,576",
    ),
    "other layers": (nested(1), "contradicts itself, its tensors are not those of its arch"),
    "other shapes": (child("0"), "1.weight is not known to the model"),
}


@pytest.mark.parametrize("wrong", ARCHITECTURES)
def test_a_wrong_architecture_is_refused(edit, wrong):
    architecture, expected = ARCHITECTURES[wrong]
    path = edit(lambda record: {**record, "architecture": architecture})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    message = refused(path)
    spent = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert expected in message
    # In KiB. What a layer asks for in vain is reserved, but never touched.
    assert spent < 50_000


NOT_LAYERS = [
    "os.system",
    "system",
    "builtins.eval",
    "eval",
    "lunzi.nn.module.Module",
    "lunzi.nn.Linear",
    "Module",
    "Container",
    "Parameter",
    "Buffer",
    "functional",
    "init",
    "utils",
    "LunziWarning",
    "__class__",
    "__init__",
    "__all__",
    "",
    "Linear\n",
    "linear",
    "\x1b[31mLinear",
    None,
    7,
    ["Linear"],
    {"class": "Linear"},
]


@pytest.mark.parametrize("name", NOT_LAYERS, ids=ascii)
def test_a_class_that_is_no_layer_is_refused(edit, name):
    node = {"class": name, "arguments": {}}
    message = refused(edit(lambda record: {**record, "architecture": node}))
    assert "which is no layer of lunzi.nn here" in message
    assert LAYERS.keys().isdisjoint({str(name)})


@pytest.mark.parametrize(
    "name", ["_forward_hooks", "__class__", "_x", "a.b", "", "training", "forward", "hold"]
)
def test_a_child_cannot_take_the_name_of_something_else(edit, name):
    message = refused(edit(lambda record: {**record, "architecture": child(name)}))
    assert f"{name!r} cannot be the name of a module" in message


# Ties and frozen parameters that cannot be

TIES = {
    "unknown name": ["0.weight", "9.weight"],
    "the same name": ["0.weight", "0.weight"],
    "other shapes": ["0.weight", "1.weight"],
    "a parameter and a buffer": ["1.weight", "1.running_mean"],
    "dunder": ["0.__class__", "0.weight"],
}


@pytest.mark.parametrize("wrong", TIES)
def test_tensors_that_cannot_be_one_are_refused(edit, wrong):
    message = refused(edit(lambda record: {**record, "tied": [TIES[wrong]]}))
    assert "are said to be one tensor, but cannot be" in message


def test_a_tensor_is_tied_in_one_group_only(edit):
    groups = [["0.weight", "2.weight"], ["2.weight", "0.weight"]]
    assert "2.weight', '0.weight' are said" in refused(edit(lambda r: {**r, "tied": groups}))


def test_tied_tensors_that_differ_are_refused(edit):
    message = refused(edit(lambda record: {**record, "tied": [["0.weight", "2.weight"]]}))
    assert "0.weight and 2.weight are one tensor of the model, but differ in the file" in message


@pytest.mark.parametrize("name", ["9.weight", "1.running_mean", "0", "__class__"])
def test_only_parameters_can_be_frozen(edit, name):
    message = refused(edit(lambda record: {**record, "frozen": [name]}))
    assert f"{name!r} is said to be a frozen parameter" in message


def test_an_unchanged_record_is_read(edit):
    assert isinstance(load(edit(lambda record: None)), nn.Sequential)


def integers_in(value, place=()):
    """The place of each integer in a JSON value."""
    if type(value) is int:
        yield place
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from integers_in(item, (*place, key))


@pytest.mark.parametrize("size", [-(2**60), -1, 0, 2**19, 2**31, 2**60, 2**63 - 1])
def test_no_integer_of_the_architecture_costs_memory(edit, size):
    images = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.LayerNorm((2, 3)), nn.PReLU())
    path = edit(lambda record: None)
    save(images, path)
    before = inspect(path).record.architecture
    for place in integers_in(before):
        changed = copy.deepcopy(before)
        inner = changed
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = size
        path = edit(lambda record, changed=changed: {**record, "architecture": changed})
        tracemalloc.start()
        refused(path)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 50_000_000, place

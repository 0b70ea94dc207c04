"""Valid files changed at random: each is refused by an error of Lunzi's, or is valid too."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lunzi as lz
from lunzi import nn
from lunzi.files import inspect, load, read_tensors, save

random_files = settings(max_examples=300, deadline=None, derandomize=True)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """The bytes of a model's file."""
    path = tmp_path_factory.mktemp("original") / "model.safetensors"
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))
    save(model, path, preprocessing={"classes": ["a", "b"]}, metadata={"author": "云"})
    return path.read_bytes()


def outcome(read, *arguments, **named):
    """What it gives, or else the text of Lunzi's own error; any other error fails the test."""
    try:
        return read(*arguments, **named), None
    except lz.LunziError as error:
        return None, str(error)


@pytest.fixture(scope="module")
def attempt(tmp_path_factory):
    """Reads changed bytes in every way there is, and gives the model if they are valid."""
    path = tmp_path_factory.mktemp("changed") / "model.safetensors"

    def read(content):
        path.write_bytes(content)
        arrays, damage = outcome(read_tensors, path)
        model, refusal = outcome(load, path)
        _, blindness = outcome(inspect, path)
        assert all(str(path) in text for text in (damage, refusal, blindness) if text)
        assert not damage or (refusal and blindness)
        if model is not None:
            state = model.state_dict()
            assert state.keys() == arrays.keys()
            for name, array in arrays.items():
                assert state[name].shape == array.shape
                np.testing.assert_array_equal(state[name].numpy(), array)
        return model

    return read


def split(content):
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def joined(header, data):
    raw = json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + data


def test_the_original_is_valid(original, attempt):
    assert isinstance(attempt(original), nn.Sequential)
    assert isinstance(attempt(joined(*split(original))), nn.Sequential)


@random_files
@given(data=st.data())
def test_changed_bytes(original, attempt, data):
    content = bytearray(original)
    header = 8 + int.from_bytes(original[:8], "little")
    places = st.integers(0, header - 1) | st.integers(0, len(content) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    attempt(bytes(content))


@random_files
@given(data=st.data())
def test_bytes_put_in_or_taken_out(original, attempt, data):
    begin = data.draw(st.integers(0, len(original)))
    end = data.draw(st.integers(begin, len(original)))
    attempt(original[:begin] + data.draw(st.binary(max_size=40)) + original[end:])


@random_files
@given(content=st.binary(max_size=200))
def test_random_bytes(attempt, content):
    assert attempt(content) is None


@pytest.mark.parametrize("length", range(0, 3000, 37))
def test_a_cut_at_any_place_is_refused(original, attempt, length):
    if length < len(original):
        assert attempt(original[:length]) is None


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 2**18)
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(["Linear", "Sequential", "F64", "BOOL", "0.weight", "3.bias", "os.system"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=5,
)


def changed(value, data):
    """The JSON value with one part of it replaced, taken out, doubled or renamed."""
    if isinstance(value, dict) and value and data.draw(st.integers(0, 5)):
        key = data.draw(st.sampled_from(sorted(value)))
        match data.draw(st.integers(0, 7)):
            case 0:
                return {name: item for name, item in value.items() if name != key}
            case 1:
                new = data.draw(
                    st.text(max_size=9) | st.sampled_from(["../x", "__metadata__", "a.b"])
                )
                return {new if name == key else name: item for name, item in value.items()}
            case _:
                return {**value, key: changed(value[key], data)}
    if isinstance(value, list) and value and data.draw(st.integers(0, 5)):
        place = data.draw(st.integers(0, len(value) - 1))
        return [*value[:place], changed(value[place], data), *value[place + 1 :]]
    if isinstance(value, str) and value.startswith("{") and data.draw(st.integers(0, 9)):
        return json.dumps(changed(json.loads(value), data))
    return data.draw(anything)


@settings(random_files, max_examples=500)
@given(data=st.data())
def test_changed_headers(original, attempt, data):
    header, numbers = split(original)
    for _ in range(data.draw(st.integers(1, 2))):
        header = changed(header, data)
    attempt(joined(header, numbers))


@random_files
@given(data=st.data())
def test_changed_files_leave_a_model_as_it_was(original, tmp_path_factory, data):
    header, numbers = split(original)
    path = tmp_path_factory.getbasetemp() / "changed.safetensors"
    path.write_bytes(joined(changed(header, data), numbers))
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))
    before = bits(model)
    loaded, error = outcome(load, path, into=model)
    if loaded is None:
        assert str(path) in error
        assert bits(model) == before


def bits(model):
    return {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}

import json
import tracemalloc

import pytest

from lunzi import FileFormatError
from lunzi.files import read_header, read_tensors
from lunzi.files.header import LARGEST_HEADER
from lunzi.messages import use_language

TWO = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def entry(**changes):
    return {"weight": {**TWO, **changes}}


def refused(path):
    """The error in English; the Chinese one names the file too."""
    with use_language("zh"), pytest.raises(FileFormatError) as chinese:
        read_tensors(path)
    with use_language("en"), pytest.raises(FileFormatError) as english:
        read_tensors(path)
    assert str(chinese.value) != str(english.value)
    for caught in (chinese, english):
        assert str(path) in str(caught.value)
        assert len(str(caught.value)) < 500
        assert "\n" not in str(caught.value)
    return str(english.value)


def test_a_header_tells_names_dtypes_shapes_and_bytes(forge):
    header = {
        "__metadata__": {"author": "云"},
        "steps": {"dtype": "I64", "shape": [], "data_offsets": [0, 8]},
        "层.weight": {"dtype": "F16", "shape": [2, 3], "data_offsets": [8, 20]},
        "mask": {"dtype": "F8_E4M3", "shape": [3], "data_offsets": [20, 23]},
        "none": {"dtype": "BOOL", "shape": [0, 5], "data_offsets": [20, 20]},
    }
    found = read_header(forge(header, bytes(23)))
    assert [(t.name, t.dtype, t.shape, t.size, t.nbytes) for t in found.tensors] == [
        ("steps", "int64", (), 1, 8),
        ("层.weight", "float16", (2, 3), 6, 12),
        ("none", "bool", (0, 5), 0, 0),
        ("mask", "F8_E4M3", (3,), 3, 3),
    ]
    assert found.metadata == {"author": "云"}
    assert found.nbytes == found.data_start + 23


def test_a_file_without_tensors_is_a_file(forge):
    path = forge({})
    assert read_header(path).tensors == ()
    assert read_header(path).nbytes == path.stat().st_size
    assert read_tensors(path) == {}


def test_numbers_of_fewer_than_8_bits_take_whole_bytes(forge):
    tiny = {"x": {"dtype": "F4", "shape": [3], "data_offsets": [0, 2]}}
    assert read_header(forge(tiny, bytes(2))).tensors[0].dtype == "F4"


# What the header is, the numbers behind it -> what the error says
WRONG = {
    "not an object": ([1, 2], 0, "no safetensors file"),
    "a string": ('"weight"', 0, "no safetensors file"),
    "spaces before": (' {"a": 1}', 0, "no safetensors file"),
    "not JSON": ("{weight}", 0, "the header is not valid JSON"),
    "nothing behind the brace": ("{", 0, "at character 1"),
    "not UTF-8": (b'{"\xff": 1}', 0, "byte 10: the header is no UTF-8 text"),
    "NaN": ('{"weight": NaN}', 0, "'NaN' is not finite"),
    "a name twice": (f'{{"a": {json.dumps(TWO)}, "a": {json.dumps(TWO)}}}', 8, "'a' stands there"),
    "metadata is a list": ({"__metadata__": []}, 0, "must be strings by name, but holds []"),
    "metadata has a number": ({"__metadata__": {"a": 1}}, 0, "but holds 1"),
    "no fields": ({"weight": {}}, 0, "dtype, shape, data_offsets, not by []"),
    "a field more": (entry(device="cuda"), 8, "'device'"),
    "fields are a list": ({"weight": [1]}, 0, "not by [1]"),
    "unknown dtype": (entry(dtype="F33"), 8, "dtype 'F33', which the format does not know"),
    "dtype is a list": (entry(dtype=["F32"]), 8, "dtype ['F32']"),
    "shape is a number": (entry(shape=2), 8, "the shape 2;"),
    "shape has a float": (entry(shape=[2.0]), 8, "the shape [2.0];"),
    "shape has a truth": (entry(shape=[True, 2]), 8, "the shape [True, 2];"),
    "shape below 0": (entry(shape=[-2]), 8, "the shape [-2];"),
    "too many axes": (entry(shape=[1] * 33), 8, "up to 32 whole numbers"),
    "overflow": (entry(shape=[2**32, 2**32]), 8, "the shape [4294967296, 4294967296];"),
    "overflow beside 0": (entry(shape=[0, 2**62], data_offsets=[0, 0]), 0, "too large together"),
    "offsets are one": (entry(data_offsets=[8]), 8, "said to lie at [8];"),
    "offsets below 0": (entry(data_offsets=[-8, 0]), 8, "said to lie at [-8, 0];"),
    "offsets backward": (entry(data_offsets=[8, 0]), 8, "said to lie at [8, 0];"),
    "a length that lies": (entry(data_offsets=[0, 12]), 12, "takes 8 bytes, but 12 are given"),
    "a shape that lies": (entry(shape=[2**40]), 8, "takes 4,398,046,511,104 bytes, but 8 are"),
    "hole in front": (entry(data_offsets=[4, 12]), 12, "begins at byte 4 of the numbers, but"),
    "overlap": ({"a": TWO, "b": {**TWO, "data_offsets": [4, 12]}}, 12, "within the tensor before"),
    "the same place": ({"a": TWO, "b": TWO}, 8, "within the tensor before"),
    "an empty tensor within another": (
        {"a": TWO, "b": {"dtype": "U8", "shape": [0], "data_offsets": [4, 4]}},
        8,
        "begins at byte 4",
    ),
    "cut": (entry(), 7, "is cut: its tensors take 8 bytes, but only 7 follow"),
    "trailing": (entry(), 9, "take 8 bytes, but 9 follow the header"),
    "a length of 2^62 bytes": (
        entry(shape=[2**60], data_offsets=[0, 2**62]),
        8,
        "take 4,611,686,018,427,387,904 bytes, but only 8",
    ),
    "integers beyond int64": (entry(data_offsets=[0, 10**30]), 8, "more digits"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_header_is_refused_with_file_place_and_reason(forge, wrong):
    header, size, expected = WRONG[wrong]
    assert expected in refused(forge(header, bytes(size)))


NAMES = {
    "": "it is empty",
    "x" * 1001: "more than 1000 characters",
    "../weight": "like a path",
    "/etc/passwd": "like a path",
    "a/b": "like a path",
    "a\\b": "like a path",
    "a..b": "like a path",
    ".hidden": "like a path",
    "~root": "like a path",
    "a\nb": "cannot be shown",
    "a\x1b[31mb": "cannot be shown",
    "a\x00b": "cannot be shown",
    "a\u202eb": "cannot be shown",
}


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_that_is_unsafe_is_refused_and_shown_escaped(forge, name):
    message = refused(forge({name: TWO}, bytes(8)))
    assert NAMES[name] in message
    assert message.isprintable()


@pytest.mark.parametrize("claimed", [LARGEST_HEADER + 1, 2**31, 2**60, 2**64 - 1])
def test_no_memory_is_spent_on_a_claimed_header(forge, claimed):
    path = forge({}, length=claimed)
    tracemalloc.start()
    message = refused(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert f"said to have {claimed:,} bytes" in message
    assert peak < 100_000


def test_a_header_longer_than_the_file_is_refused(forge):
    assert "ends within its header, which needs 108 bytes" in refused(forge({}, length=100))


def test_every_cut_of_a_file_is_refused(forge):
    path = forge(entry(), bytes(8))
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        refused(path)

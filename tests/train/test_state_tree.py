import contextlib
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from lunzi.core.errors import FileFormatError, KindError
from lunzi.core.tensor import Tensor
from lunzi.files import read_tensors, write_tensors
from lunzi.train.state_tree import pack, unpack

DTYPES = ["bool", "uint8", "uint32", "int32", "int64", "float16", "float32", "float64"]
SHAPES = arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
ARRAYS = st.sampled_from(DTYPES).flatmap(lambda dtype: arrays_of.arrays(dtype, SHAPES))
TENSORS = ARRAYS.map(lambda array: Tensor(array.copy()))
NUMBERS = (
    st.sampled_from(DTYPES[:-1]).flatmap(lambda d: arrays_of.arrays(d, ())).map(lambda a: a[()])
)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | ARRAYS | TENSORS | NUMBERS
)
KEYS = st.text() | st.integers()
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner),
    max_leaves=12,
)


def round_trip(tree):
    arrays = {}
    written = json.dumps(pack(tree, arrays))
    return unpack(json.loads(written), arrays, "run.safetensors")


def same(a, b):
    """Equal in kind and to the last bit."""
    if type(a) is not type(b):
        return False
    match a:
        case Tensor():
            return same(a.numpy(), b.numpy())
        case np.ndarray() | np.generic():
            return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
        case float():
            return (math.isnan(a) and math.isnan(b)) or a.hex() == b.hex()
        case dict():
            keys = [(type(key), key) for key in a] == [(type(key), key) for key in b]
            return keys and all(same(a[key], b[key]) for key in a)
        case list() | tuple():
            return len(a) == len(b) and all(map(same, a, b))
    return a == b


@given(TREES)
def test_every_tree_comes_back_as_it_was(tree):
    assert same(round_trip(tree), tree)


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        -0.0,
        5e-324,
        0.1,
        2**64 - 1,
        -(2**200),
        True,
        None,
        "数据\ud800\n",
        {},
        {"a": {}, 1: {"": []}, "1": ()},
        {-3: {2**70: "large"}},
        np.float32(0.1),
        np.bool_(True),
        np.array(-0.0),
        np.zeros((0, 3), np.int32),
    ],
)
def test_special_values_come_back_as_they_were(value):
    assert same(round_trip(value), value)


def test_a_float64_of_numpy_becomes_a_float():
    assert same(round_trip(np.float64(0.1)), 0.1)
    assert same(round_trip(np.float64("inf")), math.inf)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_arrays_keep_the_order_of_their_axes_in_memory(rng, order, tmp_path):
    array = rng.standard_normal((2, 3, 4)).transpose(order)
    arrays = {}
    packed = pack({"gradient": Tensor(array)}, arrays)
    write_tensors(tmp_path / "file", arrays)
    back = unpack(packed, read_tensors(tmp_path / "file"), "file")["gradient"].numpy()
    np.testing.assert_array_equal(back, array)
    assert back.strides == array.strides


def test_arrays_that_repeat_or_skip_memory_come_back_with_their_numbers(rng):
    wide = rng.standard_normal((4, 6))
    for array in (wide[:, :3], wide[::2, ::-1], np.broadcast_to(wide[0], (3, 6))):
        np.testing.assert_array_equal(round_trip(array), array)


def test_arrays_are_named_by_their_path_where_a_file_takes_that_name():
    arrays = {}
    tree = {"a": {"b": np.zeros(1)}, "a.b": np.ones(1), "../up": np.ones(2), "": np.ones(3)}
    assert same(unpack(pack(tree, arrays), arrays, ""), tree)
    assert list(arrays) == ["a.b", "tensor 1", "tensor 2", "tensor 3"]


def test_a_single_array_needs_no_path():
    assert same(round_trip(np.ones(2)), np.ones(2))


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"a": [object()]}, r"a\.0 is a object"),
        ({"a": {(1, 2): 3}}, r"a has \(1, 2\)"),
        ({1.5: 3}, r"this one has 1\.5"),
        ({1, 2}, "this one is a set"),
        (b"bytes", "this one is a bytes"),
    ],
)
def test_what_cannot_be_written_is_named(tree, message):
    with pytest.raises(KindError, match=message):
        pack(tree, {})


@pytest.mark.parametrize(
    "packed",
    [
        [],
        {},
        {"tensor": "a"},
        {"tensor": []},
        {"tensor": ["b", 0]},
        {"tensor": ["a"]},
        {"tensor": ["a", 1]},
        {"tensor": ["a", "0"]},
        {"tensor": [[], 0]},
        {"array": ["a", 0, 1]},
        {"number": ["a"]},
        {"float": "one"},
        {"float": 1.5},
        {"float": None},
        {"dict": {}},
        {"dict": [[1]]},
        {"dict": [[[], 2]]},
        {"dict": [3]},
        {"list": None},
        {"tuple": [[]]},
        {"dict": [["a", {"code": "print()"}]]},
    ],
)
def test_trees_that_pack_did_not_make_are_refused(packed):
    with pytest.raises(FileFormatError, match=r"run\.safetensors is damaged"):
        unpack(packed, {"a": np.zeros(2)}, "run.safetensors")


def test_a_tree_deeper_than_the_python_stack_is_refused():
    packed = 0
    for _ in range(100_000):
        packed = {"list": [packed]}
    with pytest.raises(FileFormatError):
        unpack(packed, {}, "run.safetensors")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["tensor", "array", "number", "float", "dict", "list", "tuple", "x"]),
            inner,
            max_size=2,
        )
    ),
)


@given(JSON)
def test_any_other_json_gives_a_tree_or_the_one_error(packed):
    with contextlib.suppress(FileFormatError):
        unpack(packed, {"x": np.zeros((1, 2))}, "run.safetensors")

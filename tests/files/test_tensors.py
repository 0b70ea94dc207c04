import os
import stat

import numpy as np
import pytest
import safetensors.numpy

from lunzi import FileFormatError, KindError, MissingFileError, RangeError, Tensor, tensor
from lunzi.core.spec import DTYPES
from lunzi.files import read_header, read_tensors, write_tensors
from lunzi.files.tensors import read_array


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def samples(rng):
    """Each dtype in shapes with and without numbers, and in each memory order."""
    arrays = {}
    for dtype in DTYPES:
        for shape in ((), (0,), (3, 0), (5,), (2, 3), (2, 1, 3)):
            name = f"{dtype.name}{list(shape)}"
            arrays[name] = np.asarray(rng.uniform(0, 9, shape)).astype(dtype)
            arrays[f"{name}.turned"] = arrays[name].T
    return arrays


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)


def test_what_is_written_is_read(path, rng):
    arrays = samples(rng)
    write_tensors(path, arrays, {"author": "云", "note": 'a "quote"\nand a line'})
    assert_same(read_tensors(path), arrays)
    assert read_header(path).metadata == {"author": "云", "note": 'a "quote"\nand a line'}


def test_what_is_written_is_read_by_the_safetensors_library(path, rng):
    arrays = samples(rng)
    write_tensors(path, arrays, {"author": "云"})
    assert_same(safetensors.numpy.load_file(path), arrays)
    with safetensors.safe_open(path, "np") as file:
        assert file.metadata() == {"author": "云"}


def test_what_the_safetensors_library_writes_is_read(path, rng):
    arrays = {name: np.asarray(array, order="C") for name, array in samples(rng).items()}
    safetensors.numpy.save_file(arrays, path, {"author": "云"})
    assert_same(read_tensors(path), arrays)
    assert read_header(path).metadata == {"author": "云"}


def test_special_numbers_keep_their_bits(path):
    bits = np.array([0x7FC00001, 0xFFC12345, 0x80000000, 0x7F800000, 1], np.uint32)
    write_tensors(path, {"x": bits.view(np.float32)})
    np.testing.assert_array_equal(read_tensors(path)["x"].view(np.uint32), bits)


def test_the_same_tensors_give_the_same_bytes(path, tmp_path, rng):
    metadata = {letter: letter for letter in "zyxabc"}
    arrays = samples(rng)
    write_tensors(path, arrays, metadata)
    write_tensors(tmp_path / "again", arrays, metadata)
    assert path.read_bytes() == (tmp_path / "again").read_bytes()


def test_numbers_begin_at_a_multiple_of_their_width(path):
    write_tensors(
        path, {"a": np.ones(3, bool), "b": np.ones(1), "c": np.ones(1, np.float16), "d": np.ones(2)}
    )
    header = read_header(path)
    assert header.data_start % 8 == 0
    assert [entry.name for entry in header.tensors] == ["b", "d", "c", "a"]


def test_tensors_are_written_as_well_as_arrays(path):
    write_tensors(path, {"w": tensor([1.0, 2.0], requires_grad=True), "n": np.float64(3)})
    found = read_tensors(path)
    np.testing.assert_array_equal(found["w"], np.array([1, 2], np.float32))
    np.testing.assert_array_equal(found["n"], 3.0)


def test_arrays_of_the_other_byte_order_are_written(path):
    write_tensors(path, {"x": np.array([1.5, 2.5], ">f4")})
    np.testing.assert_array_equal(read_tensors(path)["x"], np.array([1.5, 2.5], np.float32))


def test_arrays_that_were_read_may_be_changed(path):
    write_tensors(path, {"x": np.zeros(2)})
    array = read_tensors(path)["x"]
    array[0] = 1
    assert array.flags.aligned


def test_bf16_is_read_as_float32_without_loss(forge):
    header = {"x": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}}
    found = read_tensors(forge(header, np.array([0x3F80, 0xC000, 0x7F80, 0x0001], "<u2").tobytes()))
    assert found["x"].dtype == np.float32
    np.testing.assert_array_equal(found["x"], [[1.0, -2.0], [np.inf, 2.0**-133]])


def test_dtypes_that_lunzi_has_not_are_listed_but_not_read(path):
    safetensors.numpy.save_file({"x": np.zeros(3, np.int16)}, path)
    assert read_header(path).tensors[0].dtype == "I16"
    with pytest.raises(FileFormatError, match="x has the dtype I16, which Lunzi does not have"):
        read_tensors(path)


def test_a_truth_value_is_0_or_1(forge):
    header = {"m": {"dtype": "BOOL", "shape": [3], "data_offsets": [0, 3]}}
    with pytest.raises(FileFormatError, match=r"m is made of truth values.* holds the byte 7"):
        read_tensors(forge(header, bytes([1, 7, 0])))


def test_a_file_that_shrinks_while_it_is_read_is_refused(path):
    write_tensors(path, {"x": np.ones(1000)})
    header = read_header(path)
    os.truncate(path, 100)
    with (
        open(path, "rb") as file,
        pytest.raises(FileFormatError, match=r"changed while it was read: the numbers .* x are"),
    ):
        read_array(file, header.tensors[0], header)


WRONG_TENSORS = [
    ({"": 0}, RangeError, "'' cannot name a tensor"),
    ({"a/b": 0}, RangeError, "'a/b' cannot name a tensor"),
    ({"__metadata__": 0}, RangeError, "'__metadata__' cannot name a tensor"),
    ({"\ud800": 0}, RangeError, "cannot name a tensor"),
    ({3: 0}, RangeError, "3 cannot name a tensor"),
    ({"x": [1.0]}, KindError, "x must be a tensor or an array, got list"),
    ({"x": np.zeros(2, complex)}, KindError, "x has the dtype complex128; files hold float16"),
    ({"x": np.array("text")}, KindError, "str"),
    ({"x": np.array([{}])}, KindError, "object"),
]


@pytest.mark.parametrize(("tensors", "error", "expected"), WRONG_TENSORS, ids=range(9))
def test_what_cannot_be_written_is_refused_and_nothing_changes(path, tensors, error, expected):
    path.write_bytes(b"old")
    arrays = {k: np.zeros(2) if isinstance(v, int) else v for k, v in tensors.items()}
    with pytest.raises(error) as caught:
        write_tensors(path, arrays)
    assert expected in str(caught.value)
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize(
    ("metadata", "error"),
    [({"a": 1}, KindError), ({1: "a"}, KindError), ({"a": "\ud800"}, RangeError)],
)
def test_metadata_is_strings_of_whole_characters(path, metadata, error):
    with pytest.raises(error):
        write_tensors(path, {}, metadata)
    assert not path.exists()


def test_a_header_that_nobody_could_read_is_not_written(path):
    with pytest.raises(RangeError, match=r"names and metadata take 17000.* bytes"):
        write_tensors(path, {}, {"log": "x" * 17_000_000})
    assert not path.exists()


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"the folder .*runs does not exist\. Make it"):
        write_tensors(tmp_path / "runs" / "model.safetensors", {})


def test_a_folder_is_not_replaced(tmp_path):
    with pytest.raises(FileFormatError, match="is a folder"):
        write_tensors(tmp_path, {})


def test_what_the_system_says_against_writing_is_told(tmp_path):
    with pytest.raises(FileFormatError, match=r"cannot be written: .*too long"):
        write_tensors(tmp_path / ("x" * 255), {})


def test_an_error_while_writing_leaves_the_old_file_whole(path, monkeypatch):
    write_tensors(path, {"x": np.ones(3)})
    before = path.read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileFormatError, match="cannot be written: No space left on device"):
        write_tensors(path, {"x": np.zeros(3)})
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("name", ["数据 集/模型.safetensors", "no-ending", "a.b.c"])
def test_a_file_may_have_any_name(tmp_path, name):
    (tmp_path / "数据 集").mkdir()
    write_tensors(str(tmp_path / name), {"x": np.ones(1)})
    assert list(read_tensors(tmp_path / name)) == ["x"]


def test_a_relative_path_without_a_folder_is_written_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_tensors("model.safetensors", {"x": Tensor(np.ones(1))})
    assert stat.S_ISREG(os.stat("model.safetensors").st_mode)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_tensors(path, [np.zeros(2)]),
        lambda path: write_tensors(path, tensor([1.0])),
        lambda path: write_tensors(path, {"x": np.zeros(2)}, "metadata"),
        lambda path: write_tensors(path, {"x": np.zeros(2)}, np.zeros(2)),
    ],
)
def test_tensors_and_metadata_come_by_name(write, path):
    with pytest.raises(KindError, match="by name, in a dict; got "):
        write(path)
    assert not path.exists()

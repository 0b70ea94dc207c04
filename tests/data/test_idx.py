import contextlib
import gzip
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lunzi.core.errors import FileFormatError, LunziError, MissingFileError
from lunzi.data.idx import parse_idx, read_idx

KINDS = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx(array):
    kind = KINDS[array.dtype.str[1:]]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


VALID = idx(np.arange(24, dtype="i2").reshape(2, 3, 4))


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_number_is_read_in_native_order(kind, compress, tmp_path):
    array = (np.arange(24) - 12).astype(kind).reshape(2, 3, 4)
    path = tmp_path / "数据.idx"
    path.write_bytes(compress(idx(array)))
    result = read_idx(path)
    np.testing.assert_array_equal(result, array)
    assert result.dtype == array.dtype
    assert result.dtype.isnative
    assert result.flags.writeable


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"none\.idx does not exist"):
        read_idx(tmp_path / "none.idx")


def test_an_empty_file_is_named(tmp_path):
    (tmp_path / "a.idx").touch()
    with pytest.raises(FileFormatError, match=r"a\.idx is empty"):
        read_idx(tmp_path / "a.idx")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x00\x00\x08", "a.idx is no IDX file: it begins with 00 00 08"),
        (b"\x01\x00\x08\x01", "no IDX file"),
        (b"\x00\x00\x0a\x01\x00\x00\x00\x01", "no IDX file"),
        (b"\x00\x00\x08\x00", "byte 3: the header says 0 axes"),
        (b"\x00\x00\x08\xff" + bytes(4 * 255), "says 255 axes; 1 to 64"),
        (b"\x00\x00\x08\x02\x00\x00\x00\x01\x00", "ends at byte 9, within the header"),
        (b"\x00\x00\x08\x01\x00\x00\x00\x00", r"the shape \(0,\), which holds no numbers"),
        (VALID[:-1], r"shape \(2, 3, 4\), which takes 48 bytes, but only 47"),
        (VALID + b"\x00", "byte 64: there is more data than"),
        (gzip.compress(VALID)[:-9], "cannot be decompressed"),
        (gzip.compress(VALID)[:20] + b"????" + gzip.compress(VALID)[24:], "cannot be decompressed"),
        (b"\x1f\x8b", "cannot be decompressed"),
    ],
)
def test_damage_is_named_with_its_place(content, message):
    with pytest.raises(FileFormatError, match=message):
        parse_idx(content, "a.idx")


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_a_header_that_claims_exabytes_costs_no_memory(compress):
    header = struct.pack(">BBBB3I", 0, 0, 0x0E, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1)
    with pytest.raises(FileFormatError, match="but only 9 follow"):
        parse_idx(compress(header + bytes(9)), "a.idx")


@settings(deadline=None, max_examples=200)
@given(
    base=st.sampled_from([VALID, gzip.compress(VALID)]),
    cut=st.integers(0, 80),
    changes=st.lists(st.tuples(st.integers(0, 79), st.integers(0, 255)), max_size=4),
)
def test_only_our_own_errors_come_from_damaged_bytes(base, cut, changes):
    content = bytearray(base[: len(base) - cut])
    for place, value in changes:
        if place < len(content):
            content[place] = value
    with contextlib.suppress(LunziError):
        parse_idx(bytes(content), "a.idx")


def test_mnist_is_read(shared_data):
    images = read_idx(shared_data("mnist/t10k-images-idx3-ubyte.gz"))
    labels = read_idx(shared_data("mnist/t10k-labels-idx1-ubyte.gz"))
    assert images.shape == (10_000, 28, 28)
    assert np.bincount(labels).tolist() == [
        *(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
    ]

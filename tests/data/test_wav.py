import io
import struct
import tarfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lunzi.core.errors import FileFormatError, LunziError
from lunzi.data.wav import SUBFORMAT_END, parse_wav, read_wav


def chunk(name, content):
    return struct.pack("<4sI", name, len(content)) + content + b"\0" * (len(content) % 2)


def form(code=1, channels=1, rate=8000, bits=16):
    frame = channels * bits // 8
    return struct.pack("<HHIIHH", code, channels, rate, rate * frame, frame, bits)


def extensible(code=1, channels=1, rate=8000, bits=16, valid_bits=16, end=SUBFORMAT_END):
    tail = struct.pack("<HHIH", 22, valid_bits, 0, code) + end
    return form(0xFFFE, channels, rate, bits) + tail


def wav(data, layout=None, before=b""):
    body = b"WAVE" + before + chunk(b"fmt ", layout or form()) + chunk(b"data", data)
    return b"RIFF" + struct.pack("<I", len(body)) + body


VALID = wav(np.arange(-8, 8, dtype="<i2").tobytes())


@pytest.mark.parametrize(
    ("bits", "data", "expected"),
    [
        (8, bytes([0, 64, 128, 255]), [-1, -0.5, 0, 127 / 128]),
        (16, struct.pack("<4h", -32768, -16384, 0, 32767), [-1, -0.5, 0, 32767 / 32768]),
        (24, b"\0\0\x80\0\0\xc0\0\0\0\xff\xff\x7f", [-1, -0.5, 0, 1 - 2**-23]),
        (32, struct.pack("<4i", -(2**31), -(2**30), 0, 2**30), [-1, -0.5, 0, 0.5]),
    ],
)
def test_whole_numbers_are_scaled_to_one(bits, data, expected):
    samples, rate = parse_wav(wav(data, form(bits=bits, rate=16000)), "a.wav")
    assert samples.tolist() == expected
    assert samples.dtype == np.float32
    assert rate == 16000


@pytest.mark.parametrize("bits", [32, 64])
def test_floating_point_is_taken_as_it_is(bits):
    data = np.array([-1.5, 0.25, 0], f"<f{bits // 8}").tobytes()
    assert parse_wav(wav(data, form(3, bits=bits)), "a.wav").samples.tolist() == [-1.5, 0.25, 0]


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_channels_are_the_second_axis(channels):
    data = np.arange(10 * channels, dtype="<i2")
    samples, _ = parse_wav(wav(data.tobytes(), form(channels=channels)), "a.wav")
    shape = (10,) if channels == 1 else (10, channels)
    np.testing.assert_array_equal(samples * 32768, data.reshape(shape))


def test_an_extensible_header_is_read():
    data = struct.pack("<2h", 16384, -16384)
    assert parse_wav(wav(data, extensible()), "a.wav").samples.tolist() == [0.5, -0.5]
    floats = np.array([0.5], "<f4").tobytes()
    layout = extensible(code=3, bits=32, valid_bits=32)
    assert parse_wav(wav(floats, layout), "a.wav").samples.tolist() == [0.5]


def test_unknown_chunks_and_their_padding_are_passed_over():
    before = chunk(b"LIST", b"odd") + chunk(b"junk", b"")
    content = wav(struct.pack("<h", 16384), before=before) + chunk(b"tail", b"x") + b"abc"
    assert parse_wav(content, "a.wav").samples.tolist() == [0.5]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"RIFX" + VALID[4:], "no WAV file: it begins with 52 49 46 58"),
        (VALID[:11], "no WAV file"),
        (VALID[:12], "ends at byte 12 without any sound"),
        (VALID[:36], "ends at byte 36 without any sound"),
        (VALID[:-1], "byte 36: the chunk `data` is said to have 32 bytes, but 31 follow"),
        (b"RIFF\0\0\0\0WAVE" + chunk(b"data", b"ab"), "byte 20: the sound begins before"),
        (wav(b""), "byte 44: the file holds no samples"),
        (wav(b"abc"), "3 bytes of sound are not a multiple of 2"),
        (wav(b"ab", form()[:14]), "length 14 < 16"),
        (wav(b"ab", form(channels=0)), "channels 0"),
        (wav(b"ab", form(rate=0)), "rate 0"),
        (wav(b"ab", form()[:12] + struct.pack("<HH", 3, 16)), "block 3"),
        (wav(b"ab", form(code=2, bits=4)), "kind 0x0002 with 4 bits cannot be read; PCM"),
        (wav(b"ab", form(code=6, bits=8)), "kind 0x0006"),
        (wav(b"ab", extensible(code=7, bits=8, valid_bits=8)), "kind 0x0007"),
        (wav(b"ab", extensible(end=bytes(14))), "WAVE_FORMAT_EXTENSIBLE"),
        (wav(b"ab", extensible()[:30]), "WAVE_FORMAT_EXTENSIBLE"),
        (wav(b"ab", extensible(valid_bits=17)), "valid bits 17, bits 16"),
        (wav(np.array([0, np.nan], "<f4").tobytes(), form(3, bits=32)), "byte 48: a sample is inf"),
        (wav(np.array([0, 1e300], "<f8").tobytes(), form(3, bits=64)), "byte 52: a sample is inf"),
    ],
)
def test_damage_is_named_with_its_place(content, message):
    with pytest.raises(FileFormatError, match=message):
        parse_wav(content, "a.wav")


def test_a_chunk_that_claims_gigabytes_costs_no_memory():
    content = VALID[:40] + struct.pack("<I", 2**32 - 1) + VALID[44:]
    with pytest.raises(FileFormatError, match="4294967295 bytes, but 32 follow"):
        parse_wav(content, "a.wav")


@settings(deadline=None, max_examples=200)
@given(
    base=st.sampled_from([VALID, wav(bytes(24), extensible(channels=2))]),
    cut=st.integers(0, 80),
    changes=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 255)), max_size=4),
)
def test_only_our_own_errors_come_from_damaged_bytes(base, cut, changes):
    content = bytearray(base[: len(base) - cut])
    for place, value in changes:
        if place < len(content):
            content[place] = value
    try:
        samples, _ = parse_wav(bytes(content), "a.wav")
    except LunziError:
        return
    assert np.isfinite(samples).all()


def test_spoken_digits_are_read(shared_data, tmp_path):
    with tarfile.open(shared_data("free-spoken-digit-dataset/recordings.tar.gz")) as archive:
        member = next(m for m in archive if m.name.endswith(".wav"))
        content = io.BytesIO(archive.extractfile(member).read()).getvalue()
    path = tmp_path / "digit.wav"
    path.write_bytes(content)
    samples, rate = read_wav(path)
    assert rate == 8000
    assert samples.shape == ((len(content) - 44) // 2,)
    assert 0.01 < np.abs(samples).max() <= 1

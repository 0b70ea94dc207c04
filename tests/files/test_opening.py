import os
import socket

import pytest

from lunzi import FileFormatError, MissingFileError
from lunzi.files import read_header, read_tensors
from lunzi.messages import use_language


def message_of(path, error=FileFormatError):
    """The error in English; it names the file in both languages."""
    messages = []
    for language in ("zh", "en"):
        with use_language(language), pytest.raises(error) as caught:
            read_tensors(path)
        messages.append(str(caught.value))
        assert os.fspath(path) in messages[-1]
    assert messages[0] != messages[1]
    return messages[1]


def test_a_missing_file_is_missing(tmp_path):
    assert "does not exist" in message_of(tmp_path / "no.safetensors", MissingFileError)


def test_a_missing_file_is_a_file_not_found_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_header(str(tmp_path / "no.safetensors"))


def test_a_file_below_a_file_is_missing(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    message_of(tmp_path / "plain" / "model.safetensors", MissingFileError)


def test_a_name_with_a_zero_byte_is_missing():
    message_of("model\0.safetensors", MissingFileError)


def test_a_folder_is_told_apart(tmp_path):
    assert "is a folder" in message_of(tmp_path)


def test_a_pipe_does_not_make_it_wait(tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "pipe"))
        assert "a device or a pipe" in message_of(tmp_path / "pipe")


def test_what_the_system_says_is_told(tmp_path):
    assert "too long" in message_of(tmp_path / ("x" * 300)).lower()


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"x")

    def refuse(*args):
        raise PermissionError(13, "Permission denied", str(path))

    # Whoever runs the tests may read everything, so the refusal is played.
    monkeypatch.setattr("builtins.open", refuse)
    assert message_of(path).endswith("cannot be read: Permission denied.")


BEGINNINGS = {
    "a PyTorch pickle file": [
        b"PK\x03\x04\x00\x00\x08\x08"
        + b"\x00" * 18
        + b"\x0d\x00\x18\x00model/data.pkl"
        + b"x" * 99,
        b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.",
        b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94.",
    ],
    "pointer of Git LFS": [b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 4\n"],
    "a web page": [b"<!DOCTYPE html><html></html>", b"\n <HTML lang=en><body>", b"<!doctype html>"],
    "format ZIP": [b"PK\x03\x04\x14\x00\x00\x00\x08\x00weight.npy"],
    "format HDF5": [b"\x89HDF\r\n\x1a\n\x00\x00\x00\x00\x00\x08\x08\x00"],
    "format GGUF": [b"GGUF\x03\x00\x00\x00\x01\x00\x00\x00"],
    "format NumPy": [b"\x93NUMPY\x01\x00v\x00{'descr': '<f4'}"],
    "format gzip": [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"],
    "is no safetensors file": [b'{"a": 1, "b": 2}', b"hello, world", b"\x00" * 64],
    "is empty": [b""],
}


@pytest.mark.parametrize(
    ("expected", "beginning"),
    [(expected, beginning) for expected, all_ in BEGINNINGS.items() for beginning in all_],
    ids=str,
)
def test_files_of_other_formats_are_recognised(tmp_path, expected, beginning):
    path = tmp_path / "model.pt"
    path.write_bytes(beginning)
    assert expected in message_of(path)


def test_a_pickle_is_never_run(tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "run").encode() + b"'\ntR.")
    message_of(path)
    assert not (tmp_path / "run").exists()


def test_a_valid_header_that_begins_like_a_pickle_is_read(forge):
    header = "{}" + " " * (0x0280 - 2)  # its length, 80 02 as bytes, is the mark of a pickle
    assert read_tensors(forge(header)) == {}

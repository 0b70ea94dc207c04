"""`lunzi inspect`: the tensors of a file in a table."""

import re

import numpy as np
import pytest
from rich.cells import cell_len

from lunzi import nn
from lunzi.files import save, write_tensors


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("name", ["", "model.safetensors", "checkpoint.safetensors"])
def test_columns_align_by_cells_and_fit(class_run, lunzi, monkeypatch, name, width, language):
    monkeypatch.setenv("COLUMNS", str(width))
    ended = lunzi("inspect", str(class_run / name), "--language", language)
    assert (ended.status, ended.err) == (0, "")
    head, rule, *lines, _ = ended.out.splitlines()
    assert max(cell_len(line) for line in ended.out.splitlines()) <= width
    starts = columns_of(head)
    assert len(starts) == 4
    assert cell_len(rule) <= width
    for line in lines:
        if len(columns_of(line)) == 4:  # others go on with a long name
            assert columns_of(line)[1:3] == starts[1:3]
            assert cell_len(line.rstrip()) == cell_len(head.rstrip())


def columns_of(line):
    """The cells at which the columns of a line begin."""
    return [cell_len(line[: match.start()]) for match in re.finditer(r"(?<!\S)\S+( \S+)*", line)]


def test_a_folder_and_its_model_file_are_the_same(class_run, lunzi):
    folder, file = (
        lunzi("inspect", str(class_run)),
        lunzi("inspect", str(class_run / "model.safetensors")),
    )
    assert folder == file


def test_lists_name_dtype_shape_and_numbers_and_sums_up(folder, lunzi):
    save(nn.Sequential(nn.Linear(3, 2)), folder / "m.safetensors")
    out = lunzi("inspect", "m.safetensors").out
    rows = [line.split() for line in out.splitlines()]
    assert rows[0] == ["tensor", "dtype", "shape", "numbers"]
    assert rows[2] == ["0.bias", "float32", "(2,)", "2"]
    assert rows[3] == ["0.weight", "float32", "(2,", "3)", "6"]
    size = (folder / "m.safetensors").stat().st_size
    assert out.splitlines()[-1] == f"tensors: 2 | numbers: 8 | bytes of the file: {size:,}"


def test_names_with_numbers_stand_in_the_order_of_the_layers(folder, lunzi):
    arrays = {f"{place}.weight": np.zeros(place, np.float32) for place in (10, 2, 1)}
    write_tensors(folder / "m.safetensors", arrays, {})
    named = lunzi("inspect", "m.safetensors").out
    assert re.findall(r"^\d+", named, re.MULTILINE) == ["1", "2", "10"]
    largest_first = lunzi("inspect", "m.safetensors", "--sort", "size").out
    assert re.findall(r"^\d+", largest_first, re.MULTILINE) == ["10", "2", "1"]


def test_names_are_shown_as_they_are(folder, lunzi):
    names = ["[red]x", ":smile:", "权重", "[bold]"]
    write_tensors("m.safetensors", {name: np.zeros(1, np.float32) for name in names}, {})
    out = lunzi("inspect", "m.safetensors").out
    assert all(name in out for name in names)

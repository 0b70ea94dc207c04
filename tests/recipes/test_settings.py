"""What a run was asked for, kept in a file and read again."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from lunzi.core.errors import FileFormatError, MissingFileError, RangeError
from lunzi.recipes.settings import DESCRIPTION, Settings, path_from, read_settings, written

TABLE = Settings("table", 3, 5, "data/价格.csv", "价格", "regression", "gb18030")


def test_the_command_repeats_the_run_without_telling_a_folder():
    assert Settings("digits", 2).command() == ("lunzi", "train", "digits", "--seed", "2")
    without = Settings("digits", compile=False).command()
    assert without == ("lunzi", "train", "digits", "--seed", "0", "--no-compile")
    assert TABLE.command() == (
        *("lunzi", "train", "价格.csv", "--target", "价格", "--task", "regression"),
        *("--encoding", "gb18030", "--seed", "3", "--epochs", "5"),
    )


@pytest.mark.parametrize(("settings", "name"), [(Settings("digits"), "digits"), (TABLE, "价格")])
def test_a_run_is_called_by_its_recipe_or_its_file(settings, name):
    assert settings.name == name


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"seed": 2**63}, {"epochs": 0}])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(RangeError, match=next(iter(wrong))):
        Settings("digits", **wrong)


def test_a_file_name_that_is_no_text_is_refused():
    with pytest.raises(RangeError, match="holds bytes that are no UTF-8 text"):
        Settings("table", data=os.fsdecode(b"\xff.csv"))


@pytest.mark.parametrize(
    "settings", [Settings("digits", 1), TABLE, Settings("digits", compile=False)]
)
def test_settings_come_back_as_they_were(folder, settings):
    (folder / "runs").mkdir()
    (folder / "runs" / DESCRIPTION).write_text(written(settings, Path("runs"), "abc"), "utf-8")
    fingerprint = None if settings.data is None else "abc"
    assert read_settings(Path("runs")) == (settings, fingerprint)


def test_the_file_is_found_from_another_folder(folder, monkeypatch):
    (folder / "runs").mkdir()
    (folder / "runs" / DESCRIPTION).write_text(written(TABLE, Path("runs"), "abc"), "utf-8")
    (folder / "inner").mkdir()
    monkeypatch.chdir(folder / "inner")
    read, _ = read_settings(Path("../runs"))
    assert read == replace(TABLE, data="../data/价格.csv")


def test_no_run_is_told_from_a_damaged_one(folder):
    with pytest.raises(MissingFileError, match="no training run"):
        read_settings(folder)
    (folder / DESCRIPTION).write_bytes(b"\xff")
    with pytest.raises(FileFormatError, match="damaged"):
        read_settings(folder)


def test_a_path_that_cannot_be_relative_stays_whole(folder, monkeypatch):
    def refuse(path, start):
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr("os.path.relpath", refuse)
    assert path_from(folder / "runs", folder / "a.csv") == (folder / "a.csv").as_posix()

"""The folder of a run: free, named, and typed as a shell takes it."""

import shlex
from pathlib import Path

import pytest

from lunzi.recipes import folder as folders
from lunzi.recipes.folder import new_folder, refuse_full, typed


def test_each_new_folder_takes_the_next_number(folder):
    assert [new_folder("digits").as_posix() for _ in range(3)] == [
        "runs/digits-1",
        "runs/digits-2",
        "runs/digits-3",
    ]
    assert new_folder("价格") == Path("runs/价格-1")


def test_a_gap_is_filled(folder):
    new_folder("digits"), new_folder("digits")
    Path("runs/digits-1").rmdir()
    assert new_folder("digits") == Path("runs/digits-1")


def test_only_new_and_empty_folders_are_taken(folder):
    refuse_full(folder / "new")
    refuse_full(folder)
    (folder / "file").touch()
    with pytest.raises(ValueError, match="is not empty"):
        refuse_full(folder)
    with pytest.raises(ValueError, match="is a file"):
        refuse_full(folder / "file")


@pytest.mark.parametrize("path", ["runs/digits-1", "数据/价格-1", "/a.b/c_d", "../x"])
def test_plain_paths_need_no_quotes(path):
    assert typed(path) == path


@pytest.mark.parametrize(
    "path", ["数据 集/run 1", "a'b", "$HOME", "a;b", "a&b", "*", "a(1)", "价`格"]
)
def test_others_are_quoted_so_that_a_shell_gives_them_back(path):
    assert typed(path) != path
    assert shlex.split(typed(path)) == [path]


def test_windows_quotes_in_its_own_way(monkeypatch):
    monkeypatch.setattr(folders, "ON_WINDOWS", True)
    assert typed("a b/c") == '"a b/c"'
    assert typed("数据") == "数据"

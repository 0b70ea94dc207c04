"""The number of threads: by request, by the variable, by the machine."""

import os

import numpy as np
import pytest

from lunzi.compiler import thread_count
from lunzi.compiler.thread_count import (
    MOST,
    distinct_cores,
    get_num_threads,
    quota,
    set_num_threads,
    usable_cores,
)
from lunzi.core.errors import KindError, RangeError


@pytest.fixture(autouse=True)
def undecided(monkeypatch):
    monkeypatch.setattr(thread_count, "_chosen", None)
    monkeypatch.delenv("LUNZI_NUM_THREADS", raising=False)


def test_without_a_request_every_usable_core_has_a_thread():
    assert get_num_threads() == usable_cores()
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize("text", ["3", " 3 ", "03"])
def test_the_variable_is_heard(monkeypatch, text):
    monkeypatch.setenv("LUNZI_NUM_THREADS", text)
    assert get_num_threads() == 3


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_variable_asks_for_nothing(monkeypatch, text):
    monkeypatch.setenv("LUNZI_NUM_THREADS", text)
    assert get_num_threads() == usable_cores()


@pytest.mark.parametrize("text", ["0", "-1", "2.5", "two", "1025", "9" * 5000, "²", "1,2"])
def test_a_wrong_variable_is_named(monkeypatch, text):
    monkeypatch.setenv("LUNZI_NUM_THREADS", text)
    with pytest.raises(RangeError, match="LUNZI_NUM_THREADS is a whole number from 1 to 1024"):
        get_num_threads()


def test_a_request_overrides_the_variable(monkeypatch):
    monkeypatch.setenv("LUNZI_NUM_THREADS", "nonsense")
    set_num_threads(np.int64(5))
    assert get_num_threads() == 5
    assert type(get_num_threads()) is int


@pytest.mark.parametrize("count", [True, 2.0, "2", None, [2]])
def test_a_request_is_a_whole_number(count):
    with pytest.raises(KindError, match="the number of threads is a whole number"):
        set_num_threads(count)


@pytest.mark.parametrize("count", [0, -3, MOST + 1, 10**30])
def test_a_request_is_within_bounds(count):
    set_num_threads(2)
    with pytest.raises(RangeError, match="the number of threads must be"):
        set_num_threads(count)
    assert get_num_threads() == 2


def written(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content)


def test_two_threads_of_a_core_count_once(tmp_path):
    for cpu, siblings in enumerate(["0,4", "1,5", "2,6", "3,7"] * 2):
        written(tmp_path / f"cpu{cpu}" / "topology", thread_siblings_list=siblings)
    assert distinct_cores(range(8), tmp_path) == 4
    assert distinct_cores([1, 5], tmp_path) == 1
    assert distinct_cores([1, 2], tmp_path) == 2


def test_processors_of_which_nothing_is_known_are_cores(tmp_path):
    assert distinct_cores(range(3), tmp_path) == 3


def test_the_quota_of_an_outer_group_counts(tmp_path):
    own = tmp_path / "own"
    own.write_text("0::/outer/inner\n")
    written(tmp_path / "groups" / "outer", cpu__max="150000 100000")
    written(tmp_path / "groups" / "outer" / "inner", cpu__max="max 100000")
    assert quota(tmp_path / "groups", own) == 1.5


def test_the_quota_of_the_first_version_of_groups_counts(tmp_path):
    own = tmp_path / "own"
    own.write_text("4:memory:/other\n3:cpu,cpuacct:/jobs\n1:cpuset:/\n")
    written(tmp_path / "groups" / "cpu", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    written(
        tmp_path / "groups" / "cpu" / "jobs",
        cpu__cfs_quota_us="400000",
        cpu__cfs_period_us="100000",
    )
    assert quota(tmp_path / "groups", own) == 4


@pytest.mark.parametrize("content", ["", "0::/\n", "nonsense", "0:", "5:cpu:/../..\n"])
def test_groups_that_say_nothing_do_not_limit(tmp_path, content):
    own = tmp_path / "own"
    own.write_text(content)
    written(tmp_path / "groups", cpu__max="0 0")
    assert quota(tmp_path / "groups", own) == MOST
    assert quota(tmp_path / "nowhere", tmp_path / "no file") == MOST

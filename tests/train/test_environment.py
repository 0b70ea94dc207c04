import os
import platform

import numpy as np
import pytest

from lunzi.train import environment as module
from lunzi.train.environment import (
    THREAD_VARIABLES,
    available_cores,
    blas_threads,
    differences,
    environment,
    versions,
)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for variable in THREAD_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(module, "available_cores", lambda: 8)


def test_the_environment_is_texts_by_name():
    now = environment()
    assert now["numpy"] == np.__version__
    assert platform.python_version().startswith(now["python"])
    assert now["threads"] == "8"
    assert now["processor features"]
    assert all(isinstance(value, str) for value in now.values())


def test_the_environment_is_the_same_each_time():
    assert environment() == environment()
    assert differences(environment(), environment()) == []


def test_a_numpy_that_says_little_about_its_build_is_no_matter(monkeypatch):
    monkeypatch.setattr(np, "show_config", lambda mode: {})
    assert environment()["blas"] == "? ?"
    assert environment()["processor features"] == ""


@pytest.mark.parametrize(
    ("settings", "threads"),
    [
        ({}, 8),
        ({"OMP_NUM_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "2"}, 2),
        ({"OPENBLAS_NUM_THREADS": "0", "OMP_NUM_THREADS": "4"}, 4),
        ({"OPENBLAS_NUM_THREADS": "many"}, 8),
        ({"OPENBLAS_NUM_THREADS": "²"}, 8),
        ({"OPENBLAS_NUM_THREADS": "64"}, 8),
    ],
)
def test_threads_are_those_that_the_settings_ask_for(monkeypatch, settings, threads):
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert blas_threads() == threads


def test_cores_are_those_that_this_process_may_use(monkeypatch):
    assert 1 <= available_cores() <= os.cpu_count()
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert available_cores() == os.cpu_count()
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores() == 1


def test_differences_are_told_in_words():
    before = {"numpy": "2.0", "threads": "2", "gone": "1"}
    now = {"numpy": "2.1", "threads": "2", "new": "3"}
    assert differences(before, now) == ["numpy 2.0 -> 2.1", "gone 1 -> ?", "new ? -> 3"]


def test_versions_are_for_people():
    assert list(versions()) == ["Lunzi", "Python", "NumPy"]

"""Targets: what a processor has, and what LUNZI_CPU switches off."""

import numpy as np
import pytest

from lunzi.compiler.target import (
    LEVELS,
    NEEDED,
    Target,
    cross,
    features_at,
    host,
    host_levels,
    levels_of,
)
from lunzi.core.errors import RangeError, StateError

X86 = "x86_64-unknown-linux-gnu"
SKYLAKE_X = {"avx512f", "avx512vl", "avx512dq", "avx512bw", "avx2", "avx", "fma", "sse2"}


@pytest.mark.parametrize(
    ("features", "widest"),
    [
        (SKYLAKE_X, "avx512"),
        (SKYLAKE_X - {"avx512vl"}, "avx2"),
        ({"avx2", "fma", "sse2"}, "avx2"),
        ({"avx2", "sse2"}, "sse2"),
        ({"avx", "sse2"}, "sse2"),
    ],
)
def test_the_level_is_the_widest_whose_features_are_all_there(features, widest):
    assert levels_of(X86, features)[0] == widest


@pytest.mark.parametrize("triple", ["aarch64-linux-gnu", "arm64-apple-darwin24.0.0"])
def test_arm_has_neon(triple):
    assert levels_of(triple, set()) == ["neon", "generic"]


def test_a_processor_of_which_nothing_is_known_is_generic():
    assert levels_of("riscv64-unknown-linux-gnu", {"v"}) == ["generic"]


def test_a_level_below_the_hosts_does_without_what_came_later():
    present = {*SKYLAKE_X, "avx10.1", "amx-tile", "bmi2"}
    assert features_at("avx2", present, whole=False) == "+avx,+avx2,+bmi2,+fma,+sse2"
    assert features_at("sse2", present, whole=False) == ""
    assert features_at("generic", present, whole=True) == ""


def test_an_old_processor_keeps_all_that_it_has():
    assert features_at("sse2", {"sse2", "sse4.1"}, whole=True) == "+sse2,+sse4.1"


@pytest.mark.parametrize(
    ("level", "lanes", "vectors", "has_fma"),
    [("avx512", 16, 32, True), ("avx2", 8, 16, True), ("neon", 4, 32, True),
     ("sse2", 4, 16, False), ("generic", 4, 16, False)],
)  # fmt: skip
def test_the_width_of_vectors(level, lanes, vectors, has_fma):
    target = Target(X86, level)
    assert target.lanes(np.dtype("float32")) == lanes
    assert target.lanes(np.dtype("float64")) == lanes // 2
    assert target.lanes(np.dtype("uint8")) == lanes * 4
    assert (target.vectors, target.has_fma) == (vectors, has_fma)


def test_the_host_is_used_whole_without_the_variable(monkeypatch):
    monkeypatch.delenv("LUNZI_CPU", raising=False)
    assert host().level == host_levels()[0]
    assert NEEDED.get(host().level, set()) <= set(host().features.replace("+", "").split(","))


def test_the_variable_switches_features_off(monkeypatch):
    monkeypatch.setenv("LUNZI_CPU", "generic")
    target = host()
    assert (target.level, target.features) == ("generic", "")


def test_a_level_that_does_not_exist_is_refused(monkeypatch):
    monkeypatch.setenv("LUNZI_CPU", "avx1024")
    with pytest.raises(RangeError, match=r"one of avx512, avx2, .*'avx1024'"):
        host()


def test_a_level_that_the_host_has_not_is_refused(monkeypatch):
    missing = next(level for level in LEVELS if level not in host_levels())
    monkeypatch.setenv("LUNZI_CPU", missing)
    with pytest.raises(StateError, match=f"LUNZI_CPU={missing} asks for .* it has .*generic"):
        host()


def test_another_platform_that_llvm_does_not_know_is_refused():
    with pytest.raises(RangeError, match="abacus"):
        cross("abacus-unknown-linux")

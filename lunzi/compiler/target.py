"""Target: the processor that code is written for, and how wide its vectors are."""

from __future__ import annotations

import functools
import os
from collections.abc import Set
from dataclasses import dataclass
from typing import NamedTuple

import llvmlite.binding as llvm

from lunzi.core.errors import RangeError, StateError
from lunzi.core.spec import DType

VARIABLE = "LUNZI_CPU"


class Level(NamedTuple):
    """What a family of processors offers to vector code."""

    vector_bytes: int
    vectors: int  # registers that hold one
    has_fma: bool


# From the widest to the narrowest; `generic` is for processors of which nothing is known.
LEVELS = {
    "avx512": Level(64, 32, True),
    "avx2": Level(32, 16, True),
    "neon": Level(16, 32, True),
    "sse2": Level(16, 16, False),
    "generic": Level(16, 16, False),
}

# What the host must have for a level; sse2 is in every x86-64, neon in every AArch64.
NEEDED = {
    "avx512": {"avx512f", "avx512vl", "avx512dq", "avx512bw", "avx2", "fma"},
    "avx2": {"avx2", "fma"},
}

# The families that AVX-512 brought or that came after it; a level below does without.
BEYOND_AVX2 = ("avx512", "avx10", "amx")


@dataclass(frozen=True)
class Target:
    """A processor, as LLVM and the writers of vector code need to know it.

    Args:
        triple: LLVM's name of the platform, as `x86_64-unknown-linux-gnu`.
        level: one of LEVELS, which says how wide vectors are.
        features: LLVM's names of the features that code may use, as `+avx2,+fma`.
        cpu: LLVM's name of the processor; empty trusts the features alone, for a virtual
            machine may give its processor a name that does not fit them.
    """

    triple: str
    level: str
    features: str = ""
    cpu: str = ""

    @property
    def vector_bytes(self) -> int:
        """The length of a vector."""
        return LEVELS[self.level].vector_bytes

    @property
    def vectors(self) -> int:
        """How many vectors fit in registers."""
        return LEVELS[self.level].vectors

    @property
    def has_fma(self) -> bool:
        """Whether a product and a sum are one instruction, rounded once."""
        return LEVELS[self.level].has_fma

    def lanes(self, dtype: DType) -> int:
        """How many numbers of this dtype a vector holds; a bool takes a byte, as in memory."""
        return self.vector_bytes // dtype.itemsize


def host() -> Target:
    """The processor at hand, with what LUNZI_CPU switches off.

    `LUNZI_CPU` is `avx512`, `avx2`, `sse2`, `neon` or `generic`; without it, the widest
    level that the processor has.

    Raises:
        RangeError: when LUNZI_CPU names no level.
        StateError: when it names one that the processor has not.
    """
    return host_at(os.environ.get(VARIABLE, ""))


@functools.cache
def host_at(level: str) -> Target:
    """The processor at hand, used up to a level; empty stands for all that it has."""
    triple, available = llvm.get_process_triple(), host_levels()
    if level and level not in LEVELS:
        raise RangeError(f"{VARIABLE} is one of {', '.join(LEVELS)}, or empty; got {level!r}")
    if level and level not in available:
        raise StateError(
            f"{VARIABLE}={level} asks for instructions that this processor has not "
            f"({triple.partition('-')[0]}); it has {', '.join(available)}"
        )
    chosen = level or available[0]
    return Target(triple, chosen, features_at(chosen, host_features(), chosen == available[0]))


def host_levels() -> list[str]:
    """The levels at which the processor at hand can be used, the widest first."""
    return levels_of(llvm.get_process_triple(), host_features())


@functools.cache
def host_features() -> frozenset[str]:
    return frozenset(name for name, present in llvm.get_host_cpu_features().items() if present)


def levels_of(triple: str, features: Set[str]) -> list[str]:
    """The levels that a processor with these features has, the widest first."""
    architecture = triple.partition("-")[0]
    if architecture in ("aarch64", "arm64"):
        return ["neon", "generic"]
    if architecture in ("x86_64", "amd64"):
        wide = [level for level, needed in NEEDED.items() if needed <= features]
        return [*wide, "sse2", "generic"]
    return ["generic"]


def features_at(level: str, present: Set[str], whole: bool) -> str:
    """The features of the host that code of a level may use; `whole` is for its own level."""
    if level == "generic" or not (whole or level == "avx2"):
        return ""
    kept = {name for name in present if level == "avx512" or not name.startswith(BEYOND_AVX2)}
    return ",".join(f"+{name}" for name in sorted(kept))


def cross(triple: str) -> Target:
    """Another platform, to look at the code that it would get: `aarch64-linux-gnu`.

    >>> cross("aarch64-linux-gnu").level
    'neon'

    Raises:
        RangeError: when LLVM does not know the platform.
    """
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        llvm.Target.from_triple(triple)
    except RuntimeError as error:
        raise RangeError(f"{triple!r} is no platform that LLVM knows: {error}") from None
    return Target(triple, levels_of(triple, set())[0])

"""The parts of docs/compiler.md that the code prints. Run as a script, it writes them anew."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from lunzi.compiler.arena import plan_memory
from lunzi.compiler.emit import emit_program
from lunzi.compiler.executable import Native
from lunzi.compiler.loops import Kind
from lunzi.compiler.native import assembly
from lunzi.compiler.passes import PASSES
from lunzi.compiler.show import described_states, text_of_memory, text_of_stages
from lunzi.compiler.table import NAME
from lunzi.compiler.target import Target, cross

PAGE = Path(__file__).parents[1] / "docs" / "compiler.md"
BLOCK = re.compile(r"<!-- generated: (\w+) -->\n```(\w+)\n(.*?)```\n", re.DOTALL)
FIRST_CODE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# What the page shows must not depend on the machine.
TRIPLE = "x86_64-unknown-linux-gnu"
THREADS = 2

# LLVM chooses other instructions from version to version.
OF_LLVM = ("assembly", "kernel")
LLVM_OF_THE_PAGE = 22


def is_llvm_of_the_page() -> bool:
    return bool(llvm.llvm_version_info[0] == LLVM_OF_THE_PAGE)


def target() -> Target:
    cross(TRIPLE)  # makes LLVM ready for a processor that may be another one
    return Target(TRIPLE, "avx2", "+avx2,+fma")


def program_of_the_page() -> Native:
    """The native program of the page's first block."""
    found = FIRST_CODE.search(PAGE.read_text("utf-8"))
    assert found is not None
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(found[1], "example.py", "exec"), names)
    backend: Native = names["step"].shown().backend
    return backend


def generated() -> dict[str, str]:
    """The parts by their names."""
    native = program_of_the_page()
    plan = native.plan()
    memory = plan_memory(plan)
    states = described_states(native.graph, [layout.spec for layout in native.layouts])
    region = next(
        number
        for number, region in enumerate(plan.regions)
        for stage in region.stages
        for store in stage.targets
        if store.memory.kind is Kind.OUTPUT
    )
    texts = {
        "graph": str(native.graph),
        "passes": "\n".join(f"{one.name:<14}{described(one.function)}" for one in PASSES),
        "prepared": native.show(PASSES[-1].name),
        "stages": text_of_stages(plan, memory),
        "memory": text_of_memory(plan, memory, THREADS, states),
    }
    module = str(emit_program(plan, target()).module)
    code = assembly(module, target())
    texts["region"] = function_of(module, f"region{region}")
    texts["program"] = function_of(module, NAME)
    texts["assembly"] = longest_loop(instructions_of(code, f"region{region}"), "vmulps")
    kernel = next(line for line in code.splitlines() if re.match(r"product0_\w*:", line))
    texts["kernel"] = longest_loop(instructions_of(code, kernel.partition(":")[0]), "vfmadd")
    return texts


def described(function: Any) -> str:
    """The first line of a docstring."""
    return str(function.__doc__).splitlines()[0].strip()


def function_of(module: str, name: str) -> str:
    """The text of one function."""
    found = re.search(rf"^define [^\n]*@{name}\(.*?^\}}$", module, re.MULTILINE | re.DOTALL)
    assert found is not None, name
    return found[0]


def instructions_of(code: str, name: str) -> list[str]:
    """Labels and instructions of one function, without directives and comments."""
    found = re.search(rf"^{name}:\n(.*?)^\.Lfunc_end", code, re.MULTILINE | re.DOTALL)
    assert found is not None, name
    lines = [line.partition("#")[0].rstrip().expandtabs(8) for line in found[1].splitlines()]
    return [line for line in lines if line.strip() and not re.match(r"\s+\.", line)]


def longest_loop(lines: list[str], instruction: str) -> str:
    """The innermost loop that has most of an instruction."""
    loops = []
    places = {line[:-1]: place for place, line in enumerate(lines) if line.endswith(":")}
    for end, line in enumerate(lines):
        label = line.split()[-1]
        if line.split()[0].startswith("j") and places.get(label, end) < end:
            loops.append(lines[places[label] : end + 1])
    inner = [loop for loop in loops if sum(line.endswith(":") for line in loop) == 1]
    best = max(
        inner, key=lambda loop: sum(line.split()[0].startswith(instruction) for line in loop)
    )
    return "\n".join(best)


def write() -> None:
    """Put what the code prints now into the page."""
    parts = generated()

    def renewed(found: re.Match[str]) -> str:
        name, language = found[1], found[2]
        return f"<!-- generated: {name} -->\n```{language}\n{parts[name]}\n```\n"

    PAGE.write_text(BLOCK.sub(renewed, PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    write()

"""docs/compiler.md shows what the compiler does now."""

import pytest
from compiler_page import BLOCK, OF_LLVM, PAGE, generated, is_llvm_of_the_page

BLOCKS = {name: text for name, _, text in BLOCK.findall(PAGE.read_text("utf-8"))}
HOW = "if the difference is meant, run `python tests/compiler_page.py`"


@pytest.fixture(scope="module")
def parts():
    return generated()


def test_every_part_stands_on_the_page(parts):
    assert set(BLOCKS) == set(parts)


@pytest.mark.parametrize("name", BLOCKS)
def test_the_page_shows_what_the_code_prints(parts, name):
    if name not in OF_LLVM or is_llvm_of_the_page():
        assert BLOCKS[name] == parts[name] + "\n", HOW
    else:
        assert "vmulps" in parts[name] or "vfmadd" in parts[name]


def test_the_parts_can_be_another_time(parts):
    assert generated() == parts

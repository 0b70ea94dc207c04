"""`lunzi show`: what a compiled function of a file becomes."""

import re
import sys

import pytest

from lunzi.cli.show import print_cost
from lunzi.compiler.cost import Cost, RegionCost
from lunzi.compiler.show import STAGES

CALLED = """
import lunzi as lz
from beside import FACTOR

@lz.compile
def double(x):
    return x * FACTOR + 0

print("loading")
double(lz.tensor([1.0, 2.0, 3.0]))

if __name__ == "__main__":
    raise AssertionError("this part does not run")
"""

EXAMPLE = """
import lunzi as lz

calls = lz.tensor(0)

@lz.compile
def double(x, y):
    calls.assign(calls + 1)
    return x * 2 + y

@lz.compile
def half(x, y):
    return x / 2 + y

def plain(x):
    return x

def example():
    return lz.ones((5, 7)), 3.0
"""


@pytest.fixture(autouse=True)
def files(folder):
    (folder / "beside.py").write_text("FACTOR = 2\n", "utf-8")
    (folder / "called.py").write_text(CALLED, "utf-8")
    (folder / "example.py").write_text(EXAMPLE, "utf-8")
    (folder / "never.py").write_text(CALLED.replace("double(lz", "(lz"), "utf-8")
    (folder / "none.py").write_text("import lunzi\n", "utf-8")
    return folder


def test_the_graph_is_shown_unless_another_stage_is_asked_for(lunzi):
    ended = lunzi("show", "called.py:double")
    assert (ended.status, ended.err) == (0, "loading\n")
    assert ended.out.startswith("graph(float32[3])\n")
    assert "called.py:7" in ended.out
    assert lunzi("show", "called.py:double", "--after", "graph") == ended


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_can_be_asked_for(lunzi, stage):
    ended = lunzi("show", "called.py", "--after", stage)
    assert ended.status == 0
    assert len(ended.out.splitlines()) > 3


def test_the_stages_are_listed(lunzi):
    out = lunzi("show", "called.py", "--after", "list").out
    assert [line.split()[0] for line in out.splitlines()] == list(STAGES)


def test_an_example_stands_for_a_call_that_is_not_made(lunzi):
    ended = lunzi("show", "example.py:half", "--after", "stages")
    assert (ended.status, ended.err) == (0, "")
    assert "output0[7i + j] = argument0[7i + j] / 2.0 + 3.0" in ended.out


def test_what_each_part_costs(lunzi):
    ended = lunzi("show", "example.py:double", "--cost")
    assert ended.status == 0
    assert "region 0" in ended.out
    assert "peak memory of a call" in ended.out


def test_the_table_of_costs_fits_the_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    region = RegionCost(0, 0, ("Matmul",) * 9, "net.py:1, 2, 3", 1e-3, 10**9, 10**6)
    print_cost(Cost((region,), 1e-3, 1, 1e11, 1e10, 100))
    out = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    table = out.split("the whole")[0]
    assert "Matmul" in table
    assert max(map(len, table.splitlines())) <= 80


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("file", "parts"),
    [
        ("train", ["train", ".py:"]),
        ("missing.py:step", ["missing.py"]),
        ("called.py:triple", ["called.py", "triple", "double"]),
        ("example.py", ["double", "half", "example.py:double"]),
        ("example.py:plain", ["plain", "@lz.compile"]),
        ("none.py", ["none.py", "@lz.compile"]),
        ("never.py:double", ["double", "never.py", "example()", "__main__"]),
    ],
)
def test_an_error_says_what_to_do(lunzi, file, parts, language):
    ended = lunzi("show", file, "--language", language)
    assert (ended.status, ended.out) == (2, "")
    said = ended.err.splitlines()[-1]
    assert all(part in said for part in parts), said
    assert said.isascii() == (language == "en")


def test_a_stage_that_is_not_there_names_those_that_are(lunzi):
    ended = lunzi("show", "called.py", "--after", "fuse")
    assert ended.status == 2
    assert all(stage in ended.err for stage in ("fuse", *STAGES))


def test_where_nothing_is_compiled_it_says_so(lunzi, monkeypatch):
    monkeypatch.setenv("LUNZI_COMPILE", "0")
    ended = lunzi("show", "called.py:double")
    assert ended.status == 2
    assert "LUNZI_COMPILE" in ended.err


def test_nothing_of_the_file_is_left_behind(lunzi):
    before = list(sys.path), set(sys.modules)
    lunzi("show", "called.py:double")
    assert sys.path == before[0]
    assert not {name for name in set(sys.modules) - before[1] if name.startswith("shown_")}
    sys.modules.pop("beside", None)

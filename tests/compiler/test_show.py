"""Every stage of compiling can be shown."""

import re

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn, optim
from lunzi.compiler import executable
from lunzi.compiler.formulas import formulas, operations_of, short_lines
from lunzi.compiler.show import DESCRIPTIONS, STAGES
from lunzi.core.errors import StateError

X, Y = np.ones((40, 30), np.float32), np.arange(40) % 4


@pytest.fixture(scope="module")
def step():
    """The compiled step of a small network, after one call."""
    lz.manual_seed(0)
    model = nn.Sequential(nn.Linear(30, 50), nn.ReLU(), nn.Linear(50, 4))
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    @lz.compile
    def step(x, y):
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    step(X, Y)
    return step


@pytest.fixture
def shown(step, capsys):
    """What a stage prints."""

    def print_and_read(stage):
        capsys.readouterr()
        step.show(stage)
        return capsys.readouterr().out

    return print_and_read


def test_the_stages_are_listed_in_the_order_of_compiling(shown):
    assert [line.split()[0] for line in shown(None).splitlines()] == list(STAGES)
    assert STAGES[:2] == ("graph", "simplify")
    assert STAGES[-4:] == ("stages", "memory", "llvm", "assembly")
    assert all(DESCRIPTIONS.values())


def test_a_stage_that_is_not_there_names_those_that_are(step):
    with pytest.raises(lz.RangeError, match=r"'graph', 'simplify', .*'assembly'; got 'fuse'"):
        step.show("fuse")


def test_every_stage_has_a_text_of_its_own(shown):
    texts = {stage: shown(stage) for stage in STAGES}
    assert all(text.strip() for text in texts.values())
    # Passes may find nothing to do in this network.
    own = ("graph", "simplify", "stages", "memory", "llvm", "assembly")
    assert len({texts[stage] for stage in own}) == len(own)


def test_a_graph_after_a_pass_returns_and_updates_what_it_did(shown):
    for stage in STAGES[:-4]:
        text = shown(stage)
        assert text.startswith("graph(float32[40, 30], int64[40])\n")
        assert len(re.findall("^  numbers of .* <- %", text, re.MULTILINE)) == 4
        assert re.search(r"^  return %\d+$", text, re.MULTILINE)
    assert len(shown("simplify").splitlines()) < len(shown("graph").splitlines())


def test_stages_are_formulas_with_memories_and_the_users_lines(shown, monkeypatch):
    monkeypatch.setattr(executable, "FEW_TURNS", 0)  # as if it were worth several threads
    text = shown("stages")
    first = text.index("sum over k of argument0[30i + k] * state0[j + 50k]")
    assert "Matmul; for i < 40 (rows), j < 50, over k < 30; test_show.py:" in text[:first]
    assert re.search(r"state0\[\S+ \+ j\] = state0\[\S+ \+ j\] - .* \* ", text)  # SGD
    assert text.count("wait for each other") == int(text.split()[0]) - 1


def test_memory_is_counted_in_bytes(shown):
    text = shown("memory")
    assert f"arguments: {X.nbytes + Y.nbytes:,} bytes" in text
    assert f"state, read and written in place: {4 * (30 * 50 + 50 + 200 + 4) + 8:,} bytes" in text
    assert re.search(r"state0 +float32 x 1,500 +float32\[50, 30\] +test_show\.py:\d+\n", text)
    arena = int(re.search(r"^arena, .*: ([\d,]+) bytes$", text, re.MULTILINE)[1].replace(",", ""))
    places = re.findall(r"^  arena\d+ .* from byte ([\d,]+) +stages? \d+", text, re.MULTILINE)
    assert places
    assert all(int(place.replace(",", "")) < arena for place in places)
    assert re.search(r"^peak memory on \d+ threads?: [\d,]+ bytes$", text, re.MULTILINE)


def test_machine_code_is_shown_as_llvm_and_as_assembly(shown):
    assert "define void @lunzi_program(ptr %table, ptr %team, i64 %thread, i64 %threads)" in (
        shown("llvm")
    )
    assert "lunzi_program:" in shown("assembly")


def test_looking_changes_nothing(step):
    before = [np.array(x) for x in step.shown().memories]
    for stage in STAGES:
        step.show(stage)
    for x, kept in zip(step.shown().memories, before, strict=True):
        np.testing.assert_array_equal(x, kept)


def test_the_steps_of_a_loop_are_told():
    @lz.compile
    def total(x):
        return lz.scan(lambda s, p: (s * 0.5 + p, s), x[0], x)[0]

    total(np.ones((30, 400, 20), np.float32))
    text = total.shown().backend.show("stages")
    assert "for each of 30 steps, in order" in text


def test_what_runs_in_the_interpreter_has_graphs_alone(built, capsys):
    double = lz.compile(lambda x: x * 2 * 1)
    double(X)
    double.show("simplify")
    assert capsys.readouterr().out.startswith("graph(float32[40, 30])\n")
    with pytest.raises(StateError, match="in the interpreter"):
        double.show("stages")


# Formulas


def stages_of(function, *arguments):
    compiled = lz.compile(function)
    compiled(*arguments)
    (stages,) = [r.stages for r in compiled.shown().backend.plan().regions]
    return stages


def formulas_of(function, *arguments):
    return [formula for stage in stages_of(function, *arguments) for formula in formulas(stage)]


A, B, C = (np.ones(3, np.float32) for _ in range(3))


@pytest.mark.parametrize(
    ("function", "formula"),
    [
        (lambda a, b, c: a - (b - c), "argument0[i] - (argument1[i] - argument2[i])"),
        (lambda a, b, c: a - b + c, "argument0[i] - argument1[i] + argument2[i]"),
        (lambda a, b, c: (a + b) * c, "(argument0[i] + argument1[i]) * argument2[i]"),
        (lambda a, b, c: a + b * c, "argument0[i] + argument1[i] * argument2[i]"),
        (lambda a, b, c: -(a + b) / c, "-(argument0[i] + argument1[i]) / argument2[i]"),
        (lambda a, b, c: a ** (b**c), "argument0[i] ** (argument1[i] ** argument2[i])"),
        (lambda a, b, c: (a**b) ** c, "(argument0[i] ** argument1[i]) ** argument2[i]"),
        (lambda a, b, c: a + b + c * 0.1, "argument0[i] + argument1[i] + argument2[i] * 0.1"),
        (
            lambda a, b, c: lz.where(a < b, c.exp(), c // b),
            "where(argument0[i] < argument1[i], exp(argument2[i]), "
            "floor_divide(argument2[i], argument1[i]))",
        ),
        (lambda a, b, c: (a * b + c).astype("float64"), "float64(argument0[i] * argument1[i] + "
         "argument2[i])"),
    ],
)  # fmt: skip
def test_formulas_have_the_parentheses_they_need(function, formula):
    *named, last = formulas_of(function, A, B, C)
    last = last.removeprefix("output0[i] = ")
    for line in named:
        name, _, text = line.partition(" = ")
        last = last.replace(name, text)
    assert last == formula


def test_what_is_used_twice_is_named():
    assert formulas_of(lambda a, b: (a + b).exp() * (a + b), A, B) == [
        "t0 = argument0[i] + argument1[i]",
        "output0[i] = exp(t0) * t0",
    ]


def test_places_that_depend_on_data():
    table = np.ones((5, 7), np.float32)
    found = formulas_of(lambda t, i: t[i] * 2, table, np.array([0, 4]))
    assert found == [
        "check that -5 <= argument1[i] <= 4",
        "output0[7i + j] = argument0[7*argument1[i] + j] * 2.0",
    ]


def test_a_stage_knows_its_operations_and_all_lines_that_it_comes_from():
    def function(a):
        b = a.exp()
        return (b + 1).sum()

    (stage,) = stages_of(function, A)
    assert operations_of(stage) == ["Exp", "Add", "Sum"]
    first = function.__code__.co_firstlineno
    assert short_lines([stage]) == f"test_show.py:{first + 1}, {first + 2}"

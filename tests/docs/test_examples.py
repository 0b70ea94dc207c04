"""The scripts in examples/ run, and reach what they are for."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))

# name -> (what stands before the last number, least, most)
RESULTS = {
    "xor": ("1 xor 1 = ", 0, 0.051),
    "mlp_own_loop": ("accuracy ", 0.9, 1),
    "compiled_step": ("accuracy ", 0.9, 1),
    "table_trainer": ("mean error of a price ", 0, 10),  # the noise alone has 8.0
}


def test_every_example_has_its_result():
    assert {path.stem for path in EXAMPLES} == set(RESULTS)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_reaches_its_result(path, capsys):
    runpy.run_path(str(path), run_name="__main__")
    words, least, most = RESULTS[path.stem]
    last = capsys.readouterr().out.splitlines()[-1]
    assert least <= float(last.rpartition(words)[2]) <= most

"""The table recipe: how rows are split, sizes chosen, and results set beside simple guesses."""

import numpy as np
import pytest

from lunzi.data import TablePreprocessing, read_table
from lunzi.recipes.run import Run
from lunzi.recipes.settings import Settings
from lunzi.recipes.table import (
    RMSEInUnits,
    known_rows,
    network,
    prepare,
    refuse_misspelled,
    train,
    usual_batch_size,
    usual_epochs,
)
from lunzi.recipes.table_words import described


@pytest.fixture
def made(folder, rows):
    """A run on a table of 100 rows, of which it may take any share."""
    (folder / "rows.csv").write_text(rows(100, lambda place, number: f"{number:.3f}"), "utf-8")
    return Run(Settings("table", data="rows.csv", target="y"), folder / "run", quiet=True)


@pytest.mark.parametrize(
    ("samples", "size"), [(1, 16), (100, 16), (1_600, 16), (3_200, 32), (14_448, 128), (10**6, 256)]
)
def test_a_batch_is_a_hundredth_of_the_rows_within_bounds(samples, size):
    assert usual_batch_size(samples) == size


@pytest.mark.parametrize(("steps", "epochs"), [(1, 200), (40, 100), (113, 35), (4_000, 12)])
def test_epochs_make_about_4000_steps_within_bounds(steps, epochs):
    assert usual_epochs(steps) == epochs


def test_the_network_has_two_hidden_layers():
    assert network(7, 3)(np.zeros((2, 7), np.float32)).shape == (2, 3)


def test_each_row_is_in_one_part(made):
    table = known_rows(made)
    _, parts = prepare(made, table)
    lines = np.concatenate([part.table.lines for part in parts])
    assert sorted(lines) == sorted(table.lines)
    assert [len(part.y) for part in parts] == [70, 15, 15]


def test_scales_come_from_the_training_rows_alone(made):
    table = known_rows(made)
    preprocessing, (training, *_) = prepare(made, table)
    alone = TablePreprocessing.fit(training.table, "y")
    assert preprocessing.target.mean == alone.target.mean
    np.testing.assert_allclose(training.x.mean(axis=0), 0, atol=1e-6)


def test_the_error_is_in_the_unit_of_the_column():
    metric = RMSEInUnits(100.0)
    metric.update(np.array([[0.5], [0.5]]), np.array([[0.0], [1.0]]))
    assert metric.value() == 50
    metric.load_state_dict(metric.state_dict())
    assert metric.value() == 50


def test_a_name_that_is_almost_right_is_answered_with_the_right_one(made):
    table = known_rows(made)
    with pytest.raises(ValueError, match="has no column Y; perhaps y is meant"):
        refuse_misspelled(table, "Y")
    refuse_misspelled(table, "y")
    with pytest.raises(ValueError, match="has no column quite another; it has: a, b, y"):
        refuse_misspelled(table, "quite another")


def test_of_very_many_names_only_some_are_told(folder):
    names = [f"column {place}" for place in range(100)]
    (folder / "wide.csv").write_text(",".join(names) + "\n" + ",".join("1" * 100), "utf-8")
    with pytest.raises(ValueError, match="it has 100, the first of them: column 0") as error:
        refuse_misspelled(read_table("wide.csv"), "zzz")
    assert "column 29" in str(error.value)
    assert "column 30" not in str(error.value)


def test_a_straight_line_is_learned(folder, rows, capsys):
    (folder / "rows.csv").write_text(rows(200, lambda place, number: 3 * number + 1), "utf-8")
    train(Run(Settings("table", data="rows.csv", target="y", epochs=60), folder / "run"))
    said = capsys.readouterr().out
    error = float(said.partition("test error ")[2].split()[0])
    assert error < 0.3  # of numbers that spread by 3
    assert "always saying the mean" in said


def test_noise_is_not_learned_and_this_is_said(folder, rng, capsys):
    lines = [f"{x:.3f},{'ab'[rng.integers(2)]}" for x in rng.normal(size=60)]
    (folder / "rows.csv").write_text("\n".join(["x,y", *lines]), "utf-8")
    for seed in range(4):
        settings = Settings("table", seed, epochs=1, data="rows.csv", target="y")
        train(Run(settings, folder / f"run {seed}"))
    assert "nothing of use was learned that would show on these 9 rows" in capsys.readouterr().out


def test_a_table_is_described_in_one_or_several_rows(folder):
    (folder / "one.csv").write_text("x\n1\n", "utf-8")
    assert described(read_table("one.csv")) == "one.csv: 1 row, 1 column, utf-8"
    (folder / "two.csv").write_text("x,y\n1,2\n1,2\n", "utf-8")
    assert described(read_table("two.csv")) == "two.csv: 2 rows, 2 columns, utf-8"

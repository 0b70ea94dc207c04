"""The digits recipe: what it trains on, how well it learns, what it says."""

import io
import json
import os
import re
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from lunzi.data import digit_picture, load_digits
from lunzi.recipes import RECIPES, recipe
from lunzi.recipes.digits import CLASSES, TRAINING_HALF, as_input, network, train
from lunzi.recipes.digits_report import drawn, say_result, surest
from lunzi.recipes.run import Run
from lunzi.recipes.settings import Settings


def test_each_recipe_can_be_loaded():
    for name in (*RECIPES, "table"):
        assert recipe(name).__name__ == "train"


def test_counts_become_shares_of_a_block():
    counts = np.array([[[0, 8], [16, 4]]], np.uint8)
    np.testing.assert_array_equal(as_input(counts), [[[[0, 0.5], [1, 0.25]]]])
    assert as_input(counts).dtype == np.float32


def test_the_network_gives_ten_logits_for_a_picture():
    assert network()(as_input(np.zeros((3, 8, 8)))).shape == (3, 10)


@pytest.mark.slow
def test_the_median_of_five_seeds_reaches_the_bar(folder):
    # Two at a time with a thread each take half as long as one after the other with two.
    with ThreadPoolExecutor(2) as pool:
        accuracies = list(pool.map(accuracy, range(5)))
    assert statistics.median(accuracies) >= 0.983, accuracies


def accuracy(seed):
    """The test accuracy of a whole run, as the command says it."""
    ended = subprocess.run(
        [sys.executable, "-m", "lunzi", "train", "digits", "--seed", str(seed)],
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "LUNZI_LANGUAGE": "en"},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return float(re.search(r"^test accuracy (\S+)$", ended.stdout, re.MULTILINE)[1])


@pytest.fixture
def run(folder):
    return Run(Settings("digits"), folder / "run")


def test_the_most_frequent_confusion_is_named(run, capsys):
    truth, guess = np.array([1, 2, 2, 2, 3]), np.array([1, 7, 7, 2, 8])
    say_result(run, truth, guess, CLASSES)
    assert capsys.readouterr().out == (
        "3 of 5 wrong; most often 2 read as 7\ntest accuracy 0.4000\n"
    )


def test_no_confusion_is_named_where_all_is_right(run, capsys):
    say_result(run, np.array([1, 2]), np.array([1, 2]), CLASSES)
    assert capsys.readouterr().out == "none of 2 wrong\ntest accuracy 1.0000\n"


def test_the_example_is_the_surest_of_those_that_are_read_right():
    truth = np.array([0, 1, 1])
    probabilities = np.array([[0.01, 0.99], [0.2, 0.8], [0.1, 0.9]])
    assert surest(truth, probabilities) == 2
    assert surest(np.array([0, 0]), np.array([[0.3, 0.7], [0.4, 0.6]])) == 1


def test_the_drawing_is_dark_on_light_and_comes_back_as_it_was():
    counts = load_digits().images[TRAINING_HALF]
    picture = np.array(Image.open(io.BytesIO(drawn(counts))))
    assert picture.shape == (160, 160)
    assert (picture[:16] == 255).all()
    assert picture.min() < 30
    seen = digit_picture(picture).astype(float)
    # Not the same, since the picture is cut out, set upright and drawn anew; but much alike.
    assert np.corrcoef(seen.ravel(), counts.ravel())[0, 1] > 0.6


def test_one_epoch_leaves_a_run_that_can_be_described(folder):
    run = Run(Settings("digits", epochs=1), folder / "run", quiet=True)
    train(run)
    document = json.loads((folder / "run" / "run.json").read_text("utf-8"))
    assert document["settings"]["epochs"] == 1
    assert document["sha256"] is None

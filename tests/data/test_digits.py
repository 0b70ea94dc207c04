from importlib.resources import files

import numpy as np
import pytest

from lunzi.data.digits import load_digits


def test_there_are_1797_pictures_of_8_by_8():
    images, targets = load_digits()
    assert (images.shape, images.dtype) == ((1797, 8, 8), np.uint8)
    assert (targets.shape, targets.dtype) == ((1797,), np.int64)
    assert (images.min(), images.max()) == (0, 16)
    assert np.bincount(targets).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_the_file_is_small_and_its_licence_lies_beside_it():
    folder = files("lunzi.data")
    assert len((folder / "digits.csv.gz").read_bytes()) < 80_000
    licence = (folder / "digits.LICENSE.md").read_text(encoding="utf-8")
    assert "10.24432/C50P49" in licence
    assert "CC BY 4.0" in licence


def test_the_pictures_are_those_of_scikit_learn_in_their_order():
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    expected = sklearn_datasets.load_digits()
    images, targets = load_digits()
    np.testing.assert_array_equal(images, expected.images)
    np.testing.assert_array_equal(targets, expected.target)

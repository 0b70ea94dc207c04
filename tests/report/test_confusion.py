import numpy as np
import pytest
from numpy.testing import assert_array_equal

from lunzi.report.confusion import (
    class_scores,
    confused_pairs,
    confusion_counts,
    confusion_matrix,
    confusion_section,
    score_table,
)

# Three cats, four dogs, one fox: two cats are right, one is a dog; a dog is a fox, ...
COUNTS = np.array([[2, 1, 0], [0, 3, 1], [0, 1, 0]])
CLASSES = ["cat", "dog", "fox"]


def test_counts_truth_in_rows_and_predictions_in_columns():
    truth = np.array([0, 0, 0, 1, 1, 1, 1, 2])
    predictions = np.array([0, 0, 1, 1, 1, 1, 2, 1])
    assert_array_equal(confusion_counts(truth, predictions, 3), COUNTS)


def test_scores_by_hand():
    scores = class_scores(COUNTS)
    assert_array_equal(scores.precision, [2 / 2, 3 / 5, 0 / 1])
    assert_array_equal(scores.recall, [2 / 3, 3 / 4, 0 / 1])
    assert_array_equal(scores.f1, [4 / 5, 6 / 9, 0 / 2])


def test_a_class_that_never_occurs_has_no_recall_and_one_never_named_no_precision():
    scores = class_scores(np.array([[0, 0, 0], [2, 0, 0], [0, 0, 0]]))
    assert_array_equal(scores.precision, [0, np.nan, np.nan])
    assert_array_equal(scores.recall, [np.nan, 0, np.nan])
    assert_array_equal(scores.f1, [0, 0, np.nan])


def test_the_most_frequent_confusion_comes_first():
    counts = np.array([[5, 1, 0], [3, 5, 0], [0, 1, 5]])
    assert confused_pairs(counts) == [(1, 0, 3), (0, 1, 1), (2, 1, 1)]


def test_the_matrix_has_every_count_and_the_totals(parse):
    document = parse(confusion_matrix(COUNTS, CLASSES).markup)
    cells = document.texts("td")[1:]
    assert cells == ["2", "1", "", "3", "", "3", "1", "4", "", "1", "", "1", "2", "5", "1", "8"]


def test_the_heads_of_the_matrix_have_a_scope(parse):
    document = parse(confusion_matrix(COUNTS, CLASSES).markup)
    heads = [(head.text, head.attributes["scope"]) for head in document.all("th")]
    names = [*CLASSES, "Total"]
    assert heads == [(name, "col") for name in names] + [(name, "row") for name in names]


def test_right_and_wrong_cells_are_shaded_by_their_share(parse):
    document = parse(confusion_matrix(np.array([[100, 0], [1, 99]]), ["no", "yes"]).markup)
    shades = [cell.attributes["class"] for cell in document.all("td") if cell.text][1:]
    assert shades == ["right-6", "total", "wrong-1", "right-6", *["total"] * 4]


def test_a_long_head_is_shortened_for_the_eye_only(parse):
    name = "a class with a very long name"
    document = parse(confusion_matrix(COUNTS, [name, "b", "c"]).markup)
    head = document.all("th")[0]
    assert head.text == "a class with a very l…"
    assert head.attributes["aria-label"] == name


def test_the_section_names_the_most_frequent_mistake(parse):
    counts = np.array([[5, 3], [1, 5]])
    document = parse(confusion_section(counts, ["cat", "dog"]).markup)
    assert document.texts("p") == ["Most often “cat” was taken for “dog”: 3 of 8 times."]


def test_the_section_of_a_flawless_network_says_so(parse):
    document = parse(confusion_section(np.diag([3, 4]), ["cat", "dog"]).markup)
    assert document.texts("p") == ["No class was taken for another."]


@pytest.mark.parametrize(("classes", "matrices"), [(2, 1), (20, 1), (21, 0)])
def test_a_matrix_is_drawn_up_to_twenty_classes(parse, rng, classes, matrices):
    counts = rng.integers(0, 9, (classes, classes))
    document = parse(confusion_section(counts, [str(i) for i in range(classes)]).markup)
    assert len(document.all("table", "matrix")) == matrices
    assert len(document.all("table")) == 2


def test_many_classes_without_a_mistake_need_no_list_of_pairs(parse):
    document = parse(confusion_section(np.eye(30, dtype=np.int64), ["x"] * 30).markup)
    assert len(document.all("table")) == 1


def test_the_scores_end_with_their_means_over_the_known_ones(parse):
    counts = np.array([[1, 0], [0, 0]])
    document = parse(score_table(counts, ["a", "b"]).markup)
    first, second, means = ["1.000"] * 3 + ["1"], ["–"] * 3 + ["0"], ["1.000"] * 3 + ["1"]
    assert document.texts("td") == [*first, *second, *means]

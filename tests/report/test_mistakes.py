import numpy as np

from lunzi.report.mistakes import Mistakes, mistakes_section
from lunzi.report.pictures import Pictures
from lunzi.report.rows import Rows

CLASSES = ["cat", "dog", "fox", "owl"]
TRUTH = np.array([0, 1, 2])
# The first is right; the third is wrong with more confidence than the second.
PROBABILITIES = np.array([[0.7, 0.1, 0.1, 0.1], [0.4, 0.3, 0.2, 0.1], [0.05, 0.8, 0.0004, 0.1496]])


def mistakes(samples=None):
    return Mistakes(CLASSES, TRUTH, PROBABILITIES, ["a", "b", "c"], samples)


def many(count, samples):
    probabilities = np.tile([0.25, 0.75], (count, 1))
    names = [str(index) for index in range(count)]
    return Mistakes(["no", "yes"], np.zeros(count, np.int64), probabilities, names, samples)


def test_the_most_confident_mistake_comes_first():
    assert mistakes().indices() == [2, 1]


def test_every_wrong_picture_is_shown_with_truth_and_prediction(parse):
    document = parse(mistakes_section(mistakes(Pictures(np.zeros((3, 8, 8))))).markup)
    alts = [image.attributes["alt"] for image in document.all("img")]
    assert alts == ["Sample c: truth fox, prediction dog", "Sample b: truth dog, prediction cat"]
    assert document.texts("dd") == ["fox", "dog", "c", "dog", "cat", "b"]


def test_the_three_likeliest_classes_stand_beside_it(parse):
    document = parse(mistakes_section(mistakes(Pictures(np.zeros((3, 8, 8))))).markup)
    assert document.texts("span", "class") == ["dog", "owl", "cat", "cat", "dog", "fox"]
    assert document.texts("span", "number")[:3] == ["80.0%", "15.0%", "5.0%"]
    bars = [rect.attributes["class"] for rect in document.all("rect")]
    assert bars == ["wrong", "other", "other", "wrong", "right", "other"]


def test_rows_show_their_columns(parse):
    rows = Rows(["price", "<b>"], [[1, "x"], [2.5, "y"], [3, "<script>"]])
    document = parse(mistakes_section(mistakes(rows)).markup)
    heads = ["Sample", "Truth", "Prediction", "Likeliest classes", "price", "<b>"]
    assert document.texts("th") == [*heads, "c", "b"]
    assert document.texts("td")[-2:] == ["2.5", "y"]
    assert [cell.attributes.get("class") for cell in document.all("td")][-2:] == ["number", None]


def test_without_samples_the_names_are_listed(parse):
    document = parse(mistakes_section(mistakes()).markup)
    assert document.texts("th")[-2:] == ["c", "b"]


def test_no_mistake_is_said(parse):
    flawless = Mistakes(CLASSES, np.array([0]), PROBABILITIES[:1], ["a"])
    said = parse(mistakes_section(flawless).markup).texts("p")
    assert said == ["There are none: every test sample was classified correctly."]


def test_after_sixty_the_others_are_folded(parse):
    document = parse(mistakes_section(many(100, Pictures(np.zeros((100, 2, 2))))).markup)
    assert len(document.all("img")) == 100
    assert document.texts("summary") == ["Show the other 40"]


def test_what_is_left_out_is_said(parse):
    document = parse(mistakes_section(many(400, None)).markup)
    assert "Of 400 mistakes, the 300 most confident are shown." in document.texts("p")
    assert len(document.all("tr")) == 300 + 2

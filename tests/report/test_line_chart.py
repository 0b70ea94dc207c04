import re
from itertools import pairwise

import numpy as np
import pytest

from lunzi.core.errors import ShapeError
from lunzi.report.line_chart import LineChart, Series


def chart(*values, names=None, places=None, **options):
    arrays = [np.array(column, dtype=np.float64) for column in values]
    names = names or [f"line {index}" for index in range(len(arrays))]
    places = np.arange(1.0, len(arrays[0]) + 1) if places is None else places
    series = [Series(name, array) for name, array in zip(names, arrays, strict=True)]
    drawn = LineChart(
        label="Loss by epoch", x_name="epoch", places=places, series=series, **options
    )
    return drawn.draw().markup


def lines(document):
    return [element.attributes["d"] for element in document.all("path", "line")]


def coordinates(path):
    return [tuple(map(float, point.split())) for point in re.split("[ML]", path) if point]


def test_a_line_runs_from_left_to_right_and_down_with_its_values(parse):
    (path,) = lines(parse(chart([3.0, 2.0, 1.0])))
    points = coordinates(path)
    assert [x for x, _ in points] == sorted({x for x, _ in points})
    assert [y for _, y in points] == sorted(y for _, y in points)


def test_the_chart_says_what_it_shows(parse):
    (svg,) = parse(chart([1.0, 2.0])).all("svg")
    assert svg.attributes["role"] == "img"
    assert svg.attributes["aria-label"] == "Loss by epoch"


def test_a_line_ends_with_its_name_and_last_value(parse):
    texts = parse(chart([3.0, 0.25], [2.0, 0.5], names=["training", "validation"])).texts("text")
    assert texts[-4:] == ["validation", "0.5", "training", "0.25"]


def test_the_names_of_lines_that_end_together_do_not_touch(parse):
    document = parse(chart([1.0, 0.5], [2.0, 0.5], [3.0, 0.5]))
    heights = [float(label.attributes["y"]) for label in document.all("text", "name")]
    assert all(below - above >= 30 for above, below in pairwise(heights))


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf, 1e200])
def test_a_value_that_cannot_be_drawn_interrupts_the_line(parse, broken):
    document = parse(chart([5.0, 4.0, broken, 2.0, 1.0]))
    assert len(lines(document)) == 2
    assert "nan" not in chart([5.0, 4.0, broken, 2.0, 1.0])


def test_a_value_between_two_gaps_is_a_dot(parse):
    document = parse(chart([np.nan, 4.0, np.nan, 2.0, 1.0]))
    assert len(document.all("circle", "dot")) == 1
    assert len(lines(document)) == 1


def test_one_epoch_is_a_dot(parse):
    document = parse(chart([0.5]))
    assert len(document.all("circle", "dot")) == 1
    assert not lines(document)


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_a_chart_without_values_says_so(parse, values):
    assert "no value that can be drawn" in parse(chart(values)).texts("text")


def test_a_chart_without_lines_says_so(parse):
    drawn = LineChart(label="", x_name="epoch", places=np.empty(0), series=[]).draw()
    assert "no value that can be drawn" in parse(drawn.markup).texts("text")


def test_a_constant_line_is_level(parse):
    (path,) = lines(parse(chart([0.7, 0.7, 0.7])))
    assert len({y for _, y in coordinates(path)}) == 1


def test_values_over_many_decades_are_drawn_on_a_logarithmic_axis(parse):
    texts = parse(chart([2.0, 0.2, 0.02, 0.002])).texts("text")
    assert {"0.001", "0.01", "0.1", "1", "10"} <= set(texts)


def test_shares_are_never_drawn_on_a_logarithmic_axis(parse):
    assert "0%" in parse(chart([0.001, 0.5], percent=True)).texts("text")


def test_a_long_line_is_thinned_but_keeps_its_extremes(parse):
    values = np.full(100_000, 5.0)
    values[[12_345, 54_321]] = 0.0, 10.0
    (path,) = lines(parse(chart(values)))
    points = coordinates(path)
    assert len(points) <= 802
    assert min(y for _, y in points) == 14
    assert max(y for _, y in points) == 214


def test_a_long_line_keeps_its_gaps(parse):
    values = np.arange(10_000.0)
    values[5_000] = np.nan
    assert len(lines(parse(chart(values)))) == 2


def test_points_tell_their_values_under_the_pointer(parse):
    document = parse(chart([0.5, 0.25], names=["validation"]))
    assert document.texts("title") == ["epoch 1, validation: 0.5", "epoch 2, validation: 0.25"]


def test_a_place_can_be_marked(parse):
    assert len(parse(chart([3.0, 2.0, 1.0], marked=2)).all("line", "mark")) == 1


def test_a_mark_outside_is_not_drawn(parse):
    assert not parse(chart([3.0, 2.0, 1.0], marked=9)).all("line", "mark")


def test_loud_lines_differ_and_quiet_ones_are_grey(parse):
    places = np.array([1.0, 2.0])
    series = [Series(str(index), places, quiet=index == 1) for index in range(4)]
    drawn = LineChart(label="", x_name="epoch", places=places, series=series).draw()
    kinds = [path.attributes["class"] for path in parse(drawn.markup).all("path")]
    assert kinds == ["line line-1", "line quiet", "line line-2", "line line-3"]


def test_a_long_name_is_shortened(parse):
    names = parse(chart([1.0, 2.0], names=["a name that is too long"])).texts("text", "name")
    assert names == ["a name that i…"]


def test_refuses_a_series_of_another_length():
    with pytest.raises(ShapeError, match=r"loss: 3 values expected.*got 2"):
        chart([1.0, 2.0], names=["loss"], places=np.arange(3.0))

import re

import numpy as np
import pytest

from lunzi.report.charts import bar, histogram, scatter_chart


def scatter(x, y, **options):
    drawn = scatter_chart(
        np.array(x, float),
        np.array(y, float),
        label="",
        x_name="true",
        y_name="predicted",
        **options,
    )
    return drawn.markup


def dots(document):
    joined = "".join(path.attributes["d"] for path in document.all("path", "dots"))
    return [tuple(map(float, point.split())) for point in re.findall(r"M([^M]*)h0", joined)]


def test_equal_values_lie_on_the_diagonal(parse):
    document = parse(scatter([1.0, 2.0, 5.0], [1.0, 2.0, 5.0]))
    (diagonal,) = document.all("path", "diagonal")
    (left, bottom), (right, top) = [
        tuple(map(float, point.split())) for point in diagonal.attributes["d"][1:].split("L")
    ]
    for x, y in dots(document):
        assert (x - left) / (right - left) == pytest.approx((y - bottom) / (top - bottom), abs=2e-3)


def test_every_point_is_drawn(parse, rng):
    assert len(dots(parse(scatter(rng.normal(size=500), rng.normal(size=500))))) == 500


def test_points_that_are_not_finite_are_left_out(parse):
    document = parse(scatter([1.0, np.nan, 3.0], [1.0, 2.0, np.inf], ringed=[0, 1]))
    assert len(dots(document)) == 1
    assert len(document.all("circle", "ring")) == 1


def test_no_points_are_said(parse):
    assert "no value that can be drawn" in parse(scatter([], [])).texts("text")


def test_both_axes_are_named(parse):
    assert {"true", "predicted"} <= set(parse(scatter([1.0], [2.0])).texts("text"))


def counts(markup, parse):
    titles = parse(markup).texts("title")
    return [int(title.rpartition(": ")[2]) for title in titles]


def test_a_histogram_counts_every_value(parse, rng):
    drawn = histogram(rng.normal(size=1000), label="", x_name="residual")
    assert sum(counts(drawn.markup, parse)) == 1000


def test_a_histogram_marks_zero(parse):
    drawn = histogram(np.array([5.0, 6.0]), label="", x_name="residual")
    assert len(parse(drawn.markup).all("line", "mark")) == 1


@pytest.mark.parametrize("values", [[0.0, 0.0], [3.0, 3.0], [1e12, -1e-12], [np.nan], []])
def test_a_histogram_of_odd_values_can_be_drawn(parse, values):
    drawn = histogram(np.array(values, dtype=float), label="", x_name="residual")
    assert sum(counts(drawn.markup, parse)) == np.isfinite(values).sum()


@pytest.mark.parametrize(("share", "width"), [(0.25, "25"), (-1.0, "0"), (7.0, "100")])
def test_a_bar_is_as_long_as_its_share(parse, share, width):
    (rect,) = parse(bar(share, "right").markup).all("rect")
    assert rect.attributes["width"] == width

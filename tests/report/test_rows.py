import pytest

from lunzi.core.errors import ShapeError
from lunzi.report.rows import Rows


def test_numbers_are_set_to_the_right(parse):
    markup = "".join(cell.markup for cell in Rows(["a"] * 4, [[1, "-2.5", "x", None]]).cells(0))
    kinds = [(cell.text, cell.attributes.get("class")) for cell in parse(markup).all("td")]
    assert kinds == [("1", "number"), ("-2.5", "number"), ("x", None), ("None", None)]


def test_a_row_needs_a_value_for_each_column():
    with pytest.raises(ShapeError, match="row 1 has 1 values for 2 columns"):
        Rows(["a", "b"], [[1, 2], [3]]).cells(1)

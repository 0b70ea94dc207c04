import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lunzi.core.errors import FileFormatError, KindError, LunziError, PositionError, RangeError
from lunzi.data.tables import parse_table, read_table, sniff_delimiter


def table(content, **arguments):
    return parse_table(content.encode(), "a.csv", **arguments)


def cells(content, **arguments):
    return [column.cells.tolist() for column in table(content, **arguments).columns]


def test_columns_have_the_names_of_the_first_line():
    result = table("价格,城市\n3,北京\n4,上海\n")
    assert result.names == ("价格", "城市")
    assert result.column("城市").cells.tolist() == ["北京", "上海"]
    assert (len(result), result.encoding, result.delimiter) == (2, "utf-8", ",")


def test_a_file_of_chinese_excel_is_read(tmp_path):
    path = tmp_path / "数据 集.csv"
    path.write_bytes("价格,城市\r\n3,北京\r\n".encode("gb18030"))
    result = read_table(path)
    assert result.names == ("价格", "城市")
    assert result.encoding == "gb18030"


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n", ";"),
        ("a\tb\n1,5\t2;5\n", "\t"),
        ("a\n1\n", ","),
        ("a,b;c\n1,2;3\n", ","),
        ("a;b;c,d\n1;2;3,4\n", ";"),
        ('"x;y",b\n"1;2",3\n', ","),
        ("a,b,c\n1,2,3\n1,2\n", ","),
        ('a,b\n"open', ","),
    ],
)
def test_the_delimiter_cuts_all_lines_alike(content, delimiter):
    assert sniff_delimiter(content) == delimiter


def test_quoted_cells_may_hold_delimiters_quotes_and_line_ends():
    assert cells('a,b\n"1,2","say ""hi""\nagain"\nx,y\n') == [
        ["1,2", "x"],
        ['say "hi"\nagain', "y"],
    ]


def test_blanks_around_cells_and_lines_without_content_do_not_count():
    result = table(" a , b\n\n 1 , 2 \n,\n  \n3,4\n")
    assert result.names == ("a", "b")
    assert [c.cells.tolist() for c in result.columns] == [["1", "3"], ["2", "4"]]
    assert result.lines.tolist() == [3, 6]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_each_kind_of_line_end_counts_as_one_line(end):
    content = end.join(["a,b", '"1', '2",3', "4,5", ""])
    assert table(content).lines.tolist() == [2, 4]


def test_one_row_makes_a_table():
    assert len(table("a,b\n1,2")) == 1


def test_names_can_be_given_for_a_file_without_them():
    result = table("1,2\n3,4\n", column_names=["a", "b"])
    assert result.column("a").cells.tolist() == ["1", "3"]
    assert result.lines.tolist() == [1, 2]


def test_a_column_without_a_name_gets_one_and_is_left_out_when_empty():
    result = table(",a,\n0,x,\n1,y,\n")
    assert result.names == ("unnamed 1", "a")
    assert "unnamed 1" in result.unnamed


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "a.csv is empty"),
        ("\n\n", "a.csv is empty"),
        ("a,b\n", "names, but no rows"),
        ("a,b\n\n", "names, but no rows"),
        ("a,b\n1,2\n\n1,2,3\n", "line 4: the number of cells is 3, that of columns 2"),
        ("a,b\n1\n", "line 2: the number of cells is 1, that of columns 2"),
        ("a,b,a\n1,2,3\n", "line 1: columns have the same name: a"),
        ('a,b\n1,2\n"3,4\n5,6\n', "line 3: the row that begins here is no CSV"),
        ('a,b\n"1"x,2\n', "line 2: the row that begins here is no CSV"),
        ("a,b\n1,\x002\n", "line 2: there is a zero byte"),
        (f"a,b\n{'x' * 200_000},1\n", "line 2: .*field larger"),
    ],
)
def test_what_is_no_table_is_named_with_its_line(content, message):
    with pytest.raises(FileFormatError, match=message):
        table(content)


def test_any_other_delimiter_can_be_named():
    assert cells("a|b\n1,5|2\n", delimiter="|") == [["1,5"], ["2"]]


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n", " "])
def test_a_delimiter_that_cannot_be_is_refused(delimiter):
    with pytest.raises(RangeError, match="delimiter must be one character"):
        table("a,b\n1,2\n", delimiter=delimiter)


def test_an_unknown_column_is_refused_with_the_names_that_there_are():
    with pytest.raises(RangeError, match="no column price; it has: a, b"):
        table("a,b\n1,2\n").column("price")
    with pytest.raises(RangeError, match="the first line must name the columns"):
        table("39,State-gov\n50,Private\n").column("income")


def test_rows_are_selected_by_index_or_mask_with_their_lines():
    whole = table("a\n1\n2\n3\n")
    assert whole.select([2, 0]).column("a").cells.tolist() == ["3", "1"]
    assert whole.select(np.array([False, True, True])).lines.tolist() == [3, 4]


def test_rows_without_a_value_are_dropped():
    whole = table("a,b\n1,x\n?,\n-,none\n4,z\n")
    assert whole.drop_missing("a").column("b").cells.tolist() == ["x", "z"]
    # Among words, "none" is a word.
    assert whole.drop_missing("b").column("b").cells.tolist() == ["x", "none", "z"]


@settings(deadline=None, max_examples=300)
@given(st.text("ab1,;\t\"'\n\r \x00é中", max_size=40) | st.binary(max_size=40))
def test_only_our_own_errors_come_from_any_bytes(content):
    data = content if isinstance(content, bytes) else content.encode()
    try:
        result = parse_table(data, "a.csv")
    except LunziError:
        return
    assert all(len(column.cells) == len(result) for column in result.columns)


def test_california_housing_is_read(shared_data):
    result = read_table(shared_data("california-housing/housing.csv"))
    assert len(result) == 20_640
    assert int(result.column("total_bedrooms").missing().sum()) == 207
    assert result.column("median_income").style() == "plain"
    assert result.column("ocean_proximity").style() is None


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda: parse_table(b"a,b\n1,2", "t", delimiter=3), RangeError, "one character such as"),
        (lambda: parse_table(b"1,2", "t", column_names=3), KindError, "several in a list, got 3"),
        (lambda: parse_table(b"1,2", "t", column_names=[1, 2]), KindError, "is text, got 1"),
        (lambda: parse_table(b"a\n1", "t").column(0), KindError, "a column's name is text, got 0"),
        (lambda: parse_table(b"a\n1", "t").select([1]), PositionError, "has 1 rows, got"),
        (lambda: parse_table(b"a\n1", "t").select([True, False]), PositionError, "has 1 rows"),
        (lambda: parse_table(b"a\n1", "t").select([0.5]), KindError, "integers or a mask"),
        (lambda: parse_table(b"a\n1", "t").select([[0], [1, 2]]), KindError, "list of integers"),
    ],
)
def test_arguments_that_cannot_be_are_refused(use, error, message):
    with pytest.raises(error, match=message):
        use()

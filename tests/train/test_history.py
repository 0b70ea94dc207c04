import csv
import io
import math

import numpy as np

from lunzi.train import History


def test_columns_come_in_the_order_in_which_they_were_first_seen():
    history = History([{"epoch": 1, "loss": 2.0}])
    history.append({"epoch": 2, "late": 1.0, "loss": 1.5})
    assert history.columns == ["epoch", "loss", "late"]


def test_a_column_leaves_out_the_epochs_that_lack_it():
    history = History([{"a": 1.0}, {"b": 2.0}, {"a": 3.0}])
    assert history["a"] == [1.0, 3.0]
    assert history["c"] == []


def test_rows_are_counted_and_gone_through():
    rows = [{"epoch": 1}, {"epoch": 2}]
    history = History(rows)
    assert len(history) == 2
    assert list(history) == history.rows == rows


def test_rows_that_a_history_is_made_of_are_copied():
    row = {"epoch": 1}
    history = History([row])
    row["epoch"] = 5
    assert history["epoch"] == [1]


def test_csv_has_numbers_in_full_precision():
    third = 1 / 3
    history = History(
        [{"epoch": 1, "loss": third}, {"epoch": 2, "loss": np.float64(third), "x": 1}]
    )
    text = history.to_csv()
    assert text.splitlines()[0] == "epoch,loss,x"
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [float(row["loss"]) for row in rows] == [third, third]
    assert [row["x"] for row in rows] == ["", "1"]


def test_csv_quotes_what_a_user_may_call_a_metric():
    text = History([{'a,"b"\n': 1}]).to_csv()
    assert list(csv.reader(io.StringIO(text))) == [['a,"b"\n'], ["1"]]


def test_the_table_has_a_line_an_epoch():
    history = History([{"epoch": 9, "loss": 1.23456}, {"epoch": 10, "loss": math.nan, "x": 2}])
    assert str(history) == (
        "epoch   loss  x\n"  #
        "    9  1.235   \n"
        "   10    nan  2"
    )
    assert repr(history) == str(history)


def test_the_table_aligns_chinese_names_by_their_width():
    assert str(History([{"准确率": 0.5}])) == "准确率\n   0.5"


def test_an_empty_history_is_an_empty_table():
    assert str(History()) == ""
    assert History().to_csv() == "\n"

"""`lunzi train data.csv --target COLUMN`: what is found, said and kept for tables of all kinds."""

import json
import re

import pytest


def sign(place, number):
    return "plus" if number > 0 else "minus"


@pytest.fixture
def train(folder, lunzi):
    """Trains on the content of a file for a few epochs, into the folder `run`."""

    def trained(content, *options, name="rows.csv", target="y"):
        encoded = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(encoded)
        arguments = ["train", name, "--target", target, "--epochs", "3", "--out", "run", *options]
        ended = lunzi(*arguments)
        assert ended.status == 0, ended.err
        return ended.out.splitlines()

    return trained


@pytest.mark.parametrize(
    ("count", "split"), [(10, (6, 2, 2)), (30, (22, 4, 4)), (150, (106, 22, 22))]
)
def test_small_tables_are_split_so_that_each_part_has_rows(train, rows, count, split):
    said = train(rows(count, sign))
    training, validation, test = split
    assert said[0] == f"rows.csv: {count} rows, 3 columns, utf-8"
    assert (
        said[2]
        == f"train {training} | validation {validation} | test {test} (unseen until the end)"
    )


def test_words_are_classes_and_this_is_said(train, rows):
    assert train(rows(40, sign))[1] == "classification: y holds words, 2 different ones"


def test_numbers_are_a_regression_and_the_mean_stands_beside_the_error(train, rows):
    said = train(rows(40, lambda place, number: f"{10_000 * number:.0f}"))
    assert said[1] == "regression: y holds numbers, 40 different ones"
    assert said[3].startswith("network: 2 - 128 - 64 - 1 neurons, 8,705 parameters | seed 0 | ")
    # The error of an epoch is in the unit of the column, like that of the test.
    assert float(re.search(r"validation rmse (\S+)", said[4])[1]) > 100
    assert re.fullmatch(r"test error [\d,.]+ \(root mean squared error\)", said[-4])
    assert "always saying the mean" in said[-3]


def test_few_whole_numbers_are_classes_unless_the_task_is_named(train, rows, folder):
    content = rows(60, lambda place, number: place % 4)
    assert train(content)[1].endswith(
        "y holds whole numbers, only 4 different ones (otherwise: --task regression)"
    )
    said = train(content, "--out", "other", "--task", "regression")
    assert said[1] == "regression of y, as asked"
    assert json.loads((folder / "other/run.json").read_text("utf-8"))["settings"]["task"] == (
        "regression"
    )


def test_few_numbers_may_be_meant_as_classes(train, rows):
    said = train(rows(60, lambda place, number: place % 4 + 0.5))
    assert said[1].endswith("(otherwise: --task classification)")


def test_a_class_of_one_row_does_no_harm(train, rows):
    said = train(rows(40, lambda place, number: "rare" if place == 7 else sign(place, number)))
    assert "3 different ones" in said[1]


def test_rows_without_a_target_are_left_out_and_counted(train, rows):
    said = train(rows(40, lambda place, number: "" if place < 8 else sign(place, number)))
    assert said[1] == "rows without a value in y, left out: 8"
    assert said[3].startswith("train 22 | validation 5 | test 5 ")


def test_columns_that_are_left_out_are_named(train):
    lines = [f"{place},same,{place % 7},{'ab'[place % 2]}" for place in range(1, 41)]
    said = train("\n".join(["id,k,x,y", *lines]))
    assert "id is left out: it counts the rows." in said
    assert "k is left out: it is the same in every row." in said


def test_a_chinese_column_in_a_file_of_excel_is_found(train, rows):
    content = rows(40, lambda place, number: number, target="价格").replace("a,b", "面积,房间")
    said = train(content.encode("gb18030"), name="房价.csv", target="价格")
    assert said[0] == "房价.csv: 40 rows, 3 columns, gb18030"
    assert said[1].startswith("regression: 价格 holds numbers")


def test_a_byte_order_mark_decides(train, rows):
    assert "utf-16" in train(rows(40, sign).encode("utf-16"))[0]


def test_semicolons_and_decimal_commas_are_understood(train, rows):
    content = rows(40, lambda place, number: f"{number:.3f}").replace(",", ";").replace(".", ",")
    said = train(content)
    assert said[0] == "rows.csv: 40 rows, 3 columns, utf-8"
    assert any(line.startswith("a: the comma in") for line in said)


def test_a_network_that_learned_nothing_is_told(train, rows):
    said = train(rows(60, lambda place, number: "ab"[place // 7 % 2]), "--epochs", "1")
    assert said[-3].startswith(("no better than always saying", "always saying"))


def test_what_it_says_to_try_works_in_folders_with_blanks(folder, call, shell, rows):
    (folder / "数据 集").mkdir()
    (folder / "数据 集" / "d $1.csv").write_text(rows(20, sign), "utf-8")
    arguments = ["train", "数据 集/d $1.csv", "--target", "y", "--epochs", "1"]
    ended = call([*arguments, "--language", "zh"], folder, LC_ALL="C")
    assert (ended.status, ended.err) == (0, "")
    (line,) = [line for line in ended.out.splitlines() if line.startswith("试一试")]
    tried = shell(line.removeprefix("试一试"), folder)
    assert (tried.status, tried.err) == (0, "")
    assert tried.out.count("\n") == 22  # the file, the heads, 20 rows


def test_the_report_does_not_tell_the_folders(folder, lunzi, rows):
    private = folder / "anna" / "secret"
    private.mkdir(parents=True)
    (private / "d.csv").write_text(rows(20, sign), "utf-8")
    for number, name in enumerate((private / "d.csv", "anna/secret/d.csv")):
        out = str(private / f"run-{number}")
        assert lunzi("train", str(name), "--target", "y", "--epochs", "1", "--out", out).status == 0
        page = (private / f"run-{number}" / "report.html").read_text("utf-8")
        assert "lunzi train d.csv --target y --seed 0 --epochs 1" in page
        assert not re.search("anna|secret|/tmp/", page)


def test_the_seed_decides_split_and_weights(folder, lunzi, rows):
    (folder / "rows.csv").write_text(rows(40, sign), "utf-8")
    models = []
    for number, seed in enumerate(("3", "3", "4")):
        arguments = ("--target", "y", "--epochs", "1", "--seed", seed, "--out", f"run-{number}")
        assert lunzi("train", "rows.csv", *arguments).status == 0
        models.append((folder / f"run-{number}" / "model.safetensors").read_bytes())
    assert models[0] == models[1] != models[2]


def test_what_cannot_be_learned_from_leaves_no_folder(folder, lunzi, rows):
    (folder / "rows.csv").write_text(rows(40, lambda place, number: "same"), "utf-8")
    assert lunzi("train", "rows.csv", "--target", "y").status == 2
    assert [path.name for path in folder.iterdir()] == ["rows.csv"]

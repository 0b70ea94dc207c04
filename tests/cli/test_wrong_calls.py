"""Every mistake ends in one clear sentence on standard error, in both languages, status 2."""

import errno
import os
import re

import numpy as np
import pytest
from PIL import Image

from lunzi import nn
from lunzi.cli import application
from lunzi.files import save

# How to call it wrongly -> what the English sentence says
CALLS = {
    # The command line itself
    "nope": "There is no command nope; there are train, predict, inspect, show.",
    "trian digits": "perhaps train is meant",
    "--nonsense": "There is no option --nonsense; --help shows",
    "--debug=1 train": "--debug takes no value",
    "train digits --epoch 3": "perhaps --epochs is meant",
    "train digits -x": "There is no option -x",
    "train digits --seed": "--seed needs a value",
    "train digits --quiet=3": "--quiet takes no value",
    "train digits --seed 1.5": "--seed: a whole number is expected",
    "train digits --epochs many": "--epochs: a whole number is expected",
    "train digits --task sorting": "--task: one of classification, regression is expected",
    "train digits extra": "train does not know what to do with extra",
    "predict": "RUN is missing",
    "predict run": "FILE is missing",
    "inspect": "FILE is missing",
    "inspect a.safetensors b.safetensors": "inspect does not know what to do with b.safetensors",
    "inspect a.safetensors --sort colour": "--sort: one of name, size is expected",
    # What to train
    "train": "Say what to train: digits, or a CSV file",
    "train nothing": "There is no recipe or file nothing",
    "train digit": "perhaps digits is meant",
    "train rows.csv": "Say which column of rows.csv is to be predicted",
    "train gone.csv": "Say which column of gone.csv is to be predicted",
    "train digits --epochs 0": "--epochs must be 1 or more, got 0",
    "train digits --seed -1": "--seed must be a whole number from 0",
    "train digits --seed 99999999999999999999": "got 99999999999999999999",
    "train digits --task regression": "--task and --encoding are for CSV files",
    "train digits --encoding gb18030": "--task and --encoding are for CSV files",
    "train digits --out full": "The folder full is not empty",
    "train digits --out rows.csv": "rows.csv is a file; --out takes a folder",
    "train digits --out rows.csv/run": "rows.csv/run: a file is in the place of a folder",
    # Going on
    "train --resume gone": "There is no training run in gone",
    "train --resume full": "There is no training run in full",
    "train --resume rows.csv": "There is no training run in rows.csv",
    "train digits --resume full": "--resume goes on with the settings of its run",
    "train --resume full --seed 0": "--resume goes on with the settings of its run",
    "train --resume full --out new": "--resume goes on with the settings of its run",
    # Tables
    "train gone.csv --target y": "gone.csv does not exist",
    "train full --target y": "full is a folder",
    "train rows.csv --target z": "rows.csv has no column z; it has: a, b, y, price",
    "train rows.csv --target Price": "rows.csv has no column Price; perhaps price is meant",
    "train nine.csv --target y": "nine.csv has 9 rows with a target; 10 at least are needed",
    "train same.csv --target y": "holds the same value, 3.5, in every row",
    "train same.csv --target y --task classification": "holds the same value, 3.5, in every row",
    "train missing.csv --target y": "missing.csv has 0 rows with a target",
    "train dropped.csv --target y": "dropped.csv has no column to learn from",
    "train words.csv --target y": "as classes, each would be seen hardly once",
    "train words.csv --target y --task regression": "regression needs numbers",
    "train empty.csv --target y": "empty.csv is empty",
    "train header.csv --target y": "no rows",
    "train zero.csv --target y": "zero.csv, line 2: there is a zero byte",
    "train latin.csv --target y": "latin.csv, line 2: byte 6 (0xE9) is neither UTF-8 nor GB18030",
    "train broken.csv --target y": "broken.csv, line 42: byte ",
    "train rows.csv --target y --encoding nope": "There is no text encoding named nope",
    "train chinese.csv --target y --encoding utf-8": "chinese.csv, line 1: byte 0 (0xC3) is no",
    "train ragged.csv --target y": "ragged.csv, line 42: the number of cells is 2",
    "train quote.csv --target y": "quote.csv, line 42: the row that begins here is no CSV",
    "train twice.csv --target y": "columns have the same name: a",
    "train book.xlsx --target y": "looks like a workbook of Excel",
    # Models and runs
    "inspect gone": "gone does not exist",
    "inspect full": "There is no training run in full",
    "inspect begun": "There is no model in begun",
    "inspect empty.csv": "empty.csv is empty",
    "inspect rows.csv": "rows.csv is no safetensors file",
    "inspect cut.safetensors": "cut.safetensors",
    "predict gone five.png": "gone does not exist",
    "predict full five.png": "There is no training run in full",
    "predict begun five.png": "There is no model in begun",
    "predict rows.csv five.png": "rows.csv is no safetensors file",
    "predict cut.safetensors five.png": "cut.safetensors",
    # What to predict
    "predict DIGITS gone.png": "gone.png does not exist",
    "predict DIGITS full": "full is a folder",
    "predict DIGITS empty.png": "empty.png is empty",
    "predict DIGITS broken.png": "broken.png cannot be read as a picture",
    "predict DIGITS rows": "rows cannot be read as a picture",
    "predict DIGITS blank.png": "blank.png shows nothing",
    "predict DIGITS huge.png": "huge.png has 9000 x 9000 pixels",
    "predict DIGITS rows.csv": "rows.csv has 4 columns; a digit is a row of 64 numbers",
    "predict DIGITS bad64.csv": "bad64.csv, line 3: column p0 holds 'x'",
    "predict DIGITS more64.csv": "more64.csv, line 2: column p1 holds '17'",
    "predict DIGITS empty.csv": "empty.csv is empty",
    "predict CLASSES rows.csv": "rows.csv lacks columns that were there in training: size, colour",
    "predict CLASSES more.csv": "more.csv has columns that were not there in training: extra",
    "predict CLASSES big.csv": "big.csv, line 3: the column size holds numbers",
    "predict CLASSES five.png": "five.png, line 1: byte 0 (0x89) is neither UTF-8 nor GB18030",
    "predict CLASSES header.csv": "no rows",
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory, rows, untrained_run):
    """A folder with all kinds of damaged and wrong files."""
    folder = tmp_path_factory.mktemp("mistakes")
    good = rows(40, lambda place, number: f"{number:.3f}").replace("y\n", "y,price\n", 1)
    lines = good.splitlines()
    texts = {
        "rows.csv": "\n".join([lines[0], *(f"{line},7" for line in lines[1:])]),
        "nine.csv": rows(9, lambda place, number: number),
        "same.csv": rows(40, lambda place, number: 3.5),
        "missing.csv": rows(40, lambda place, number: ""),
        "dropped.csv": "name,k,y\n" + "".join(f"r{n}x,1,{'ab'[n % 2]}\n" for n in range(40)),
        "words.csv": rows(40, lambda place, number: f"word{place}"),
        "header.csv": "size,colour,y\n",
        "zero.csv": "a,b,y\n1,2,\0\n",
        "ragged.csv": rows(40, lambda place, number: number) + "1,2\n",
        "quote.csv": rows(40, lambda place, number: number) + '"1,2,3\n',
        "twice.csv": "a,a,y\n1,2,3\n",
        "bad64.csv": digits_file("1,", "x,"),
        "more64.csv": digits_file("1,17,"),
        "more.csv": "size,colour,extra\n1,red,3\n",
        "big.csv": "size,colour\n1,red\nbig,red\n",
        "rows": "no picture",
    }
    for name, content in texts.items():
        (folder / name).write_text(content, "utf-8")
    for name, content in {
        "empty.csv": b"",
        "empty.png": b"",
        "broken.png": b"\x89PNG\r\n\x1a\n123",
        "latin.csv": b"a,b,y\n" + 20 * "é,ö,ü\nñ,á,í\n".encode("latin-1"),
        "broken.csv": rows(40, lambda place, number: number).encode() + b"1,2,\xff\xfe\n",
        "chinese.csv": "面积,y\n1,2\n".encode("gb18030"),
        "book.xlsx": b"PK\x03\x04 a workbook",
        "cut.safetensors": (untrained_run / "model.safetensors").read_bytes()[:5000],
    }.items():
        (folder / name).write_bytes(content)
    Image.new("L", (50, 50), 255).save(folder / "blank.png")
    Image.new("1", (9000, 9000), 1).save(folder / "huge.png")
    Image.fromarray(np.eye(50, dtype=np.uint8) * 255).save(folder / "five.png")
    save(nn.Sequential(nn.Linear(2, 2)), folder / "a.safetensors")
    for name, inside in (("full", "notes.txt"), ("begun", "run.json")):
        (folder / name).mkdir()
        (folder / name / inside).write_text("{}", "utf-8")
    return folder


@pytest.fixture
def mistakes(made, monkeypatch):
    """The test works in that folder, and leaves nothing in it."""
    before = sorted(made.rglob("*"))
    monkeypatch.chdir(made)
    yield made
    assert sorted(made.rglob("*")) == before


def digits_file(*beginnings):
    """A file of digits; `beginnings` are the first cells of its rows, the others are 0."""
    header = ",".join(f"p{place}" for place in range(64))
    rows = [start + ",".join("0" * (64 - start.count(","))) for start in beginnings]
    return "\n".join([header, *rows])


@pytest.fixture
def told(lunzi, mistakes, untrained_run, class_run):
    """The sentence that a wrong call ends with."""

    def sentence(call, language):
        runs = {"DIGITS": str(untrained_run), "CLASSES": str(class_run)}
        words = [runs.get(word, word) for word in call.split()]
        ended = lunzi("--language", language, *words)
        assert ended.status == 2
        assert ended.err.startswith("lunzi: ")
        assert ended.err.endswith("\n")
        assert ended.err.count("\n") == 1
        assert "Traceback" not in ended.err
        return ended.err.removeprefix("lunzi: ").strip()

    return sentence


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_call_ends_in_one_sentence(told, call):
    sentence = told(call, "en")
    assert CALLS[call] in sentence
    assert sentence.endswith((".", "!"))
    assert not re.search("[\u3000-\u9fff]", sentence)


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_call_is_told_in_chinese(told, call):
    sentence = told(call, "zh")
    assert sentence.endswith("。")
    # No English sentence within: at most names, and what another library says of a damaged file.
    english = re.sub(r"（[^）]*）|[\w./]+\.(csv|png|xlsx|safetensors)", "", sentence)
    assert not re.search(r"\b(the|is|are|of|must|not)\b", english), sentence
    assert re.search("[\u4e00-\u9fff]{2}", sentence)


def test_the_traceback_is_shown_on_request_and_the_status_stays(lunzi, mistakes):
    ended = lunzi("train", "gone.csv", "--target", "y", "--debug")
    assert ended.status == 2
    assert ended.err.startswith("Traceback (most recent call last):")
    assert ended.err.endswith("lunzi: gone.csv does not exist: check the name and the folder.\n")
    assert "Traceback" in lunzi("predict", "a.safetensors", "five.png", "--debug").err


@pytest.mark.parametrize(
    ("number", "english", "chinese"),
    [
        (errno.EACCES, "there is no permission to read or write here", "没有读写权限"),
        (errno.EROFS, "this disk may only be read", "磁盘是只读的"),
        (errno.ENOSPC, "the disk is full", "磁盘已满"),
    ],
)
def test_what_the_system_refuses_is_said_with_the_place(
    folder, lunzi, monkeypatch, number, english, chinese
):
    def refuse(path, *arguments, **options):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    assert lunzi("train", "digits", "--quiet").err == f"lunzi: runs: {english}.\n"
    assert (
        lunzi("train", "digits", "--quiet", "--language", "zh").err == f"lunzi: runs：{chinese}。\n"
    )


def test_a_half_written_file_is_not_what_the_user_is_told_of(folder, lunzi, monkeypatch):
    def refuse(*arguments, **options):
        raise OSError(errno.ENOSPC, "full", str(folder / "runs" / ".report.html.x1.part"))

    monkeypatch.setattr("lunzi.cli.train.recipe", lambda name: refuse)
    assert lunzi("train", "digits").err == "lunzi: runs: the disk is full.\n"


@pytest.mark.parametrize(
    ("error", "english"),
    [
        (OSError(errno.ENOSPC, "full"), "The system refuses: the disk is full."),
        (OSError(errno.EIO, "input/output error"), "The system refuses: input/output error."),
        (MemoryError(), "There is not enough memory for this."),
    ],
)
def test_other_refusals_are_told_too(folder, lunzi, monkeypatch, error, english):
    def refuse(run):
        raise error

    monkeypatch.setattr("lunzi.cli.train.recipe", lambda name: refuse)
    assert lunzi("train", "digits").err == f"lunzi: {english}\n"


def test_a_mistake_in_lunzi_itself_is_not_hidden(folder, monkeypatch):
    def fail(run):
        raise AssertionError("a bug")

    monkeypatch.setattr("lunzi.cli.train.recipe", lambda name: fail)
    with pytest.raises(AssertionError, match="a bug"):
        application.run(["train", "digits"])

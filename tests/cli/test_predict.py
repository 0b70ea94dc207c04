"""`lunzi predict`: pictures and rows, for each kind of model, and what it cannot use."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lunzi import nn
from lunzi.cli.digit_predictions import shaded
from lunzi.data import DigitPreprocessing, digit_picture, read_idx, read_image
from lunzi.files import load, save
from lunzi.recipes.digits import as_input
from lunzi.recipes.digits_report import drawn
from lunzi.train import predict

MNIST = Path(__file__).parents[2].parent / "shared" / "data" / "mnist"
DIGITS = {"input": DigitPreprocessing().to_json(), "classes": list("0123456789")}
HEADER = ",".join(f"pixel {place}" for place in range(64))


class Own(nn.Module):
    """A network of a user's own."""

    def __init__(self):
        self.layer = nn.Linear(64, 10)

    def forward(self, x):
        return self.layer(x)


@pytest.fixture
def picture(folder, digit_rows):
    """A picture of a digit in the folder."""
    counts = np.array(digit_rows[0].split(","), int)[:64].reshape(8, 8)
    (folder / "five.png").write_bytes(drawn(counts))
    return "five.png"


def test_shows_the_picture_that_the_network_saw(untrained_run, lunzi, picture):
    ended = lunzi("predict", str(untrained_run), picture)
    name, *lines, answer = ended.out.splitlines()
    assert name == picture
    assert "\n".join(lines) == "\n".join(shaded(digit_picture(read_image(picture))))
    classes, probabilities = answer.split()[::2], answer.split()[1::2]
    assert len(set(classes)) == 3
    assert [*probabilities] == sorted(probabilities, reverse=True)


def test_shades_grow_with_the_ink():
    counts = np.array([[0, 1, 4, 5, 8, 9, 12, 16]])
    assert shaded(counts) == ["    ░░░░▒▒▒▒▓▓▓▓██  "]


def test_several_files_come_one_after_the_other(untrained_run, lunzi, picture, folder, digit_rows):
    (folder / "rows.csv").write_text("\n".join(digit_rows), "utf-8")
    ended = lunzi("predict", str(untrained_run), picture, "rows.csv", picture)
    assert ended.status == 0
    assert ended.out.splitlines()[0] == ended.out.splitlines()[17] == picture
    assert "rows.csv: 5 rows, 65 columns, utf-8" in ended.out


def test_a_file_that_cannot_be_read_does_not_keep_back_the_others(untrained_run, lunzi, picture):
    ended = lunzi("predict", str(untrained_run), "missing.png", picture, "gone.csv")
    assert ended.status == 2
    assert ended.out.startswith(picture)
    assert [line.split()[1] for line in ended.err.splitlines()] == ["missing.png", "gone.csv"]


@pytest.mark.parametrize(
    ("first", "change"),
    [
        ([HEADER], lambda row: row.rpartition(",")[0]),
        ([f"{HEADER},digit"], lambda row: row),
        ([], lambda row: row.rpartition(",")[0]),
        ([], lambda row: row),
        ([], lambda row: row.replace(",", ";")),
        ([], lambda row: row.replace(",", ".0,")),
    ],
    ids=["names", "names and digits", "bare", "digits", "semicolons", "fractions"],
)
def test_rows_of_counts_need_neither_names_nor_the_digit(
    untrained_run, lunzi, folder, digit_rows, first, change
):
    (folder / "plain.csv").write_text("\n".join(digit_rows), "utf-8")
    (folder / "rows.csv").write_text("\n".join([*first, *map(change, digit_rows)]), "utf-8")
    ended = lunzi("predict", str(untrained_run), "rows.csv")
    assert ended.status == 0, ended.err
    head, *rows = (line.split() for line in ended.out.splitlines()[1:])
    assert head == ["line", "digit", "probability"]
    assert [int(line) for line, _, _ in rows] == [place + len(first) for place in range(1, 6)]
    plain = lunzi("predict", str(untrained_run), "plain.csv").out.splitlines()[2:]
    assert [row[1:] for row in rows] == [line.split()[1:] for line in plain]


def test_rows_get_the_class_and_its_probability(class_run, lunzi, folder):
    (folder / "new.csv").write_text("size,colour,y\n1.0,red,\n-1.0,blue,no\n", "utf-8")
    ended = lunzi("predict", str(class_run), "new.csv")
    source, head, first, second = ended.out.splitlines()
    assert source == "new.csv: 2 rows, 3 columns, utf-8"
    assert head.split() == ["line", "y", "probability"]
    assert first.split()[:2] == ["2", "yes"]
    assert second.split()[:2] == ["3", "no"]
    assert 0.5 < float(first.split()[2]) <= 1


def test_missing_values_and_unseen_words_are_no_hindrance(class_run, lunzi, folder):
    (folder / "new.csv").write_text("colour,size\nred,\nviolet,1\n,2\n", "utf-8")
    ended = lunzi("predict", str(class_run), "new.csv")
    assert (ended.status, len(ended.out.splitlines())) == (0, 5)


def test_a_single_row_is_called_one_row(class_run, lunzi, folder):
    (folder / "new.csv").write_text("size,colour\n1,red\n", "utf-8")
    assert lunzi("predict", str(class_run), "new.csv").out.startswith("new.csv: 1 row, 2 columns")


def test_numbers_come_in_the_unit_of_their_column(number_run, lunzi, folder):
    (folder / "new.csv").write_text("a,b\n1,0\n-1,0\n", "utf-8")
    _, head, first, second = lunzi("predict", str(number_run), "new.csv").out.splitlines()
    assert head.split() == ["line", "y"]
    assert float(first.split()[1]) > 5_000
    assert float(second.split()[1]) < -5_000


def test_the_encoding_is_said_and_can_be_named(class_run, lunzi, folder):
    (folder / "new.csv").write_bytes("size,colour\n1,红色\n".encode("gb18030"))
    assert "gb18030" in lunzi("predict", str(class_run), "new.csv").out.splitlines()[0]
    ended = lunzi("predict", str(class_run), "new.csv", "--encoding", "utf-8")
    assert ended.err.startswith("lunzi: new.csv, line 2: byte 14 (0xBA) is no utf-8 text")


def test_what_would_steer_the_terminal_is_not_sent_to_it(lunzi, folder, rows):
    content = rows(20, lambda place, number: "\x1b[31mred" if number > 0 else "b")
    (folder / "rows.csv").write_text(content, "utf-8")
    lunzi("train", "rows.csv", "--target", "y", "--epochs", "1", "--out", "run", "--quiet")
    ended = lunzi("predict", "run", "rows.csv")
    assert ended.status == 0
    assert "\x1b" not in ended.out
    assert "\x1b" not in lunzi("train", "rows.csv", "--target", "\x1b[31m").err
    said = lunzi("train", "rows.csv", "--target", "y", "--epochs", "1").out
    assert "\x1b" not in said


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("model", "preprocessing"),
    [
        (nn.Sequential(nn.Linear(4, 2)), None),
        (nn.Sequential(nn.Linear(4, 2)), DIGITS),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), DIGITS),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), {**DIGITS, "classes": 3}),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), {"input": DIGITS["input"]}),
        (nn.Sequential(nn.Linear(4, 2)), [1]),
        (nn.Sequential(nn.Linear(4, 2)), {"input": "digit"}),
        (nn.Sequential(nn.Linear(4, 2)), {"input": {"kind": ["digit"]}}),
        (nn.Sequential(nn.Linear(4, 2)), {"input": {"kind": "sound"}}),
        (nn.Sequential(nn.Linear(4, 2)), {"input": {"kind": "table"}}),
        (Own(), DIGITS),
    ],
)
def test_other_models_are_refused_in_one_sentence(lunzi, picture, model, preprocessing, language):
    save(model, "other.safetensors", preprocessing=preprocessing)
    ended = lunzi("predict", "other.safetensors", picture, "--language", language)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("lunzi: other.safetensors")
    assert ended.err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.skipif(not MNIST.is_dir(), reason=f"there is no MNIST in {MNIST}")
def test_four_of_five_foreign_pictures_are_read_right(digits_run, folder):
    images = read_idx(MNIST / "t10k-images-idx3-ubyte.gz")[:1000]
    labels = read_idx(MNIST / "t10k-labels-idx1-ubyte.gz")[:1000]
    seen = []
    for place, image in enumerate(images):
        tones = image if place % 2 else 255 - image
        Image.fromarray(tones).save(folder / "picture.png")
        seen.append(digit_picture(read_image(folder / "picture.png")))
    logits = predict(load(digits_run / "model.safetensors"), as_input(np.stack(seen)))
    assert (logits.argmax(axis=1) == labels).mean() >= 0.80

"""`lunzi train digits`, from the command to the folder that it leaves."""

import csv
import json
import re
import socket

import numpy as np
import pytest

from lunzi.data import load_digits
from lunzi.files import load
from lunzi.recipes.digits import TRAINING_HALF, as_input
from lunzi.train import predict

FILES = {
    "checkpoint.safetensors",
    "digit.png",
    "history.csv",
    "model.safetensors",
    "report.html",
    "run.json",
}
# What a newcomer sees; # stands for a number that varies from machine to machine.
GOLDEN = """\
digits: 1,797 handwritten digits, 8 x 8 pixels, in the package
train 718 | validation 180 | test 899 (unseen until the end)
network: 2 convolutions + linear, # parameters | seed 0 | # threads
compiled in # s
epoch 1/30  loss #  validation accuracy #  # s left
...
epoch 29/30  loss #  validation accuracy #  # s left
epoch 30/30  loss #  validation accuracy #
# of 899 wrong; most often # read as #
test accuracy #
saved  runs/digits-1      look   runs/digits-1/report.html
try    lunzi predict runs/digits-1 runs/digits-1/digit.png
"""
VARIES = (
    (r"[\d,]+ parameters", "# parameters"),
    (r"\d+ threads?$", "# threads"),
    (r"(loss|accuracy) \d+(\.\d+)?", r"\1 #"),
    (r"\d+ s left", "# s left"),
    (r"^compiled in [\d.]+ s$", "compiled in # s"),
    (r"^\d+ of 899 wrong; most often \d read as \d", "# of 899 wrong; most often # read as #"),
)


def normalised(line):
    for pattern, shown in VARIES:
        line = re.sub(pattern, shown, line)
    return line


def tried(out, word="try"):
    """The command of the line that says what to try."""
    (line,) = [line for line in out.splitlines() if line.startswith(f"{word} ")]
    return line.removeprefix(word).strip()


def test_says_what_a_newcomer_sees(digits_folder):
    _, said = digits_folder
    lines = [normalised(line) for line in said.out.splitlines()]
    assert [*lines[:5], "...", *lines[-6:]] == GOLDEN.splitlines()
    assert len(lines) == 4 + 30 + 4
    assert (said.status, said.err) == (0, "")


def test_writes_plain_lines_where_there_is_no_terminal(digits_folder):
    assert not re.search(r"[^\n\x20-\x7e]", digits_folder[1].out)


def test_leaves_model_history_report_and_an_example(digits_run):
    assert {path.name for path in digits_run.iterdir()} == FILES
    with (digits_run / "history.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == [str(epoch) for epoch in range(1, 31)]
    assert {"loss", "validation loss", "validation accuracy", "seconds"} <= set(rows[0])


def test_reads_its_example_right_when_called_as_printed(digits_folder, digits_run, shell):
    folder, said = digits_folder
    ended = shell(tried(said.out), folder)
    assert (ended.status, ended.err) == (0, "")
    name, *picture, answer = ended.out.splitlines()
    assert name == "runs/digits-1/digit.png"
    assert len(picture) == 8
    digit, probability, *_ = answer.split()
    assert float(probability) > 0.9
    assert int(digit) == digit_of_which_the_network_is_surest(digits_run)


def digit_of_which_the_network_is_surest(run):
    digits = load_digits()
    logits = predict(load(run / "model.safetensors"), as_input(digits.images[TRAINING_HALF:]))
    odds = np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1)
    return digits.targets[TRAINING_HALF + odds.argmin()]


def test_the_report_tells_nothing_of_the_machine_or_its_user(digits_folder):
    folder, _ = digits_folder
    page = (folder / "runs/digits-1/report.html").read_text("utf-8")
    readable = re.sub(r"data:image/png;base64,[\w+/=]+", "", page)
    assert folder.name not in readable
    assert not re.search(rf"/home/|/tmp/|\b{re.escape(socket.gethostname())}\b", readable)
    assert "lunzi train digits --seed 0" in readable


def test_a_second_run_takes_another_folder_and_the_seed_decides_all(folder, call, shell):
    options = ["train", "digits", "--epochs", "1", "--seed", "7"]
    first, second = call(options, folder), call(options, folder)
    third = call([*options[:-1], "8"], folder)
    assert (first.status, second.status, third.status) == (0, 0, 0)
    models = [
        (folder / "runs" / f"digits-{n}" / "model.safetensors").read_bytes() for n in (1, 2, 3)
    ]
    assert models[0] == models[1] != models[2]
    assert tried(second.out) == "lunzi predict runs/digits-2 runs/digits-2/digit.png"
    assert shell(tried(second.out), folder).status == 0


def test_a_folder_with_a_blank_and_chinese_characters_is_quoted(folder, call, shell):
    ended = call(["train", "digits", "--epochs", "1", "--out", "数据 集/run 1"], folder)
    assert (ended.status, ended.err) == (0, "")
    assert {path.name for path in (folder / "数据 集" / "run 1").iterdir()} == FILES
    assert shell(tried(ended.out), folder).status == 0


def test_a_run_without_compiling_is_repeated_and_resumed_so(folder, call):
    ended = call(["train", "digits", "--epochs", "1", "--no-compile"], folder)
    assert (ended.status, ended.err) == (0, "")
    left = folder / "runs" / "digits-1"
    assert json.loads((left / "run.json").read_text("utf-8"))["settings"]["compile"] is False
    page = (left / "report.html").read_text("utf-8")
    assert "lunzi train digits --seed 0 --epochs 1 --no-compile" in page
    resumed = call(["train", "--resume", str(left), "--no-compile"], folder)
    assert (resumed.status, resumed.out) == (2, "")
    resumed = call(["train", "--resume", str(left)], folder)
    assert (resumed.status, resumed.err) == (0, "")


def test_quiet_says_nothing(folder, call):
    ended = call(["train", "digits", "--epochs", "1", "--quiet"], folder)
    assert (ended.status, ended.out, ended.err) == (0, "", "")
    assert (folder / "runs" / "digits-1" / "report.html").exists()


@pytest.mark.parametrize(
    "variables",
    [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}, {"PYTHONIOENCODING": "ascii"}],
)
def test_speaks_chinese_where_the_locale_cannot(folder, start, variables):
    process = start(["train", "digits", "--epochs", "1", "--language", "zh"], folder, **variables)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert "个参数 | 随机种子 0 | " in out.decode("utf-8")
    assert 'lang="zh' in (folder / "runs" / "digits-1" / "report.html").read_text("utf-8")


def test_writes_in_the_encoding_of_a_chinese_terminal(folder, start):
    process = start(["--help"], folder, LUNZI_LANGUAGE="zh", PYTHONIOENCODING="gb18030")
    assert "训练神经网络" in process.communicate()[0].decode("gb18030")

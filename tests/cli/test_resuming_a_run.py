"""`lunzi train --resume`: what it goes on with, and what it refuses."""

import json
import shutil

import pytest


@pytest.fixture
def run(class_run, folder):
    """A finished run on a table, with its file beside it, to be changed at will."""
    shutil.copytree(class_run.parent, folder / "work")
    return folder / "work" / "run"


def test_a_finished_run_says_so_and_tells_its_result_again(run, lunzi):
    model, report = ((run / name).read_bytes() for name in ("model.safetensors", "report.html"))
    ended = lunzi("train", "--resume", str(run))
    assert (ended.status, ended.err) == (0, "")
    assert "all 20 epochs are done" in ended.out
    assert "test accuracy" in ended.out
    assert (run / "model.safetensors").read_bytes() == model
    assert (run / "report.html").read_bytes() == report


def test_the_file_is_found_from_another_folder(run, lunzi, monkeypatch, folder, shell):
    elsewhere = folder / "else where"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    ended = lunzi("train", "--resume", "../work/run")
    assert ended.status == 0
    assert ended.out.splitlines()[0].startswith("../work/rows.csv: 60 rows, 3 columns")
    (line,) = [line for line in ended.out.splitlines() if line.startswith("try")]
    assert line.split()[1:] == ["lunzi", "predict", "../work/run", "../work/rows.csv"]
    assert shell(line.removeprefix("try"), elsewhere).status == 0


def test_the_folder_and_its_file_can_be_moved_together(run, lunzi, folder):
    (folder / "work").rename(folder / "moved")
    assert lunzi("train", "--resume", "moved/run").status == 0


def test_a_file_with_other_content_is_refused(run, lunzi):
    rows = run.parent / "rows.csv"
    rows.write_text(rows.read_text("utf-8").replace("red", "rot"), "utf-8")
    ended = lunzi("train", "--resume", str(run))
    assert ended.status == 2
    assert "is no longer the file that the run" in ended.err


def test_without_its_checkpoint_a_run_begins_anew(run, lunzi):
    model = (run / "model.safetensors").read_bytes()
    (run / "checkpoint.safetensors").unlink()
    ended = lunzi("train", "--resume", str(run))
    assert "epoch 1/20" in ended.out
    assert (run / "model.safetensors").read_bytes() == model


def test_the_checkpoint_of_another_run_is_refused(run, lunzi, number_run):
    shutil.copy(number_run / "checkpoint.safetensors", run)
    ended = lunzi("train", "--resume", str(run))
    assert ended.status == 2
    assert ended.err.count("\n") == 1
    assert "checkpoint.safetensors is damaged, or was written by another version" in ended.err


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"format": "lunzi run 1", "settings": {}, "sha256": null}',
        '{"format": "lunzi run 2"}',
        "[" * 100_000,
    ],
)
def test_a_damaged_description_is_refused(run, lunzi, content):
    (run / "run.json").write_text(content, "utf-8")
    ended = lunzi("train", "--resume", str(run))
    assert ended.status == 2
    assert "run.json is damaged" in ended.err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("seed", "0"), ("seed", -1), ("seed", None), ("epochs", 0), ("epochs", True)),
        *(("data", 3), ("data", None), ("target", None), ("recipe", "other"), ("recipe", None)),
        *(("recipe", "digits"), ("task", "sorting"), ("compile", "no")),
    ],
)
def test_settings_of_the_wrong_kind_are_refused(run, lunzi, name, value):
    document = json.loads((run / "run.json").read_text("utf-8"))
    document["settings"][name] = value
    (run / "run.json").write_text(json.dumps(document), "utf-8")
    ended = lunzi("train", "--resume", str(run))
    assert ended.status == 2
    assert ended.err.count("\n") == 1


def test_another_environment_is_told_in_one_sentence(run, lunzi, monkeypatch):
    monkeypatch.setattr("lunzi.train.environment.available_cores", lambda: 64)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "64")
    ended = lunzi("train", "--resume", str(run), "--language", "zh")
    assert ended.status == 0
    (line,) = ended.err.splitlines()
    assert line.startswith("lunzi: 训练将在不同的环境中继续（threads ")

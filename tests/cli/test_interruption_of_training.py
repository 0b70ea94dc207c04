"""Training that is stopped, by Ctrl-C, a kill or a closed pipe, and goes on to the same bits."""

import csv
import os
import signal

import pytest

TRAIN = ["train", "digits", "--epochs", "3", "--out", "run"]

on_posix = pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, call):
    """The bytes of the model of a run that nobody stopped."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    assert call(TRAIN, folder).status == 0
    return (folder / "run" / "model.safetensors").read_bytes()


@pytest.fixture
def stop(folder, start, end):
    """Sends a signal to a training in its second epoch, and gives how it ended."""

    def stopped(number):
        process = start(TRAIN, folder)
        while not process.stdout.readline().startswith(b"epoch 1/3"):
            assert process.poll() is None
        process.send_signal(number)
        return end(process)

    return stopped


def resumed(folder, call):
    """Go on from another folder, and give the model's bytes."""
    ended = call(["train", "--resume", str(folder / "run")], folder.parent)
    assert (ended.status, ended.err) == (0, "")
    return (folder / "run" / "model.safetensors").read_bytes()


@on_posix
def test_ctrl_c_saves_what_was_learned_and_says_so_in_one_line(folder, stop, call, shell):
    ended = stop(signal.SIGINT)
    assert ended.status == 130
    assert ended.err == (
        "lunzi: stopped; what was learned so far is saved; go on with: lunzi train --resume run\n"
    )
    assert "test accuracy" not in ended.out
    with (folder / "run" / "history.csv").open(encoding="utf-8", newline="") as file:
        assert 1 <= len(list(csv.DictReader(file))) < 3
    assert call(["inspect", "run"], folder).status == 0
    assert shell(ended.err.strip().partition("with: ")[2], folder).status == 0
    assert call(["predict", "run", "run/digit.png"], folder).status == 0


@on_posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["SIGINT", "SIGKILL"])
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(folder, stop, call, uninterrupted, number):
    assert stop(number).status in (130, -signal.SIGKILL)
    assert resumed(folder, call) == uninterrupted


def test_a_reader_that_goes_away_stops_the_training_and_nothing_is_lost(
    folder, start, call, uninterrupted
):
    with start(TRAIN, folder) as process:
        while not process.stdout.readline().startswith(b"epoch 1/3"):
            assert process.poll() is None
        process.stdout.close()
        err = process.stderr.read().decode()
    assert process.returncode == 2
    assert err.startswith("lunzi: Nobody reads the output any more")
    assert err.endswith("Go on with: lunzi train --resume run\n")
    assert err.count("\n") == 1
    assert resumed(folder, call) == uninterrupted


def test_without_any_reader_no_training_begins(folder, start):
    with start(TRAIN, folder) as process:
        process.stdout.close()
        err = process.stderr.read().decode()
    assert process.returncode == 2
    assert err == "lunzi: Nobody reads the output any more, so the training was not begun.\n"
    assert not list(folder.iterdir())


@on_posix
def test_other_commands_end_quietly_when_nobody_reads_on(folder, untrained_run, shell):
    for command in ("--help", f"inspect '{untrained_run}'"):
        ended = shell(f"lunzi {command} | head -1", folder)
        assert (ended.err, ended.out.count("\n")) == ("", 1)


@on_posix
def test_ctrl_c_before_anything_was_learned_leaves_nothing(folder, start, end):
    os.mkfifo(folder / "rows.csv")
    process = start(["train", "rows.csv", "--target", "y"], folder)
    # The command has begun when it opens the pipe; it then waits for what never comes.
    with open(folder / "rows.csv", "wb"):
        process.send_signal(signal.SIGINT)
        ended = end(process)
    assert (ended.status, ended.out) == (130, "")
    assert ended.err == "lunzi: interrupted\n"
    assert list(folder.iterdir()) == [folder / "rows.csv"]

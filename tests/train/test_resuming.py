"""A run that was stopped, anywhere and in any way, ends with the bits of one that was not."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lunzi.train import Callback, EnvironmentWarning, load_checkpoint

SCRIPT = Path(__file__).parent / "experiment.py"
EPOCHS = 2
STEPS = 16  # of two epochs


class StopError(Exception):
    """Stands for whatever ends a process."""


class At(Callback):
    """Does something at one step."""

    def __init__(self, step, action):
        self.step, self.action = step, action

    def on_step_end(self, trainer, loss):
        if trainer.step_count == self.step:
            self.action()


class AtEpochEnd(Callback):
    """Does something at the end of one epoch."""

    def __init__(self, epoch, action):
        self.epoch, self.action = epoch, action

    def on_epoch_end(self, trainer, row):
        if trainer.epoch == self.epoch:
            self.action()


class Counter(Callback):
    """Notes what it is called for."""

    def __init__(self):
        self.calls = []

    def on_fit_begin(self, trainer):
        self.calls.append("fit begins")

    def on_step_end(self, trainer, loss):
        self.calls.append(trainer.step_count)

    def on_epoch_end(self, trainer, row):
        self.calls.append(f"epoch {trainer.epoch}")

    def on_fit_end(self, trainer):
        self.calls.append("fit ends")


def stop():
    raise StopError


def interrupt():
    signal.raise_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def uninterrupted(experiment):
    """What comes out of two epochs at one go, without a checkpoint."""
    return experiment.run(experiment.trainer(None, None), EPOCHS)


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_after_an_error_at_any_step(experiment, uninterrupted, tmp_path, step):
    checkpoint = tmp_path / "run"
    with pytest.raises(StopError):
        experiment.run(experiment.trainer(checkpoint, 2, At(step, stop)), EPOCHS)
    assert checkpoint.exists() == (step > 2)
    assert experiment.run(experiment.trainer(checkpoint, None), EPOCHS) == uninterrupted


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_after_control_c_at_any_step(experiment, uninterrupted, tmp_path, step):
    checkpoint = tmp_path / "run"
    stopped = experiment.trainer(checkpoint, None, At(step, interrupt))
    with pytest.raises(KeyboardInterrupt):
        experiment.run(stopped, EPOCHS)
    assert stopped.step_count == step
    assert experiment.run(experiment.trainer(checkpoint, None), EPOCHS) == uninterrupted


@pytest.mark.parametrize("step", [1, 7, 8, 9, STEPS])
def test_a_fit_after_control_c_goes_on_in_the_same_process(experiment, uninterrupted, step):
    stopped = experiment.trainer(None, None, At(step, interrupt))
    with pytest.raises(KeyboardInterrupt):
        experiment.run(stopped, EPOCHS)
    assert experiment.run(stopped, EPOCHS) == uninterrupted


def test_control_c_in_the_validation_leaves_the_epoch_to_be_ended_later(
    experiment, uninterrupted, tmp_path
):
    checkpoint = tmp_path / "run"
    stopped = experiment.trainer(checkpoint, None)
    metric = stopped.metrics["accuracy"]
    update = metric.update
    metric.update = lambda *batch: (interrupt(), update(*batch))
    with pytest.raises(KeyboardInterrupt):
        experiment.run(stopped, EPOCHS)
    assert (stopped.epoch, stopped.batch, len(stopped.history)) == (0, 8, 0)
    counter = Counter()
    resumed = experiment.trainer(checkpoint, None, counter)
    assert experiment.run(resumed, EPOCHS) == uninterrupted
    assert counter.calls == ["fit begins", "epoch 1", *range(9, 17), "epoch 2", "fit ends"]


def test_after_the_last_batch_of_an_epoch_only_its_end_is_left(experiment, tmp_path):
    checkpoint = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        experiment.run(experiment.trainer(checkpoint, None, At(8, interrupt)), 1)
    counter = Counter()
    experiment.run(experiment.trainer(checkpoint, None, counter), 1)
    assert counter.calls == ["fit begins", "epoch 1", "fit ends"]


@pytest.mark.parametrize("action", [stop, interrupt])
def test_after_a_stop_at_the_end_of_an_epoch(experiment, uninterrupted, tmp_path, action):
    checkpoint = tmp_path / "run"
    with pytest.raises((StopError, KeyboardInterrupt)):
        experiment.run(experiment.trainer(checkpoint, 1, AtEpochEnd(1, action)), EPOCHS)
    assert experiment.run(experiment.trainer(checkpoint, None), EPOCHS) == uninterrupted


def test_control_c_at_the_very_end_is_not_lost(experiment, uninterrupted, tmp_path):
    checkpoint = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        experiment.run(experiment.trainer(checkpoint, None, AtEpochEnd(2, interrupt)), EPOCHS)
    assert experiment.run(experiment.trainer(checkpoint, None), EPOCHS) == uninterrupted


def test_a_checkpoint_of_a_finished_run_trains_no_more(experiment, uninterrupted, tmp_path):
    checkpoint = tmp_path / "run"
    experiment.run(experiment.trainer(checkpoint, None), EPOCHS)
    counter = Counter()
    assert experiment.run(experiment.trainer(checkpoint, None, counter), EPOCHS) == uninterrupted
    assert counter.calls == ["fit begins", "fit ends"]


def test_more_epochs_go_on_from_the_last_weights_and_not_the_best(
    experiment, uninterrupted, tmp_path
):
    checkpoint = tmp_path / "run"
    trained = experiment.trainer(checkpoint, None)
    experiment.run(trained, 1)
    assert experiment.run(trained, EPOCHS) == uninterrupted
    experiment.run(experiment.trainer(tmp_path / "other", None), 1)
    assert experiment.run(experiment.trainer(tmp_path / "other", None), EPOCHS) == uninterrupted


def test_a_state_saved_by_hand_after_the_fit_has_the_last_weights_too(
    experiment, uninterrupted, tmp_path
):
    trained = experiment.trainer(tmp_path / "run", None)
    experiment.run(trained, 1)
    trained.save()
    assert experiment.run(experiment.trainer(tmp_path / "run", None), EPOCHS) == uninterrupted


def test_a_state_saved_between_resume_and_fit_is_whole(experiment, uninterrupted, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        experiment.run(experiment.trainer(tmp_path / "run", None, At(3, interrupt)), EPOCHS)
    resumed = experiment.trainer(tmp_path / "run", None)
    resumed.resume()
    resumed.save()
    assert experiment.run(experiment.trainer(tmp_path / "run", None), EPOCHS) == uninterrupted


# In processes of their own


@pytest.fixture(scope="module")
def reference(experiment):
    return json.loads(json.dumps(experiment.run(experiment.trainer(None, None))))


@pytest.fixture
def start(tmp_path):
    """Starts the experiment in a process; it goes on from tmp_path / "run"."""

    def start(*arguments, **environment):
        command = [sys.executable, SCRIPT, tmp_path / "run", tmp_path / "result", *arguments]
        variables = {**os.environ, **environment}  # the threads of this process, for its bits
        return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True)

    return start


@pytest.fixture
def finish(tmp_path, start):
    """Lets the experiment run to its end, and gives what came out."""

    def finish():
        process = start()
        process.communicate(timeout=60)
        assert process.returncode == 0
        return json.loads((tmp_path / "result").read_text())

    return finish


def killed(process):
    process.communicate(timeout=60)
    return process.returncode == -signal.SIGKILL


def test_after_sigkill_at_random_lines_of_the_program(start, finish, reference, tmp_path):
    rng = np.random.default_rng(5)
    kills = 0
    for line in rng.integers(1, 40_000, 6):
        kills += killed(start("--every", "1", KILL_AT=str(line)))
    assert kills >= 3
    load_checkpoint(tmp_path / "run")
    assert finish() == reference


def test_after_sigkill_while_the_checkpoint_is_written(start, finish, reference, tmp_path):
    for line in (3, 25, 58, 91):  # write_whole and what it calls have some 22 lines a call
        assert killed(start("--every", "2", KILL_AT=str(line), KILL_IN="/lunzi/storage.py"))
        if (tmp_path / "run").exists():
            load_checkpoint(tmp_path / "run")
    assert finish() == reference


def test_after_sigkill_from_outside(start, finish, reference):
    for steps in (2, 9):
        process = start("--every", "1")
        for _ in range(steps):
            process.stdout.readline()
        process.kill()
        process.communicate(timeout=60)
    assert finish() == reference


def test_after_control_c_from_outside(start, finish, reference):
    process = start()
    for _ in range(11):
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert finish() == reference


# Compiled


@pytest.fixture(scope="module")
def compiled(experiment):
    """What comes out of two compiled epochs at one go."""
    return experiment.run(experiment.trainer(None, None, compile=True), EPOCHS)


def test_a_compiled_run_is_another_one_than_the_eager_only_in_its_last_bits(
    compiled, uninterrupted
):
    assert compiled["weights"] != uninterrupted["weights"]  # or this one would not be compiled
    for row, eager in zip(compiled["history"], uninterrupted["history"], strict=True):
        loss, expected = float.fromhex(row["loss"]), float.fromhex(eager["loss"])
        assert loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 8, 9, STEPS])
def test_a_compiled_run_after_control_c(experiment, compiled, tmp_path, step):
    checkpoint = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        experiment.run(
            experiment.trainer(checkpoint, None, At(step, interrupt), compile=True), EPOCHS
        )
    assert experiment.run(experiment.trainer(checkpoint, None, compile=True), EPOCHS) == compiled


def test_a_compiled_run_after_sigkill(experiment, start, tmp_path):
    reference = experiment.run(experiment.trainer(None, None, compile=True))
    for line in (4_000, 9_000):
        assert killed(start("--every", "1", "--compile", KILL_AT=str(line)))
    start("--compile").communicate(timeout=60)
    found = json.loads((tmp_path / "result").read_text())
    assert found == json.loads(json.dumps(reference))


def test_a_compiled_run_that_goes_on_eagerly_says_so(experiment, tmp_path, monkeypatch):
    checkpoint = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        experiment.run(experiment.trainer(checkpoint, None, At(3, interrupt), compile=True), 1)
    with pytest.warns(EnvironmentWarning, match=r"compile True -> False"):
        experiment.trainer(checkpoint, None).resume()
    monkeypatch.setenv("LUNZI_COMPILE", "0")
    with pytest.warns(EnvironmentWarning, match=r"compiled \w+ -> no"):
        experiment.trainer(checkpoint, None, compile=True).resume()


def test_a_resumed_run_compiles_what_the_whole_run_would(make, data, tmp_path):
    whole, checkpoint = make(), tmp_path / "run"
    whole.fit(data, epochs=1, batch_size=8)
    stopped = make(checkpoint=checkpoint, callbacks=[At(1, stop)], checkpoint_every=1)
    with pytest.raises(StopError):
        stopped.fit(data, epochs=1, batch_size=8)
    stopped.save()
    resumed = make(checkpoint=checkpoint)
    resumed.resume()
    # What the first batch showed is known: a resumed run must not judge by another one.
    assert resumed.multiply_adds == whole.multiply_adds == 12

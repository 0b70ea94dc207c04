import io
import re

import numpy as np
import pytest
from rich.cells import cell_len

from lunzi.messages import use_language
from lunzi.train import Accuracy, PrintProgress, progress
from lunzi.train.progress import column_title, duration, figure


class Clock:
    """A clock that goes on by `step` seconds at each look."""

    def __init__(self, step):
        self.now, self.step = 100.0, step

    def monotonic(self):
        self.now += self.step
        return self.now


class Standing:
    """What the progress asks a trainer."""

    def __init__(self, epoch=1, epochs=30, step_count=10, steps_left=290, compile_seconds=0.0):
        self.epoch, self.epochs, self.step_count = epoch, epochs, step_count
        self.steps_left, self.total_steps, self.stopping = steps_left, 300, False
        self.compile_seconds = compile_seconds


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def screen(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    return Terminal()


def line(row, language="en", clock=None, columns=(), **standing):
    """The line of an epoch of 10 steps."""
    stream = io.StringIO()
    printed = PrintProgress(stream, columns)
    with use_language(language):
        printed.on_fit_begin(Standing(step_count=0))
        printed.on_epoch_end(Standing(**standing), row)
        printed.on_fit_end(Standing())
    return stream.getvalue()


ROW = {"epoch": 1, "loss": 1.41, "validation accuracy": 0.81, "lr": 0.1, "seconds": 0.3}


def test_an_epoch_is_a_line(monkeypatch):
    # From the begin to the end of 10 steps 0.27 s go by: 290 more take 7.83 s.
    monkeypatch.setattr(progress, "time", Clock(0.27))
    assert line(ROW) == "epoch 1/30  loss 1.41  validation accuracy 0.81  8 s left\n"
    assert line(ROW, "zh") == "第 1/30 轮  损失 1.41  验证准确率 0.81  还需 8 秒\n"


def test_the_last_line_has_no_time_left():
    assert line(ROW, epoch=30, steps_left=0) == "epoch 30/30  loss 1.41  validation accuracy 0.81\n"


def test_a_run_that_stops_has_no_time_left():
    standing = Standing()
    standing.stopping = True
    stream = io.StringIO()
    PrintProgress(stream).on_epoch_end(standing, ROW)
    assert stream.getvalue() == "epoch 1/30  loss 1.41  validation accuracy 0.81\n"


def test_before_the_first_step_no_time_is_guessed():
    assert line(ROW, step_count=0) == "epoch 1/30  loss 1.41  validation accuracy 0.81\n"


def test_columns_can_be_chosen_and_those_that_are_missing_are_left_out():
    shown = line(ROW, columns=("lr", "loss", "validation loss"), steps_left=0)
    assert shown == "epoch 1/30  learning rate 0.1  loss 1.41\n"


def test_unknown_columns_pass_through():
    row = {"loss": 2.0, "validation 我的 metric [bold]": 12345.678, "nan": np.nan}
    assert line(row, steps_left=0) == (
        "epoch 1/30  loss 2  validation 我的 metric [bold] 12346  nan nan\n"
    )


def test_titles_are_in_the_language_in_use():
    with use_language("zh"):
        assert {column_title(name) for name in progress.KNOWN_COLUMNS} >= {"验证损失", "学习率"}
        assert column_title("bleu") == "bleu"
    with use_language("en"):
        known = progress.KNOWN_COLUMNS - {"lr"}
        assert {column_title(name) for name in known} == known


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.8123, "0.812"),
        (1.0, "1"),
        (999.4, "999"),
        (1000.4, "1000"),
        (-54321.0, "-54321"),
        (1e7, "1e+07"),
        (1e-5, "1e-05"),
        (0.0, "0"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_figures_have_three_places_and_no_exponent_where_they_need_none(value, text):
    assert figure(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1 s"),
        (0.4, "1 s"),
        (8.4, "8 s"),
        (89.9, "90 s"),
        (90, "2 min"),
        (600, "10 min"),
        (5399, "90 min"),
        (5400, "2 h"),
        (360_000, "100 h"),
    ],
)
def test_durations_are_said_as_a_person_says_them(seconds, text):
    with use_language("en"):
        assert duration(seconds) == text


def test_plain_lines_where_the_output_is_no_terminal(make, data, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with use_language("en"):
        make(callbacks=[PrintProgress()]).fit(data, data, epochs=3, batch_size=5)
    lines = capsys.readouterr().out.splitlines()
    assert [text.split("  ")[0] for text in lines] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert [text.endswith("1 s left") for text in lines] == [True, True, False]
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("columns", ["60", "80"])
def test_a_bar_on_a_terminal_fits_its_width(make, data, screen, monkeypatch, language, columns):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(progress, "BETWEEN_LOOKS", 0)
    shown = PrintProgress(screen, columns=("loss", "validation accuracy"))
    trainer = make(metrics={"accuracy": Accuracy()}, callbacks=[shown])
    with use_language(language):
        trainer.fit(data, data, epochs=2, batch_size=2)
    text = screen.getvalue()
    assert "━" in text
    assert {"en": "epoch 2/2", "zh": "第 2/2 轮"}[language] in text
    lines = re.sub(r"\x1b\[[?\d]*[A-Za-z]|\r", "\n", text).splitlines()
    assert max(map(cell_len, lines)) <= int(columns)
    # The line of an epoch stays, above the bar.
    for epoch in (1, 2):
        accuracy = {"en": "validation accuracy", "zh": "验证准确率"}[language]
        start = {"en": f"epoch {epoch}/2", "zh": f"第 {epoch}/2 轮"}[language]
        assert sum(part.startswith(start) and accuracy in part for part in lines) == 1
    assert text.endswith("\x1b[2K")  # the bar is gone
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h")  # the cursor is back


def test_the_bar_goes_away_after_an_error(make, data, screen):
    trainer = make(callbacks=[PrintProgress(screen)])
    with pytest.raises(ValueError, match="y holds nan"):
        trainer.fit((data[0], np.full(20, np.nan)))
    assert screen.getvalue().count("\x1b[?25l") == screen.getvalue().count("\x1b[?25h") == 1


def test_the_bar_is_not_drawn_anew_at_each_step(make, data, screen, monkeypatch):
    updates = []
    shown = PrintProgress(screen)
    monkeypatch.setattr(progress, "time", Clock(0.025))
    trainer = make(callbacks=[shown])
    trainer.loader = None
    shown.on_fit_begin(trainer)
    monkeypatch.setattr(shown._bar, "update", lambda *task, **change: updates.append(change))
    for _ in range(9):
        trainer.step_count += 1
        shown.on_step_end(trainer, 1.0)
    shown.on_fit_end(trainer)
    assert len(updates) == 3


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(screen, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    with use_language("en"):
        shown = PrintProgress(screen)
        shown.on_fit_begin(Standing(step_count=0))
        shown.on_step_end(Standing(), 1.0)
        shown.on_epoch_end(Standing(steps_left=0), ROW)
        shown.on_fit_end(Standing())
    assert screen.getvalue() == "epoch 1/30  loss 1.41  validation accuracy 0.81\n"

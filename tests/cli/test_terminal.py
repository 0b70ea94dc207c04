"""Training on a terminal: a bar while it runs, within the width, and clean lines in the end."""

import os
import re
import subprocess
import sys

import pytest
from rich.cells import cell_len

pty = pytest.importorskip("pty", reason="terminals are opened as POSIX has them")
termios = pytest.importorskip("termios")

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(arguments, folder, width):
    """All that a command writes to a terminal of that width."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (30, width))
    variables = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    with subprocess.Popen(
        [sys.executable, "-m", "lunzi", *arguments],
        cwd=folder,
        env=variables | {"TERM": "xterm", "LUNZI_LANGUAGE": "en"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        written = b""
        while chunk := read(ours):
            written += chunk
    os.close(ours)
    return process.returncode, written.decode()


def read(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:  # how Linux tells that the other side is closed
        return b""


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_bar_fits_and_leaves_a_line_for_each_epoch(folder, width, language):
    arguments = ["train", "digits", "--epochs", "2", "--language", language]
    status, written = on_terminal(arguments, folder, width)
    assert status == 0
    frames = [CONTROL.sub("", frame) for frame in re.split(r"[\r\n]+", written)]
    bars = [frame for frame in frames if "━" in frame]
    assert bars
    assert all(cell_len(bar) <= width for bar in bars)
    epoch = r"^epoch \d/2  loss [\d.]+  validation" if language == "en" else r"^第 \d/2 轮  损失"
    assert len([frame for frame in frames if re.match(epoch, frame) and "━" not in frame]) == 2


def test_nothing_of_the_bar_gets_into_a_pipe(folder, call):
    ended = call(["train", "digits", "--epochs", "1"], folder, FORCE_COLOR="1", TERM="xterm")
    assert ended.status == 0
    assert "━" not in ended.out
    assert "\x1b" not in ended.out

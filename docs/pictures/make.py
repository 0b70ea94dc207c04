"""The pictures of the README, from a real run: `python docs/pictures/make.py`.

Needs `lunzi` in this Python's environment, and tmux and Chromium on the machine (on Debian:
`apt-get install tmux chromium fonts-noto-cjk`).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from html import escape
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
COLUMNS, ROWS = 80, 20
COMMAND = "lunzi train digits"
SUFFIX = {"en": "", "zh": ".zh-CN"}
SHOWN_EPOCH = "14/30"  # the terminal is pictured when this epoch is over
CELL, LINE, MARGIN, FONT_SIZE = 9.6, 20, 16, 16  # pixels
PAGE, SCALE = (1280, 6000), 0.55  # pixels, and how much smaller the picture is
FONTS = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', 'Noto Sans Mono CJK SC', monospace"
WIDE = "[\u2e80-\ua4cf\uf900-\ufaff\uff00-\uff60]"  # characters that take two cells
SERVER = f"lunzi-pictures-{os.getpid()}"


def tmux(*arguments: str) -> str:
    done = subprocess.run(
        ["tmux", "-L", SERVER, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout


def train_in_a_terminal(folder: Path, language: str) -> str:
    """Run the command in a terminal; what stands there, with its colours, in mid-run."""
    scripts = Path(sys.executable).parent
    environment = [f"PATH={scripts}:{os.environ['PATH']}", f"LUNZI_LANGUAGE={language}"]
    shell = ["env", *environment, "LC_ALL=C.UTF-8", "PS1=$ ", "bash", "--norc"]
    size = ["-x", str(COLUMNS), "-y", str(ROWS)]
    tmux("-u", "new-session", "-d", *size, "-c", str(folder), *shell)
    try:
        time.sleep(1)  # the shell's prompt
        tmux("send-keys", COMMAND, "Enter")
        wait_until(lambda: SHOWN_EPOCH in tmux("capture-pane", "-p"))
        time.sleep(0.1)  # the bar is drawn anew a tenth of a second later
        screen = tmux("capture-pane", "-e", "-p")
        wait_until((folder / "runs" / "digits-1" / "report.html").exists)
    finally:
        tmux("kill-server")
    return screen.rstrip()


def wait_until(holds: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"nothing came within {seconds} s")
        time.sleep(0.02)


def picture_of_terminal(screen: str) -> str:
    """An SVG of the screen that loads nothing from outside, each cell where a terminal has it."""
    lines = screen.splitlines()
    width, height = COLUMNS * CELL + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    rows = [
        f'<text y="{MARGIN + (row + 0.75) * LINE:.1f}" xml:space="preserve">{tspans(line)}</text>'
        for row, line in enumerate(lines)
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">',
            f'<rect width="{width}" height="{height}" rx="8" fill="#1e1e22"/>',
            f'<g font-family="{FONTS}" font-size="{FONT_SIZE}" fill="#dcdcdc">',
            *rows,
            "</g></svg>\n",
        ]
    )


def tspans(line: str) -> str:
    """The runs of one colour and one width of character, stretched to the cells they take."""
    runs, column = [], 0
    for segment in Text.from_ansi(line).render(Console()):
        colour = segment.style.color if segment.style else None
        fill = f' fill="{colour.get_truecolor().hex}"' if colour and not colour.is_default else ""
        for run in re.findall(f"{WIDE}+|[^{WIDE[1:-1]}]+", segment.text.rstrip("\n")):
            cells = cell_len(run)
            runs.append(
                f'<tspan x="{MARGIN + column * CELL:.1f}" textLength="{cells * CELL:.1f}"{fill}>'
                f"{escape(run)}</tspan>"
            )
            column += cells
    return "".join(runs)


def picture_of_page(page: Path) -> bytes:
    """A page in two columns as a small PNG, parted where nothing stands."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "page.png"
        subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--disable-background-networking", f"--user-data-dir={folder}/profile",
             f"--window-size={PAGE[0]},{PAGE[1]}", f"--screenshot={target}", page.as_uri()],
            check=True, capture_output=True,
        )  # fmt: skip
        pixels = np.asarray(Image.open(target).convert("RGB"))
    paper = pixels[0, 0]
    filled = np.flatnonzero((pixels != paper).any(axis=(1, 2)))
    end = int(filled[-1]) + 60
    middle = widest_gap(filled[abs(filled - end / 2) < end / 8])
    columns = np.full((max(middle, end - middle), 2 * PAGE[0], 3), paper, np.uint8)
    columns[:middle, : PAGE[0]] = pixels[:middle]
    columns[: end - middle, PAGE[0] :] = pixels[middle:end]
    picture = Image.fromarray(columns)
    small = picture.resize(
        (round(picture.width * SCALE), round(picture.height * SCALE)), Image.Resampling.LANCZOS
    )
    content = BytesIO()
    small.quantize(256, Image.Quantize.FASTOCTREE).save(content, "PNG", optimize=True)
    return content.getvalue()


def widest_gap(filled: np.ndarray) -> int:
    """The middle of the widest gap in a rising sequence of rows."""
    place = int(np.diff(filled).argmax())
    return int(filled[place : place + 2].mean())


def main() -> None:
    for language, suffix in SUFFIX.items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            screen = train_in_a_terminal(folder, language)
            (HERE / f"terminal{suffix}.svg").write_text(picture_of_terminal(screen), "utf-8")
            report = folder / "runs" / "digits-1" / "report.html"
            (HERE / f"report{suffix}.png").write_bytes(picture_of_page(report))
    for path in sorted(HERE.glob("*.[sp][vn]g")):
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()

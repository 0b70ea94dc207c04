"""What the digits recipe says at its end: the result, an example to try, the report."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from lunzi.core.spec import Array
from lunzi.messages import text
from lunzi.recipes.folder import REPORT
from lunzi.recipes.run import Run
from lunzi.report import ClassificationReport, Pictures, RunFacts
from lunzi.train.probabilities import softmax

EXAMPLE = "digit.png"
INK = 16  # the largest count of a pixel
SIDE, MARGIN = 128, 16  # of the example, in pixels


def report(
    run: Run,
    *,
    images: Array,
    truth: Array,
    logits: Array,
    classes: Sequence[str],
    first: int,
    history: Sequence[dict[str, Any]],
    facts: RunFacts,
) -> None:
    """Say the result on the test images, and write the report and an example to try.

    Args:
        images: the counts of the test images, 0 to 16.
        first: number of the first of them in the data set.

    Shapes:
        images (N, 8, 8), truth (N,), logits (N, 10)
    """
    probabilities = softmax(logits)
    say_result(run, truth, probabilities.argmax(axis=1), classes)
    run.write(EXAMPLE, drawn(images[surest(truth, probabilities)]))
    ClassificationReport(
        title=text("commands.digits_title"),
        subtitle=text("commands.digits_subtitle"),
        history=history,
        classes=classes,
        truth=truth,
        probabilities=probabilities,
        samples=Pictures(images, black=INK, white=0),
        sample_names=[str(first + place) for place in range(len(truth))],
        facts=facts,
    ).write(run.path(REPORT))
    run.say_end(run.path(EXAMPLE))


def say_result(run: Run, truth: Array, guess: Array, classes: Sequence[str]) -> None:
    """How many are wrong, which confusion is the most frequent, and the accuracy."""
    wrong = guess != truth
    if wrong.any():
        pairs, counts = np.unique(
            np.stack([truth[wrong], guess[wrong]]), axis=1, return_counts=True
        )
        true, read = (classes[place] for place in pairs[:, counts.argmax()])
        run.say("commands.wrong_mostly", wrong=wrong.sum(), test=len(truth), true=true, read=read)
    else:
        run.say("commands.none_wrong", test=len(truth))
    run.say("commands.test_accuracy", accuracy=1 - wrong.mean())


def surest(truth: Array, probabilities: Array) -> int:
    """The image of whose class the network is surest, among those that it reads right."""
    of_truth = probabilities[np.arange(len(truth)), truth]
    right = probabilities.argmax(axis=1) == truth
    return int(np.where(right, of_truth, of_truth - 1).argmax())


def drawn(counts: Array) -> bytes:
    """A digit as a PNG of 160 x 160 pixels, dark ink on white paper."""
    grey = (255 - counts.astype(np.float64) * (255 / INK)).round().astype(np.uint8)
    paper = Image.new("L", (SIDE + 2 * MARGIN, SIDE + 2 * MARGIN), 255)
    enlarged = Image.fromarray(grey).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    paper.paste(enlarged, (MARGIN, MARGIN))
    content = io.BytesIO()
    paper.save(content, "PNG")
    return content.getvalue()

"""What one needs to know to repeat a run, without saying on whose machine it was."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath, PureWindowsPath

from lunzi.messages import text
from lunzi.report.blocks import scroll_box
from lunzi.report.markup import Html, element, join
from lunzi.report.numerals import count, duration, number


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """How a run was made. Empty parts are left out of the page.

    Absolute paths, in the command or as a whole value, are cut to their last name: a page
    that is shown to others should not tell the folders and the user's name.

    Args:
        command: the arguments as they were typed, `lunzi` first.
        data: the data set in a few words, or the name of the file.
        split: how many samples were for training, validation, test.
        network: the architecture in a few words.
        parameters: how many numbers were learned.
        seed: of all random numbers.
        threads: that the arithmetic used.
        seconds: that the training took.
        settings: optimiser, learning rate, ... by name.
        versions: of Lunzi, Python, NumPy, ... by name.
    """

    command: Sequence[str] = ()
    data: str = ""
    split: tuple[int, int, int] | None = None
    network: str = ""
    parameters: int | None = None
    seed: int | None = None
    threads: int | None = None
    seconds: float | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


def facts_section(facts: RunFacts) -> Html | None:
    """The command and the list of facts; None when there are none."""
    rows = [(name, without_folders(value)) for name, value in _rows(facts)]
    command = _command(facts.command) if facts.command else None
    if command is None and not rows:
        return None
    pairs = (join(element("dt", name), element("dd", value)) for name, value in rows)
    return join(command, element("dl", *pairs, class_="facts") if rows else None)


def without_folders(argument: str) -> str:
    """An argument with an absolute path, or one that climbs up, cut to its last name.

    >>> without_folders("/home/anna/data.csv"), without_folders("--out=/home/anna/runs")
    ('data.csv', '--out=runs')
    >>> without_folders("runs/digits-1"), without_folders("a / b")
    ('runs/digits-1', 'a / b')
    """
    option, equals, value = argument.partition("=")
    if argument.startswith("-") and equals:
        return f"{option}={without_folders(value)}"
    if argument.startswith(("/", "~", "../")):
        return PurePosixPath(argument).name or argument
    if PureWindowsPath(argument).drive or argument.startswith(("\\", "..\\")):
        return PureWindowsPath(argument).name or argument
    return argument


def _command(arguments: Sequence[str]) -> Html:
    typed = shlex.join(without_folders(argument) for argument in arguments)
    return scroll_box(text("reports.command"), element("pre", element("code", typed)))


def _rows(facts: RunFacts) -> Iterator[tuple[str, str]]:
    if facts.data:
        yield text("reports.data_set"), facts.data
    if facts.split is not None:
        training, validation, test = map(count, facts.split)
        yield (
            text("reports.samples"),
            text("reports.split_counts", training=training, validation=validation, test=test),
        )
    if facts.network:
        yield text("reports.network"), facts.network
    if facts.parameters is not None:
        yield text("reports.parameters"), count(facts.parameters)
    if facts.seed is not None:
        yield text("reports.seed"), str(facts.seed)
    for name, value in facts.settings.items():
        yield name, number(value, 6) if isinstance(value, float) else str(value)
    if facts.threads is not None:
        yield text("reports.threads"), count(facts.threads)
    if facts.seconds is not None:
        yield text("reports.training_time"), duration(facts.seconds)
    if facts.versions:
        versions = " · ".join(f"{name} {version}" for name, version in facts.versions.items())
        yield text("reports.versions"), versions

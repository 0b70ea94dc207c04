"""What the reports of all training runs share."""

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from lunzi.core.errors import ShapeError
from lunzi.messages import Language, language, text, use_language
from lunzi.report.facts import RunFacts, facts_section
from lunzi.report.learning import History, learning_section
from lunzi.report.markup import Html
from lunzi.report.numerals import count
from lunzi.report.opening import Result, opening
from lunzi.report.page import Page, Section
from lunzi.report.pictures import Pictures
from lunzi.report.rows import Rows


@dataclass(frozen=True, kw_only=True)
class RunReport(ABC):
    """A training run as one page: the result, how it was learned, what is wrong, how to repeat it.

    Args:
        title: of the page, such as the name of the data set.
        subtitle: a line under the title.
        history: one row an epoch, column -> value: `epoch`, `loss`, `validation loss`, ...
        best_epoch: the epoch whose weights were kept.
        samples: the test samples, to show the ones that are wrong.
        sample_names: such as their place in the data set; counted from 1 if empty.
        facts: how the run was made.
        language: of the page; the language in use if None.
    """

    title: str
    subtitle: str = ""
    history: History = ()
    best_epoch: int | None = None
    samples: Pictures | Rows | None = None
    sample_names: Sequence[str] = ()
    facts: RunFacts = field(default_factory=RunFacts)
    language: Language | None = None

    @abstractmethod
    def result(self) -> Result:
        """What came out, for the top of the page."""

    @abstractmethod
    def result_sections(self) -> list[Section]:
        """What stands between the learning curves and the facts."""

    def page(self) -> Page:
        """The page, in the language of the report."""
        with use_language(self.language):
            result = self.result()
            learning = _section(
                text("reports.learning"), learning_section(self.history, self.best_epoch)
            )
            facts = _section(text("reports.repeat"), facts_section(self.facts))
            return Page(
                title=f"{self.title} · {result.figure}",
                language=language(),
                opening=opening(self.title, self.subtitle, result),
                sections=[*learning, *self.result_sections(), *facts],
                footer=text("reports.footer"),
            )

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the page, whole or not at all."""
        self.page().write(path)

    def names(self, total: int) -> Sequence[str]:
        """The names of the samples."""
        return self.sample_names or [count(index + 1) for index in range(total)]

    def check_samples(self, total: int) -> None:
        """See that there is one sample and one name for each of `total` predictions.

        Raises:
            ShapeError: otherwise.
        """
        if self.samples is not None and len(self.samples) != total:
            raise ShapeError(f"{total} samples expected, one a prediction, got {len(self.samples)}")
        if self.sample_names and len(self.sample_names) != total:
            raise ShapeError(
                f"{total} sample_names expected, one a prediction, got {len(self.sample_names)}"
            )


def _section(heading: str, body: Html | None) -> list[Section]:
    return [] if body is None else [Section(heading, body)]

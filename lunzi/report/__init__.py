"""Reports: a training run as one page that needs nothing but itself."""

from lunzi.report.classification import ClassificationReport
from lunzi.report.facts import RunFacts
from lunzi.report.page import Page, Section
from lunzi.report.pictures import Pictures
from lunzi.report.regression import RegressionReport
from lunzi.report.rows import Rows

__all__ = [
    "ClassificationReport",
    "Page",
    "Pictures",
    "RegressionReport",
    "Rows",
    "RunFacts",
    "Section",
]

import warnings

import pytest

from lunzi import nn
from lunzi.core.advice import advise


def test_advice_names_the_line_that_called():
    with pytest.warns(nn.LunziWarning, match="try it the other way") as caught:
        advise("try it the other way")
    assert caught[0].filename == __file__


def test_advice_is_given_once_for_each_line():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            advise("once")
        advise("once")
    assert len(caught) == 2

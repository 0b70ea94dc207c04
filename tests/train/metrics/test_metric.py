import numpy as np
import pytest

from lunzi.core.errors import StateKeyError
from lunzi.train import MAE, R2, Accuracy, Metric


class Everything(Metric):
    """Keeps all outputs."""

    def reset(self):
        self.parts = []

    def update(self, output, target):
        self.parts.append(output)

    def value(self):
        return float(np.concatenate(self.parts).sum())


@pytest.mark.parametrize("kind", [Accuracy, MAE, R2, Everything])
def test_a_state_goes_on_and_is_a_copy(rng, kind):
    first, second = (rng.standard_normal((2, 5)) for _ in range(2))
    if kind is Accuracy:
        first[1], second[1] = first[1] > 0, second[1] > 0
    whole, part = kind(), kind()
    whole.update(*first)
    state = whole.state_dict()
    whole.update(*second)
    part.load_state_dict(state)
    part.update(*second)
    assert part.value() == whole.value()
    again = kind()
    again.load_state_dict(state)
    assert again.value() != whole.value()


def test_the_state_of_another_metric_is_refused():
    with pytest.raises(StateKeyError, match=r"the state of MAE has \['count', 'total'\]"):
        MAE().load_state_dict(Accuracy().state_dict())

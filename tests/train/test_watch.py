import numpy as np
import pytest

from lunzi import nn
from lunzi.core.errors import TraceError
from lunzi.nn import Module
from lunzi.train import Callback


class Raises(Callback):
    """Raises a number from epoch to epoch."""

    def __init__(self, numbers):
        self.numbers = numbers

    def on_epoch_end(self, trainer, row):
        self.numbers[0] += 1


@pytest.mark.parametrize("validates", [False, True])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_plain_variable_that_changes_is_found_in_the_second_epoch(
    data, make, validates, accumulate
):
    weight = [1.0]

    def weighted(output, target):
        return nn.functional.cross_entropy(output, target) * weight[0]

    trainer = make(loss=weighted, compile=True, accumulate=accumulate, callbacks=[Raises(weight)])
    with pytest.raises(TraceError, match=r"plain Python variable .* compile=False"):
        trainer.fit(data, data if validates else None, epochs=2, batch_size=5)
    assert (trainer.epoch, trainer.batch) == (1, 0)


def test_an_attribute_of_a_module_and_a_tensor_may_change(data, make):
    class Weighted(Module):
        def __init__(self):
            self.weight = 1.0
            self.offset = nn.Buffer(np.zeros(()))

        def forward(self, output, target):
            return nn.functional.cross_entropy(output, target) * self.weight + self.offset

    loss = Weighted()

    class Change(Callback):
        def on_epoch_end(self, trainer, row):
            loss.weight += 1
            loss.offset.assign(10)

    trainer = make(loss=loss, lr=1e-9, compile=True, callbacks=[Change()])
    first, second, third = trainer.fit(data, data, epochs=3)["loss"]
    assert second == pytest.approx(2 * first + 10, rel=1e-5)
    assert third == pytest.approx(3 * first + 10, rel=1e-5)


def test_what_is_compiled_once_is_traced_no_more_after_two_epochs(data, make):
    calls = []

    def counting(output, target):
        calls.append(trainer.epoch)
        return nn.functional.cross_entropy(output, target)

    trainer = make(loss=counting, compile=True)
    trainer.fit(data, epochs=5, batch_size=5)
    assert max(calls) == 1

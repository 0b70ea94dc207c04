import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.core.errors import KindError, RangeError, ShapeError
from lunzi.core.mode import is_grad_enabled
from lunzi.nn import Module
from lunzi.train import predict
from lunzi.train.inference import in_eval_mode


class Looks(Module):
    """Doubles its input and notes how it was called."""

    def __init__(self):
        self.seen = []

    def forward(self, x):
        self.seen.append((x.shape, self.training, is_grad_enabled()))
        return x * 2


def test_predictions_are_made_in_batches_in_eval_mode_and_without_a_tape():
    model = Looks()
    y = predict(model, np.arange(10.0).reshape(5, 2), batch_size=2)
    np.testing.assert_array_equal(y, np.arange(0, 20, 2.0).reshape(5, 2))
    assert model.seen == [((2, 2), False, False), ((2, 2), False, False), ((1, 2), False, False)]
    assert model.training


def test_predictions_can_be_kept_and_changed():
    y = predict(Looks(), np.ones((2, 1)))
    y += 1
    np.testing.assert_array_equal(y, [[3], [3]])


@pytest.mark.parametrize("x", [[[1.0, 2.0]], lz.tensor([[1.0, 2.0]]), np.array([[1, 2]])])
def test_inputs_may_be_lists_tensors_and_whole_numbers(x):
    np.testing.assert_array_equal(predict(Looks(), x), [[2, 4]])


def test_each_module_gets_its_own_mode_back_also_after_an_error():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5), nn.Linear(2, 2))
    model[1].eval()
    with pytest.raises(ShapeError):
        predict(model, np.ones((1, 3)))
    assert [module.training for module in model.modules()] == [True, True, False, True]
    with in_eval_mode(model):
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model.modules()] == [True, True, False, True]


class Pair(Module):
    def forward(self, x):
        return x, x


class Mean(Module):
    def forward(self, x):
        return x.mean()


@pytest.mark.parametrize(
    ("action", "error", "message"),
    [
        (lambda: predict(Looks(), [[1.0]], 0), RangeError, "batch_size must be 1 or more, got 0"),
        (lambda: predict(Looks(), []), RangeError, "one sample at least"),
        (lambda: predict(Looks(), [[1], [2, 3]]), ShapeError, "inputs of one shape"),
        (lambda: predict(Looks(), 3.0), ShapeError, "a first axis, got a single number"),
        (lambda: predict(Pair(), [[1.0]]), KindError, r"predict takes one tensor, .* a tuple"),
        (lambda: predict(Mean(), [[1.0], [2.0]]), ShapeError, r"2 samples gave .* shape \(\)"),
    ],
)
def test_what_cannot_be_predicted_is_explained(action, error, message):
    with pytest.raises(error, match=message):
        action()

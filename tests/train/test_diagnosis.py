import numpy as np
import pytest

from lunzi import nn
from lunzi.core.errors import RangeError
from lunzi.core.random import Generator, default_generator
from lunzi.data import ArrayDataset, DataLoader
from lunzi.nn import Module
from lunzi.train import Callback, DivergenceError
from lunzi.train.diagnosis import check_batch


class Logarithm(Module):
    """log x, which is NaN below 0 and -infinity at 0."""

    def forward(self, x):
        return x.log()


class Pair(Module):
    def __init__(self):
        self.inner = Logarithm()

    def forward(self, x):
        y = self.inner(x)
        return y, y


class Keeps(Module):
    """Keeps a computed tensor, which cannot be copied deeply."""

    def forward(self, x):
        self.kept = x * 2
        return self.kept


def broken(place, value, shape=(6, 4)):
    x = np.ones(shape, np.float32)
    x[place] = value
    return x


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_input_that_is_not_finite_is_named_with_its_place(make, value):
    x, y = broken((4, 2), value), np.zeros(6, np.int64)
    loader = DataLoader(ArrayDataset(x, y), 3)
    message = (
        rf"step 2: x holds {value} at \(1, 2\) of its batch, and in the data first at \(4, 2\)"
    )
    with pytest.raises(RangeError, match=message):
        make().fit(loader)


def test_a_target_that_is_not_finite_is_named(make):
    x, y = np.ones((6, 4)), broken((5, 0), np.nan, (6, 3))
    with pytest.raises(RangeError, match=r"step 1: y holds nan .* in the data first at \(5, 0\)"):
        make(loss=nn.MSELoss()).fit((x, y))


def test_validation_data_is_looked_at_too(make):
    y = np.zeros(6, np.int64)
    trainer = make()
    with pytest.raises(RangeError, match=r"batch 2 of the evaluation: x holds inf at \(0, 0\)"):
        trainer.fit((np.ones((6, 4)), y), (broken((5, 0), np.inf), y), batch_size=5)
    assert trainer.model.training


def test_what_a_transform_breaks_has_a_place_in_the_batch_alone(make):
    loader = DataLoader(
        ArrayDataset(np.ones((6, 4)), np.zeros(6, np.int64)),
        transform=lambda x, keys: broken((2, 0), np.nan),
    )
    with pytest.raises(RangeError, match=r"at \(2, 0\) of its batch: clean"):
        make().fit(loader)


def test_a_dataset_that_is_no_array_has_no_place_either():
    with pytest.raises(RangeError, match=r"at \(0, 0\) of its batch: clean"):
        check_batch(broken((0, 0), np.nan), np.zeros(6), "step 1", dataset=[1, 2])


def test_whole_numbers_are_always_finite():
    check_batch(np.arange(3), np.ones(3, bool), "step 1")


def test_the_first_layer_that_is_not_finite_is_named(make, data):
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), Logarithm(), nn.Linear(4, 3))
    with pytest.raises(DivergenceError) as caught:
        make(model).fit(data)
    assert str(caught.value).startswith(
        "step 1: the loss is nan. The first output that is not finite is that of 2 (Logarithm). "
        "Usual causes: a learning rate that is too large"
    )


def test_an_inner_layer_is_named_before_the_outer_one(make, data):
    trainer = make(nn.Sequential(nn.Linear(4, 3), Pair()), lambda y, target: (y[0] + y[1]).mean())
    with pytest.raises(DivergenceError, match=r"that of 1\.inner \(Logarithm\)"):
        trainer.fit(data)


def test_a_model_of_one_layer_is_the_network(make, data):
    class Single(Module):
        def __init__(self):
            self.weight = nn.Parameter(np.ones((4, 3)))

        def forward(self, x):
            return (x @ self.weight).log()

    with pytest.raises(DivergenceError, match=r"that of the network \(Single\)"):
        make(Single()).fit(data)


def test_several_outputs_are_looked_through(make, data):
    class Both(Module):
        def __init__(self):
            self.layer = nn.Linear(4, 3)

        def forward(self, x):
            y = self.layer(x)
            return [3, y, y.log()]

    with pytest.raises(DivergenceError, match=r"that of the network \(Both\)"):
        make(Both(), lambda y, target: y[2].mean()).fit(data)


def test_a_parameter_that_broke_in_an_update_is_named(make, data):
    class Breaks(Callback):
        def on_step_end(self, trainer, loss):
            trainer.model.weight.assign(np.inf)

    trainer = make(callbacks=[Breaks()])
    with pytest.raises(
        DivergenceError, match=r"step 2: .* The parameter weight is not finite since"
    ):
        trainer.fit(data, epochs=2)


def test_a_loss_that_breaks_by_itself_is_told_apart(make, data):
    trainer = make(loss=lambda y, target: (y.mean() * 0).log())
    with pytest.raises(DivergenceError, match="it arose in the loss itself"):
        trainer.fit(data)


def test_an_infinite_loss_is_refused_too(make, data):
    trainer = make(loss=lambda y, target: 1 / (y.mean() * 0))
    with pytest.raises(DivergenceError, match=r"the loss is -?(inf|nan)"):
        trainer.fit(data)


def test_a_divergence_is_an_arithmetic_error(make, data):
    with pytest.raises(ArithmeticError):
        make(loss=lambda y, target: (y.mean() * 0).log()).fit(data)


def test_looking_changes_neither_statistics_nor_random_numbers(make, data):
    own = Generator(3)
    model = nn.Sequential(
        nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Dropout(0.5, generator=own), Keeps(), Logarithm()
    )
    trainer = make(model, lambda y, target: y.mean())
    with pytest.raises(DivergenceError, match=r"that of 4 \(Logarithm\)"):
        trainer.fit(data)
    assert model[0].num_batches_tracked.item() == 1
    assert (default_generator.counter.item(), own.counter.item()) == (20, 20)  # 80 bits in fours
    assert not any(vars(module).get("_forward_hooks") for module in model.modules())

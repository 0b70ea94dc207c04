import math

import numpy as np
import pytest

from lunzi.core.errors import KindError, RangeError, StateError, StateKeyError
from lunzi.train import MAE, Accuracy, Callback, EarlyStopping


class Script(Callback):
    """Plays a column of the history, and moves the bias to the number of the epoch."""

    def __init__(self, column, values):
        self.column, self.values = column, values

    def on_epoch_end(self, trainer, row):
        row[self.column] = self.values[trainer.epoch - 1]
        trainer.model.bias.assign(float(trainer.epoch))


def play(make, data, values, epochs=None, **arguments):
    stopping = EarlyStopping("played", **{"higher_is_better": False, **arguments})
    trainer = make(lr=0, callbacks=[Script("played", values), stopping])
    trainer.fit(data, epochs=epochs or len(values))
    return trainer, stopping


def test_the_weights_of_the_best_epoch_are_left(data, make):
    trainer, stopping = play(make, data, [3, 1, 2, 4])
    assert trainer.epoch == 4
    assert (stopping.best, stopping.best_epoch) == (1, 2)
    assert trainer.model.bias.tolist() == [2, 2, 2]


def test_the_run_stops_when_patience_is_over(data, make):
    trainer, stopping = play(make, data, [3, 1, 2, 4, 0], patience=2)
    assert trainer.epoch == 4
    assert stopping.best_epoch == 2


def test_without_patience_the_run_goes_to_its_end(data, make):
    trainer, stopping = play(make, data, [0, 1, 2, 3, 4, 5, 6], patience=None)
    assert trainer.epoch == 7
    assert stopping.best_epoch == 1


def test_a_gain_counts_when_it_is_above_min_delta(data, make):
    _, stopping = play(make, data, [1.0, 0.75, 0.5, 0.25], min_delta=0.25)
    assert stopping.best_epoch == 3  # the other steps are of 0.25 just


def test_higher_can_be_better(data, make):
    _, stopping = play(make, data, [1, 3, 2], higher_is_better=True)
    assert stopping.best_epoch == 2


def test_nan_is_never_better(data, make):
    trainer, stopping = play(make, data, [math.nan, 2, math.nan, 1], patience=2)
    assert (trainer.epoch, stopping.best_epoch) == (4, 4)
    trainer, stopping = play(make, data, [math.nan] * 5, patience=3)
    assert (trainer.epoch, stopping.best, stopping.best_state) == (3, None, {})
    assert trainer.model.bias.tolist() == [3, 3, 3]


def test_even_an_infinite_loss_is_better_than_none(data, make):
    _, stopping = play(make, data, [math.inf, 2])
    assert stopping.best == 2


@pytest.mark.parametrize(
    ("monitor", "higher"),
    [
        ("loss", False),
        ("validation loss", False),
        ("validation accuracy", True),
        ("validation mae", False),
        ("accuracy", True),
    ],
)
def test_whether_higher_is_better_is_learned_from_the_metric(make, monitor, higher):
    stopping = EarlyStopping(monitor)
    trainer = make(
        metrics={"accuracy": Accuracy(), "mae": MAE()},
        training_metrics={"accuracy": Accuracy()},
    )
    trainer.validates = True
    stopping.on_fit_begin(trainer)
    assert stopping.higher_is_better is higher


def test_a_column_that_no_metric_gives_needs_a_word(data, make):
    trainer = make(metrics={"a": Accuracy()}, callbacks=[EarlyStopping("accuracy")])
    with pytest.raises(KindError, match=r"no metric 'accuracy'.*'validation loss', 'validation a'"):
        trainer.fit(data)


def test_validation_data_that_is_missing_is_said_before_training(data, make):
    trainer = make(callbacks=[EarlyStopping()])
    with pytest.raises(StateError, match="watches 'validation loss', and there is no validation"):
        trainer.fit(data)
    assert trainer.step_count == 0


def test_a_column_that_is_not_there_is_named(data, make):
    trainer = make(callbacks=[EarlyStopping("bleu", higher_is_better=True)])
    with pytest.raises(StateKeyError, match="watches 'bleu', the history has epoch, loss"):
        trainer.fit(data)


@pytest.mark.parametrize("arguments", [{"patience": 0}, {"min_delta": -1}, {"min_delta": math.nan}])
def test_numbers_out_of_range_are_refused(arguments):
    with pytest.raises(RangeError, match="patience is 1 or more and min_delta 0 or more"):
        EarlyStopping(**arguments)


def test_the_best_weights_are_there_after_an_error_too(data, make):
    class Fails(Callback):
        def on_step_end(self, trainer, loss):
            if trainer.epoch == 2:
                raise ZeroDivisionError

    trainer = make(
        lr=0,
        callbacks=[
            Script("played", [1, 2, 3]),
            EarlyStopping("played", higher_is_better=False),
            Fails(),
        ],
    )
    with pytest.raises(ZeroDivisionError):
        trainer.fit(data, epochs=3)
    assert trainer.model.bias.tolist() == [1, 1, 1]


def test_going_on_begins_with_the_last_weights(data, make):
    trainer, _ = play(make, data, [1, 2, 3, 4], epochs=2)
    seen = []

    class Looks(Callback):
        def on_fit_begin(self, trainer):
            seen.append(trainer.model.bias.tolist())

    trainer.callbacks.append(Looks())
    trainer.fit(data, epochs=3)
    assert seen == [[2, 2, 2]]
    assert trainer.model.bias.tolist() == [1, 1, 1]


def test_weights_that_were_loaded_in_between_stay(data, make):
    trainer, _ = play(make, data, [1, 2, 0], epochs=2)
    trainer.model.bias.assign(7.0)
    seen = []

    class Looks(Callback):
        def on_step_end(self, trainer, loss):
            seen.append(trainer.model.bias.tolist())

    trainer.callbacks.append(Looks())
    trainer.fit(data, epochs=3)
    assert seen == [[7, 7, 7]]


def test_a_fit_that_fails_at_its_beginning_does_not_lose_the_last_weights(data, make):
    trainer = make(lr=0, callbacks=[Script("loss", [1, 2, 0]), EarlyStopping("validation loss")])
    trainer.callbacks[0].column = "validation loss"
    trainer.fit(data, data, epochs=2)
    with pytest.raises(StateError):
        trainer.fit(data, epochs=3)
    seen = []

    class Looks(Callback):
        def on_fit_begin(self, trainer):
            seen.append(trainer.model.bias.tolist())

    trainer.callbacks.append(Looks())
    trainer.fit(data, data, epochs=3)
    assert seen == [[2, 2, 2]]


def test_a_state_goes_on(data, make):
    _, stopping = play(make, data, [3, 1, 2])
    other = EarlyStopping("played")
    other.load_state_dict(stopping.state_dict())
    assert (other.best, other.best_epoch) == (1, 2)
    np.testing.assert_array_equal(other.best_state["bias"].numpy(), [2, 2, 2])


def test_a_callback_does_nothing_by_itself(data, make):
    callback = Callback()
    trainer = make(callbacks=[callback])
    trainer.fit(data)
    callback.load_state_dict({})
    assert callback.state_dict() == {}

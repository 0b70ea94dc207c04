import math

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn, optim
from lunzi.core.advice import LunziWarning
from lunzi.core.errors import KindError, RangeError, ShapeError, StateKeyError
from lunzi.data import ArrayDataset, DataLoader
from lunzi.optim.lr_scheduler import ExponentialLR, ReduceLROnPlateau, StepLR
from lunzi.train import Accuracy, Callback, History, Trainer


class Calls(Callback):
    """Notes what it is called for."""

    def __init__(self, name="", notes=None):
        self.name = name
        self.notes = [] if notes is None else notes

    def on_fit_begin(self, trainer):
        self.notes.append(f"{self.name}fit begins")

    def on_step_end(self, trainer, loss):
        self.notes.append(f"{self.name}step {trainer.step_count}")

    def on_epoch_end(self, trainer, row):
        self.notes.append(f"{self.name}epoch {trainer.epoch}")

    def on_fit_end(self, trainer):
        self.notes.append(f"{self.name}fit ends")


def bits(model):
    return [p.numpy().tobytes() for p in model.parameters()]


def line(slope=2.0):
    """A linear model of one number, y = slope x."""
    model = nn.Linear(1, 1, bias=False)
    model.weight.assign(slope)
    return model


def column(*numbers):
    return np.array(numbers, np.float32).reshape(-1, 1)


# The loop


def test_a_fit_is_the_loop_that_one_would_write(data, make):
    x, y = data
    trainer = make()
    model = nn.Linear(4, 3)
    model.load_state_dict(trainer.model.state_dict())
    trainer.fit(data, epochs=2, batch_size=8, seed=5)

    optimizer = optim.SGD(model.parameters(), lr=0.1)
    loader = DataLoader(ArrayDataset(x, y), 8, shuffle=True, seed=5)
    for _ in range(2):
        for batch, targets in loader:
            loss = nn.functional.cross_entropy(model(lz.as_tensor(batch)), lz.as_tensor(targets))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert bits(trainer.model) == bits(model)


def test_callbacks_are_called_at_the_joints_in_order(data, make):
    calls = Calls()
    make(callbacks=[calls]).fit(data, epochs=2, batch_size=12)
    assert calls.notes == [
        "fit begins",
        "step 1",
        "step 2",
        "epoch 1",
        "step 3",
        "step 4",
        "epoch 2",
        "fit ends",
    ]


def test_several_callbacks_end_in_reverse_also_after_an_error(data, make):
    class Angry(Callback):
        def on_step_end(self, trainer, loss):
            raise ZeroDivisionError

    notes = []
    with pytest.raises(ZeroDivisionError):
        make(callbacks=[Calls("a ", notes), Angry(), Calls("b ", notes)]).fit(data)
    assert notes == ["a fit begins", "b fit begins", "a step 1", "b fit ends", "a fit ends"]


def test_an_error_at_the_end_of_one_callback_does_not_keep_others_from_theirs(data, make):
    class Angry(Callback):
        def on_fit_end(self, trainer):
            raise ZeroDivisionError

    calls = Calls()
    with pytest.raises(ZeroDivisionError):
        make(callbacks=[calls, Angry()]).fit(data, epochs=0)
    assert calls.notes == ["fit begins", "fit ends"]


def test_a_callback_whose_beginning_fails_has_no_end(data, make):
    class Angry(Calls):
        def on_fit_begin(self, trainer):
            raise ZeroDivisionError

    notes = []
    with pytest.raises(ZeroDivisionError):
        make(callbacks=[Calls("a ", notes), Angry("b ", notes)]).fit(data)
    assert notes == ["a fit begins", "a fit ends"]


def test_the_loss_of_an_epoch_weighs_batches_by_their_size(make):
    # Batches of 2 and 1 with errors 2^2, 4^2 and 6^2: (2 * 10 + 1 * 36) / 3, and not 23.
    x = column(1, 2, 3)
    trainer = make(line(), nn.MSELoss(), lr=0)
    loader = DataLoader(ArrayDataset(x, 0 * x), 2)
    assert trainer.fit(loader, loader)["loss"] == [pytest.approx(56 / 3)]
    assert trainer.history["validation loss"] == [pytest.approx(56 / 3)]


def test_the_history_has_a_row_an_epoch(data, make):
    trainer = make(metrics={"accuracy": Accuracy()}, training_metrics={"accuracy": Accuracy()})
    history = trainer.fit(data, data, epochs=3)
    assert isinstance(history, History)
    assert history is trainer.history
    assert history.columns == [
        "epoch",
        "loss",
        "accuracy",
        "validation loss",
        "validation accuracy",
        "lr",
        "seconds",
    ]
    assert history["epoch"] == [1, 2, 3]
    assert all(seconds >= 0 for seconds in history["seconds"])


def test_training_metrics_are_those_of_the_batches_as_they_pass(make):
    # Four samples one by one; the weight moves at each, so that the last two come out right.
    trainer = make(line(-1.0), nn.BCEWithLogitsLoss(), lr=3, training_metrics={"a": Accuracy()})
    x = column(1, 1, 1, 1)
    history = trainer.fit(DataLoader(ArrayDataset(x, x), 1), epochs=2)
    assert history["a"][0] == 0.75
    assert history["a"][1] == 1.0


def test_a_row_can_be_added_to_by_callbacks(data, make):
    class Adds(Callback):
        def on_epoch_end(self, trainer, row):
            row["half"] = trainer.epoch / 2

    assert make(callbacks=[Adds()]).fit(data, epochs=2)["half"] == [0.5, 1.0]


def test_a_callback_can_stop_after_the_epoch(data, make):
    class Stops(Callback):
        def on_step_end(self, trainer, loss):
            trainer.stop()

    calls = Calls()
    trainer = make(callbacks=[Stops(), calls])
    assert len(trainer.fit(data, epochs=5, batch_size=10)) == 1
    assert trainer.step_count == 2


def test_no_epochs_train_nothing(data, make):
    trainer, calls = make(), Calls()
    before = bits(trainer.model)
    trainer.callbacks.append(calls)
    assert len(trainer.fit(data, epochs=0)) == 0
    assert bits(trainer.model) == before
    assert calls.notes == ["fit begins", "fit ends"]


def test_epochs_count_those_of_an_earlier_fit(data, make):
    trainer, other = make(), make()
    other.model.load_state_dict(trainer.model.state_dict())
    trainer.fit(data, epochs=2)
    trainer.fit(data, epochs=5)
    other.fit(data, epochs=5)
    assert trainer.history["epoch"] == [1, 2, 3, 4, 5]
    assert bits(trainer.model) == bits(other.model)


def test_a_second_fit_without_work_says_so(data, make):
    trainer = make()
    trainer.fit(data, epochs=2)
    with pytest.warns(LunziWarning, match="2 are done. Ask for more than 2"):
        trainer.fit(data, epochs=2)


def test_what_was_stopped_stays_so_until_more_epochs_are_asked_for(data, make):
    trainer = make()
    trainer.callbacks.append(Calls())
    trainer.fit(data, epochs=1)
    trainer.epochs = 4
    trainer.stop()
    with pytest.warns(LunziWarning, match="1 are done. Ask for more than 4"):
        trainer.fit(data, epochs=4)
    assert trainer.epoch == 1
    trainer.fit(data, epochs=5)
    assert trainer.epoch == 5


def test_a_stop_before_the_first_fit_is_forgotten(data, make):
    trainer = make()
    trainer.stop()
    assert len(trainer.fit(data, epochs=2)) == 2


def test_an_epoch_that_was_begun_is_ended_also_while_stopping(data, make):
    class Leaves(Callback):
        def on_step_end(self, trainer, loss):
            if trainer.step_count == 2:
                trainer.stop()
                raise ZeroDivisionError

    trainer = make(callbacks=[Leaves()])
    with pytest.raises(ZeroDivisionError):
        trainer.fit(data, epochs=3, batch_size=5)
    trainer.fit(data, epochs=3, batch_size=5)
    assert (trainer.epoch, trainer.step_count) == (1, 4)


def test_a_begun_epoch_does_not_go_on_with_other_data(data, make):
    class Leaves(Callback):
        def on_step_end(self, trainer, loss):
            raise ZeroDivisionError

    trainer = make(callbacks=[Leaves()])
    with pytest.raises(ZeroDivisionError):
        trainer.fit(data, batch_size=5)
    message = "stands in epoch 1 after 1 batches .* batch_size 5, this one has 6.* new Trainer"
    with pytest.raises(StateKeyError, match=message):
        trainer.fit(data, batch_size=6)


def test_between_epochs_the_data_may_change(data, make):
    trainer = make()
    trainer.fit(data, epochs=1, batch_size=5)
    trainer.fit((data[0][:7], data[1][:7]), epochs=2, batch_size=3)
    assert trainer.step_count == 4 + 3


def test_steps_left_are_told_by_the_epochs_that_are_left(data, make):
    seen = []

    class Looks(Callback):
        def on_step_end(self, trainer, loss):
            seen.append((trainer.total_steps, trainer.steps_left))

    trainer = make(callbacks=[Looks()])
    assert (trainer.total_steps, trainer.steps_left) == (0, 0)
    trainer.fit(data, epochs=2, batch_size=12)
    assert seen == [(4, 3), (4, 2), (4, 1), (4, 0)]


def test_training_takes_a_loader_a_dataset_or_two_arrays(data, make):
    x, y = data
    losses = []
    for given in (data, [x, y], (lz.tensor(x), y.tolist()), ArrayDataset(x, y)):
        trainer = make(line_of_zeros())
        losses.append(trainer.fit(given, given, seed=1)["loss"])
    loader = DataLoader(ArrayDataset(x, y), 32, shuffle=True, seed=1)
    losses.append(make(line_of_zeros()).fit(loader)["loss"])
    assert losses == [losses[0]] * 5


def line_of_zeros():
    model = nn.Linear(4, 3)
    for p in model.parameters():
        p.zero_()
    return model


def test_a_model_of_float32_takes_data_of_float64(make, rng):
    x, y = rng.standard_normal((8, 4)), rng.standard_normal((8, 3))
    history = make(loss=nn.MSELoss()).fit((x, y), (x, y), epochs=3)
    assert history["loss"][2] < history["loss"][0]


def test_dropout_and_batch_norm_are_in_training_mode_after_a_validation(data, make):
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    model.eval()
    modes = []

    class Looks(Callback):
        def on_step_end(self, trainer, loss):
            modes.append(model[1].training)

        def on_epoch_end(self, trainer, row):
            modes.append("epoch")

    make(model, callbacks=[Looks()]).fit(data, data, epochs=2, batch_size=20)
    assert modes == [True, "epoch", True, "epoch"]


# Steps of the optimizer


@pytest.mark.parametrize(("accumulate", "batch_size"), [(2, 5), (3, 4), (7, 3)])
def test_accumulated_batches_are_as_one_large_batch(data, make, accumulate, batch_size):
    x, y = data
    parts, whole = make(accumulate=accumulate), make()
    whole.model.load_state_dict(parts.model.state_dict())
    parts.fit(DataLoader(ArrayDataset(x, y), batch_size), epochs=2)
    whole.fit(DataLoader(ArrayDataset(x, y), accumulate * batch_size), epochs=2)
    for a, b in zip(parts.model.parameters(), whole.model.parameters(), strict=True):
        # Sums of at most 20 float32 numbers near 1 in another order, twice.
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=0, atol=1e-6)


def test_accumulation_ends_with_the_epoch(data, make):
    rates = []

    class Looks(Callback):
        def on_step_end(self, trainer, loss):
            rates.append(trainer.optimizer.lr.item())

    model = nn.Linear(4, 3)
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    Trainer(
        model,
        nn.CrossEntropyLoss(),
        optimizer,
        scheduler=ExponentialLR(optimizer, 0.5),
        accumulate=3,
        callbacks=[Looks()],
    ).fit(data, epochs=2, batch_size=5)
    # Four batches an epoch: the third ends a group, and so does the fourth.
    assert rates == [1, 1, 0.5, 0.25, 0.25, 0.25, 0.125, 0.0625]


def test_gradients_are_clipped_by_their_norm(make):
    model = line(0.0)
    make(model, nn.MSELoss(), lr=1, clip_norm=0.5).fit((column(1), column(10)))
    assert model.weight.item() == pytest.approx(0.5, rel=1e-4)  # the gradient was -20


def test_gradients_are_clipped_by_their_value(make):
    model = line(0.0)
    make(model, nn.MSELoss(), lr=1, clip_value=0.25).fit((column(1), column(10)))
    assert model.weight.item() == 0.25


def test_parameters_that_the_optimizer_leaves_alone_do_not_count_in_the_norm():
    model = nn.Sequential(line(1.0), line(1.0))
    optimizer = optim.SGD(model[1].parameters(), lr=1.0)
    trainer = Trainer(model, nn.MSELoss(), optimizer, clip_norm=1.0)
    trainer.fit((column(1), column(3)))  # both gradients are -4
    assert model[0].weight.item() == 1.0
    assert model[1].weight.item() == pytest.approx(2.0, rel=1e-5)
    assert model[0].weight.grad is None


def scheduled(make_scheduler, **arguments):
    model = line(0.0)
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    return Trainer(model, nn.MSELoss(), optimizer, scheduler=make_scheduler(optimizer), **arguments)


def test_a_schedule_moves_with_each_step():
    trainer = scheduled(lambda optimizer: StepLR(optimizer, 1, 0.5))
    trainer.fit((column(0, 0), column(0, 0)), epochs=2, batch_size=1)
    assert trainer.history["lr"] == [0.5, 0.125]  # at the last steps, the second and fourth


def test_a_schedule_moves_with_each_epoch():
    trainer = scheduled(lambda optimizer: StepLR(optimizer, 1, 0.5), schedule_each="epoch")
    trainer.fit((column(0, 0), column(0, 0)), epochs=3, batch_size=1)
    assert trainer.history["lr"] == [1, 0.5, 0.25]


@pytest.mark.parametrize("schedule_each", ["step", "epoch"])
@pytest.mark.parametrize("validates", [True, False])
def test_a_plateau_is_looked_for_after_each_epoch(schedule_each, validates):
    trainer = scheduled(
        lambda optimizer: ReduceLROnPlateau(optimizer, patience=0, factor=0.5),
        schedule_each=schedule_each,
    )
    flat = (column(0, 0), column(1, 1))
    trainer.fit(flat, flat if validates else None, epochs=4, batch_size=1)
    assert trainer.history["lr"] == [1, 1, 0.5, 0.25]


def test_an_optimizer_of_ones_own_may_have_no_rate(data):
    class Fixed(optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {})

        def update(self, parameter, gradient, state, group):
            return parameter - gradient * 0.1, state

    model = nn.Linear(4, 3)
    history = Trainer(model, nn.CrossEntropyLoss(), Fixed(model.parameters())).fit(data)
    assert math.isnan(history["lr"][0])


def test_a_step_can_be_made_by_hand(make):
    model = line(0.0)
    trainer = make(model, nn.MSELoss(), lr=0.5)
    assert trainer.step(column(1), column(3)) == 9.0
    assert model.weight.item() == 3.0


# Use


def test_evaluation_gives_loss_and_metrics_in_eval_mode(make):
    model = nn.Sequential(line(1.0), nn.Dropout(0.9))
    trainer = make(model, nn.MSELoss(), metrics={"largest": Accuracy()})
    trainer.model.train()
    assert trainer.evaluate((column(1, 2), column(0, 0)), batch_size=1)["loss"] == 2.5
    assert model[1].training


def test_evaluation_starts_its_metrics_anew(data, make):
    trainer = make(metrics={"accuracy": Accuracy()})
    first = trainer.evaluate(data)
    assert trainer.evaluate(data) == first
    assert trainer.metrics["accuracy"].count == 20


def test_evaluation_of_a_shuffled_loader_is_the_same_each_time(data, make):
    trainer = make()
    loader = DataLoader(ArrayDataset(*data), 3, shuffle=True)
    results = {trainer.evaluate(loader)["loss"] for _ in range(5)}
    assert len(results) == 1


def test_the_loader_that_is_trained_on_can_be_evaluated_in_between(data, make):
    loader = DataLoader(ArrayDataset(*data), 3, shuffle=True, prefetch=1)

    class Evaluates(Callback):
        def on_step_end(self, trainer, loss):
            trainer.evaluate(loader)

    looked, plain = make(callbacks=[Evaluates()]), make()
    looked.model.load_state_dict(plain.model.state_dict())
    looked.fit(loader, loader, epochs=2)
    plain.fit(DataLoader(ArrayDataset(*data), 3, shuffle=True), epochs=2)
    assert bits(looked.model) == bits(plain.model)


def test_prediction_goes_through_the_model(data, make):
    trainer = make()
    np.testing.assert_array_equal(
        trainer.predict(data[0], batch_size=20), trainer.model(lz.as_tensor(data[0])).numpy()
    )


# Checkpoints


def test_a_checkpoint_is_written_at_the_end_of_each_epoch_and_every_few_steps(
    data, make, tmp_path, monkeypatch
):
    written = []
    trainer = make(checkpoint=tmp_path / "run", checkpoint_every=3)
    monkeypatch.setattr(trainer, "save", lambda: written.append(trainer.step_count))
    trainer.fit(data, epochs=2, batch_size=5)
    assert written == [3, 4, 6, 8]


def test_without_a_checkpoint_nothing_is_written(data, make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trainer = make(checkpoint_every=1)
    trainer.fit(data)
    trainer.save()
    assert list(tmp_path.iterdir()) == []


def test_a_run_can_be_resumed_from_another_path(data, make, tmp_path):
    trainer = make(checkpoint=tmp_path / "one")
    trainer.fit(data)
    other = make(checkpoint=tmp_path / "two")
    other.resume(tmp_path / "one")
    assert bits(other.model) == bits(trainer.model)


def test_resume_without_any_path_says_what_it_needs(make):
    with pytest.raises(KindError, match="resume needs the path"):
        make().resume()


# What can be wrong


class Two(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return self.layer(x), self.layer(x)


X, Y = np.ones((6, 4), np.float32), np.zeros(6, np.int64)
MISTAKES = {
    "fewer epochs than none": (lambda t: t().fit((X, Y), epochs=-1), RangeError, "epochs must be"),
    "a batch size of 0": (lambda t: t().fit((X, Y), batch_size=0), RangeError, "batch_size"),
    "unequal lengths": (lambda t: t().fit((X, Y[:3])), ShapeError, r"same length, got \[6, 3\]"),
    "no samples": (lambda t: t().fit((X[:0], Y[:0])), RangeError, "at least one sample"),
    "no samples to validate": (
        lambda t: t().fit((X, Y), (X[:0], Y[:0])),
        RangeError,
        "at least one sample",
    ),
    "samples without a target": (
        lambda t: t().fit(ArrayDataset(X)),
        ShapeError,
        "this dataset gives 1 array each",
    ),
    "an array alone": (lambda t: t().fit(X), ShapeError, "this dataset gives 1 array each"),
    "samples of three": (lambda t: t().fit(ArrayDataset(X, X, Y)), ShapeError, "gives 3 arrays"),
    "three arrays": (lambda t: t().fit((X, X, Y)), ShapeError, "got a tuple of 3"),
    "no data": (lambda t: t().fit(None), KindError, "got NoneType"),
    "an iterator": (lambda t: t().fit(iter([(X, Y)])), KindError, "got list_iterator"),
    "several outputs for a loss of one": (
        lambda t: t(Two()).fit((X, Y)),
        KindError,
        "CrossEntropyLoss takes one tensor, and the model gives a tuple",
    ),
    "several outputs for a metric": (
        lambda t: t(
            Two(), lambda y, target: y[0].mean(), metrics={"accuracy": Accuracy()}
        ).evaluate((X, Y)),
        KindError,
        "the metric 'accuracy' takes one tensor",
    ),
    "several outputs for a training metric": (
        lambda t: t(
            Two(), lambda y, target: y[0].mean(), training_metrics={"accuracy": Accuracy()}
        ).fit((X, Y)),
        KindError,
        "the metric 'accuracy' takes one tensor",
    ),
    "a loss of several numbers": (
        lambda t: t(loss=lambda y, target: y).fit((X, Y)),
        RangeError,
        r"a single number for a batch, got shape \(6, 3\)",
    ),
    "a loss that is no tensor": (
        lambda t: t(loss=lambda y, target: 1.0).fit((X, Y)),
        KindError,
        "the loss must be a tensor, .* got a float",
    ),
    "a loss that is cut off": (
        lambda t: t(loss=lambda y, target: y.detach().mean()).fit((X, Y)),
        lz.GradientError,
        "nothing to differentiate",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_explained(make, case):
    action, error, message = MISTAKES[case]
    with pytest.raises(error, match=message):
        action(make)


def test_a_loss_of_ones_own_may_take_several_outputs(make):
    trainer = make(Two(), lambda y, target: (y[0] + y[1]).square().mean())
    assert trainer.fit((X, Y), (X, Y), epochs=2)["loss"][1] < trainer.history["loss"][0]


def test_the_mode_comes_back_after_an_error_in_the_evaluation(make):
    trainer = make()
    with pytest.raises(ShapeError):
        trainer.evaluate((X[:, :2], Y))
    assert trainer.model.training


def test_frozen_parameters_have_no_gradients_to_wait_for(data, make):
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3))
    model[0].requires_grad_(False)
    optimizer = optim.SGD(model[1].parameters(), lr=0.1)
    before = bits(model[0])
    Trainer(model, nn.CrossEntropyLoss(), optimizer, accumulate=2).fit(data, batch_size=5)
    assert bits(model[0]) == before

"""A Trainer whose steps are compiled: the numbers, the programs, the errors."""

import io
import math
import re

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn, optim
from lunzi.compiler import backend
from lunzi.core.advice import LunziWarning
from lunzi.core.errors import PositionError, RangeError, TraceError
from lunzi.data import ArrayDataset, DataLoader
from lunzi.messages import use_language
from lunzi.nn import Module
from lunzi.optim.lr_scheduler import CosineAnnealingLR
from lunzi.train import Accuracy, Callback, DivergenceError, PrintProgress, Trainer


def bits(model):
    return [x.numpy().tobytes() for x in model.state_dict().values()]


def network():
    # Without a bias before batch norm, whose gradient would be nothing but rounding.
    return nn.Sequential(
        nn.Linear(4, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3)
    )


def trained(data, *, compile, epochs=3, batch_size=8, model=None, **arguments):
    """A network after some epochs, from the same beginning each time."""
    lz.manual_seed(3)
    model = network() if model is None else model()
    optimizer = optim.AdamW(model.parameters(), lr=0.01)
    trainer = Trainer(model, nn.CrossEntropyLoss(), optimizer, compile=compile, **arguments)
    trainer.fit(data, data, epochs, batch_size=batch_size)
    return trainer


ARGUMENTS = {
    "nothing else": {},
    "accumulation": {"accumulate": 2},
    "clipping": {"clip_norm": 0.1, "clip_value": 0.05},
    "metrics": {"metrics": {"accuracy": Accuracy()}, "training_metrics": {"accuracy": Accuracy()}},
}


@pytest.mark.parametrize("arguments", ARGUMENTS.values(), ids=ARGUMENTS)
def test_compiled_training_is_the_eager_one_but_for_rounding(data, arguments):
    eager = trained(data, compile=False, **arguments)
    compiled = trained(data, compile=True, **arguments)
    for x, y in zip(
        compiled.model.state_dict().values(), eager.model.state_dict().values(), strict=True
    ):
        np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-3, atol=1e-4)
    for row, expected in zip(compiled.history, eager.history, strict=True):
        assert row.keys() == expected.keys()
        assert row["loss"] == pytest.approx(expected["loss"], rel=1e-4)
        assert row["lr"] == expected["lr"]


@pytest.mark.parametrize("arguments", ARGUMENTS.values(), ids=ARGUMENTS)
def test_the_same_seed_gives_the_same_bits(data, arguments):
    first, second = (trained(data, compile=True, **arguments) for _ in range(2))
    assert bits(first.model) == bits(second.model)
    assert first.history["validation loss"] == second.history["validation loss"]


def test_four_programs_serve_a_whole_run_whatever_the_learning_rate_does(data):
    schedule = {}

    class WithSchedule(Callback):
        def on_step_end(self, trainer, loss):
            trainer.optimizer.lr = schedule.setdefault(trainer.step_count, 0.1 / trainer.step_count)

    made = trained(data, compile=True, epochs=6, callbacks=[WithSchedule()])
    assert len(schedule) == 18
    assert (made.programs.learn.built, made.programs.look.built) == (2, 2)


@pytest.mark.parametrize("batch_size", [20, 8])  # one batch an epoch; full ones and a last one
def test_nothing_is_traced_again_from_epoch_to_epoch(data, batch_size):
    calls = []

    class Counting(Module):
        def __init__(self):
            self.inner = nn.Linear(4, 3)

        def forward(self, x):
            calls.append(len(calls))
            return self.inner(x)

    trained(data, compile=True, epochs=3, batch_size=batch_size, model=Counting)
    three = len(calls)
    calls.clear()
    trained(data, compile=True, epochs=30, batch_size=batch_size, model=Counting)
    assert len(calls) == three


def test_a_schedule_and_float64_go_together(data):
    x, y = data[0].astype(np.float64), data[1]

    def make(compile):
        lz.manual_seed(0)
        model = nn.Linear(4, 3).double()
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        schedule = CosineAnnealingLR(optimizer, 6)
        loss = nn.CrossEntropyLoss()
        trainer = Trainer(model, loss, optimizer, scheduler=schedule, accumulate=3, compile=compile)
        trainer.fit((x, y), epochs=3, batch_size=6)
        return trainer

    compiled, eager = make(True), make(False)
    assert compiled.model.weight.dtype == np.float64
    np.testing.assert_allclose(
        compiled.model.weight.numpy(), eager.model.weight.numpy(), rtol=1e-12
    )
    assert compiled.history["lr"] == eager.history["lr"]


def test_a_step_by_hand_is_compiled_where_it_is_asked_for(data, make):
    trainer = make(compile=True)
    losses = [trainer.step(*data) for _ in range(3)]
    assert losses[2] < losses[0]
    assert trainer.programs.learn.built == 1


def test_evaluation_gives_the_same_both_ways(data, make):
    trainer = make(metrics={"accuracy": Accuracy()})
    eager = trainer.evaluate(data)
    trainer.compile = True
    compiled = trainer.evaluate(data)
    assert trainer.programs.look.built == 1
    assert compiled == pytest.approx(eager, rel=1e-6)


def test_a_model_that_evaluates_in_a_way_of_its_own_does_so_compiled(data):
    class Frozen(nn.Sequential):
        """Doubles its outputs in eval mode."""

        def train(self, mode=True):
            super().train(mode)
            self.own = "training" if mode else "evaluation"
            return self

        def forward(self, x):
            return super().forward(x) * (2 if self.own == "evaluation" else 1)

    eager, compiled = (
        trained(data, compile=compile, model=lambda: Frozen(nn.Linear(4, 3)))
        for compile in (False, True)
    )
    assert compiled.history["validation loss"] == pytest.approx(
        eager.history["validation loss"], rel=1e-5
    )


# What is compiled


def test_a_short_run_stays_eager(data, make):
    trainer = make()
    trainer.fit(data, data, epochs=2)
    assert not trainer.was_compiled
    assert trainer.compile_seconds == 0


def test_a_long_run_is_compiled_and_its_seldom_last_batch_is_not(data, make):
    class Stop(Callback):
        def on_epoch_end(self, trainer, row):
            trainer.stop()

    trainer = make(callbacks=[Stop()])
    trainer.fit(data, data, epochs=6_000, batch_size=4)
    assert (trainer.programs.learn.built, trainer._is_compiled(4)) == (1, True)
    assert trainer.was_compiled
    other = make(callbacks=[Stop()])
    other.fit(data, epochs=400, batch_size=3)
    assert [other._is_compiled(size) for size in (3, 2)] == [False, False]
    other = make(callbacks=[Stop()])
    other.fit(data, epochs=600, batch_size=3)
    assert [other._is_compiled(size) for size in (3, 2)] == [True, False]


def test_looking_at_the_first_batch_changes_nothing(data):
    lz.manual_seed(0)
    model = network()
    trainer = Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), 0.1))
    before, random = bits(model), lz.random.default_generator.state_dict()
    trainer._look_over(*data)
    assert bits(model) == before
    assert model.training
    after = lz.random.default_generator.state_dict()
    assert all((random[name].numpy() == after[name].numpy()).all() for name in random)
    assert trainer.multiply_adds == 4 * 8 + 8 * 3


def test_the_variable_turns_compiling_off(data, make, monkeypatch):
    monkeypatch.setenv("LUNZI_COMPILE", "0")
    trainer = make(compile=True)
    trainer.fit(data, data)
    assert not trainer.was_compiled


def test_where_llvmlite_is_missing_it_is_said_once(data, make, monkeypatch):
    monkeypatch.setattr(backend, "has_llvmlite", lambda: False)
    monkeypatch.setattr(backend, "SAID", set())
    trainer = make(compile=True)
    with pytest.warns(LunziWarning, match="llvmlite is not installed"):
        trainer.fit(data, data)
    make(compile=True).fit(data, data)  # a warning would be an error here
    assert not trainer.was_compiled


@pytest.mark.parametrize("wrong", ["yes", 1, 0.5])
def test_compile_is_yes_no_or_undecided(make, wrong):
    with pytest.raises(TypeError, match="compile"):
        make(compile=wrong)


@pytest.mark.parametrize(
    ("language", "said"), [("en", r"compiled in [\d.]+ s"), ("zh", r"编译用时 [\d.]+ 秒")]
)
def test_the_time_of_compiling_is_said_in_one_line(data, make, language, said):
    stream = io.StringIO()
    with use_language(language):
        make(compile=True, callbacks=[PrintProgress(stream)]).fit(data, data, epochs=3)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 4
    assert re.fullmatch(said, lines[0])


# Errors


def test_a_loss_that_does_not_move_in_tensors_is_told_what_to_do(data, make):
    def with_numpy(output, target):
        return ((output - np.eye(3, dtype=np.float32)[target.numpy()]) ** 2).mean()

    with pytest.raises(TraceError, match=r"test_programs\.py.*compile=False"):
        make(loss=with_numpy, compile=True).fit(data)
    assert math.isfinite(make(loss=with_numpy).fit(data)["loss"][0])  # a short run is eager


def test_a_label_without_a_class_is_named_at_whatever_step(data, make):
    x, y = data
    y = y.copy()
    y[17] = 3
    for place in (slice(None), slice(8, None)):
        loader = DataLoader(ArrayDataset(x[place], y[place]), 4)
        with pytest.raises(PositionError, match=r"class label 3 at position .* is outside"):
            make(compile=True).fit(loader)
    trainer = make(compile=True)
    with pytest.raises(PositionError, match="class label 3"):
        trainer.evaluate((x, y))


def test_a_target_that_is_no_probability_is_refused_before_anything_is_compiled(data, make):
    trainer = make(nn.Sequential(nn.Linear(4, 1), nn.Sigmoid()), nn.BCELoss(), compile=True)
    with pytest.raises(RangeError, match=r"lie in \[0, 1\]"):
        trainer.fit((data[0], np.full((20, 1), 7, np.float32)))
    assert not trainer.programs.learn.built


def test_a_loss_that_is_not_finite_leaves_the_weights_and_names_the_layer(data):
    class Root(Module):
        def forward(self, x):
            return (x + 0.5).sqrt()

    lz.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 3), Root())
    x, y = np.zeros((20, 4), np.float32), data[1]
    x[12] = -100
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    trainer = Trainer(model, nn.CrossEntropyLoss(), optimizer, compile=True)
    seen = {}

    class Keep(Callback):
        def on_step_end(self, trainer, loss):
            seen[trainer.step_count] = bits(trainer.model), optimizer.state_dict()["state"]

    trainer.callbacks.append(Keep())
    with pytest.raises(DivergenceError, match=r"step 4: the loss is nan.* that of 1 \(Root\)"):
        trainer.fit(DataLoader(ArrayDataset(x, y), 4))
    weights, state = seen[3]
    assert bits(model) == weights
    for place, tensors in optimizer.state_dict()["state"].items():
        for name, tensor in tensors.items():
            np.testing.assert_array_equal(tensor.numpy(), state[place][name].numpy())
            assert math.isfinite(tensor.numpy().sum())


def test_gradients_are_gone_after_a_step_as_in_the_eager_one(data, make):
    seen = []

    class Look(Callback):
        def on_step_end(self, trainer, loss):
            seen.append(trainer.model.weight.grad)

    make(compile=True, callbacks=[Look()]).fit(data)
    assert seen == [None]


def test_predictions_between_two_steps_are_those_of_the_weights_then(data, make):
    found = []

    class Predict(Callback):
        def on_epoch_end(self, trainer, row):
            found.append(trainer.predict(data[0]))

    trainer = make(compile=True, callbacks=[Predict()])
    trainer.fit(data, data, epochs=3)
    assert not np.array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[2], trainer.predict(data[0]))

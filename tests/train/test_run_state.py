import numpy as np
import pytest

from lunzi import nn, optim
from lunzi.core.errors import LunziError, StateKeyError
from lunzi.core.functions import concat
from lunzi.core.random import default_generator
from lunzi.nn import Module, Parameter
from lunzi.optim.lr_scheduler import StepLR
from lunzi.train import Accuracy, Callback, EarlyStopping, Trainer
from lunzi.train.run_state import named
from lunzi.train.state_tree import pack


class Odd(Module):
    """Gives gradients in memory that is transposed, repeated, and part of a larger one."""

    def __init__(self):
        self.transposed = nn.Linear(4, 3)
        self.left, self.right = Parameter(np.ones((4, 2))), Parameter(np.ones((4, 1)))
        self.repeated = Parameter(np.ones((2, 3)))

    def forward(self, x):
        wide = x @ concat([self.left, self.right], axis=1)
        return self.transposed(x) + wide + self.repeated.sum()


class Once(Callback):
    """Stops a run in the middle of an epoch."""

    def on_step_end(self, trainer, loss):
        if trainer.step_count == 2:
            raise KeyboardInterrupt


class Tally(Callback):
    def __init__(self):
        self.steps = 0

    def on_step_end(self, trainer, loss):
        self.steps += 1

    def state_dict(self):
        return {"steps": self.steps} if self.steps else {}

    def load_state_dict(self, state):
        self.steps = state["steps"]


def exact(state):
    """A state as text and bytes."""
    arrays = {}
    return repr(pack(state, arrays)), {name: array.tobytes() for name, array in arrays.items()}


def test_waiting_gradients_keep_their_order_in_memory(data, make, tmp_path):
    path = tmp_path / "run"
    trainer = make(Odd(), accumulate=3, checkpoint=path, checkpoint_every=1, callbacks=[Once()])
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(data, batch_size=5)
    trainer.save()
    resumed = make(Odd(), accumulate=3)
    resumed.resume(path)
    for name, parameter in trainer.model.named_parameters():
        found = dict(resumed.model.named_parameters())[name].grad.numpy()
        np.testing.assert_array_equal(found, parameter.grad.numpy())
        assert found.strides == parameter.grad.numpy().strides, name


def test_a_state_is_a_copy(data, make):
    trainer = make(accumulate=2)
    trainer.fit(data, epochs=1)
    state = trainer.state_dict()
    before = exact(state)
    trainer.fit(data, epochs=2)
    assert exact(state) == before


def test_a_state_does_not_need_a_file(data, make):
    trainer, other = make(), make()
    trainer.fit(data, epochs=1)
    other.load_state_dict(trainer.state_dict())
    assert trainer.fit(data, epochs=2)["loss"] == other.fit(data, epochs=2)["loss"]


def test_random_numbers_go_on_where_they_stood(make):
    default_generator.uniform(5)
    state = make().state_dict()
    expected = default_generator.uniform(3).tolist()
    make().load_state_dict(state)
    assert default_generator.uniform(3).tolist() == expected


def without(state, name):
    return {key: value for key, value in state.items() if key != name}


NAMES = [
    "parts",
    "model",
    "gradients",
    "optimizer",
    "scheduler",
    "random",
    "loader",
    "metrics",
    "callbacks",
    "history",
    "counters",
]
FOREIGN = {
    "nothing": (lambda s: {}, "model is missing"),
    "something more": (lambda s: s | {"extra": 1}, "extra is unexpected"),
    **{name: (lambda s, n=name: without(s, n), f"{name} is missing") for name in NAMES},
    "another model": (lambda s: s | {"model": {}}, "weight is missing"),
    "gradients of another model": (
        lambda s: s | {"gradients": {"head.weight": None}},
        "the gradients of the model does not fit: head.weight is unexpected",
    ),
    "a gradient of another shape": (
        lambda s: s | {"gradients": {"bias": s["model"]["weight"]}},
        "is of that shape",
    ),
    "another optimizer": (lambda s: s | {"optimizer": {}}, "the state of an optimiser"),
    "another kind of optimizer": (
        lambda s: s | {"parts": s["parts"] | {"optimizer": "Adam"}},
        "had optimizer Adam, this trainer has SGD",
    ),
    "a schedule": (
        lambda s: s | {"parts": s["parts"] | {"scheduler": "StepLR"}},
        "had scheduler StepLR, this trainer has None",
    ),
    "other groups of batches": (
        lambda s: s | {"parts": s["parts"] | {"accumulate": 3}},
        "had accumulate 3, this trainer has 1",
    ),
    "parts that are not whole": (lambda s: s | {"parts": {}}, "not whole: KeyError"),
    "numbers of another dtype": (
        lambda s: s | {"model": {n: t.astype("float64") for n, t in s["model"].items()}},
        "weight is float64 in the state and float32 in the model",
    ),
    "another generator": (lambda s: s | {"random": {"1.source": {}}}, "random generators"),
    "a generator that is not whole": (
        lambda s: s | {"random": {"the default generator": {}}},
        "generator",
    ),
    "another metric": (lambda s: s | {"metrics": {"mae": {}}}, "mae is unexpected"),
    "sums of another metric": (lambda s: s | {"metrics": {"accuracy": {"x": 1}}}, "of Accuracy"),
    "a callback": (lambda s: s | {"callbacks": {"Swapper": {}}}, "Swapper missing"),
    "a callback that is not whole": (
        lambda s: s | {"callbacks": {"Tally": {}, "EarlyStopping": {}}},
        "not whole: KeyError",
    ),
    "a history of other rows": (lambda s: s | {"history": [1, 2]}, "not whole: TypeError"),
    "a counter of another kind": (
        lambda s: s | {"counters": s["counters"] | {"epoch": 1.5}},
        "the counter epoch is 1.5",
    ),
    "a truth for a number": (
        lambda s: s | {"counters": s["counters"] | {"batch": True}},
        "the counter batch is True",
    ),
    "a counter too few": (
        lambda s: s | {"counters": without(s["counters"], "samples")},
        "samples is missing",
    ),
    "another kind of thing": (lambda s: s | {"model": 3}, "not whole: AttributeError"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(data, make, case):
    def trainer():
        return make(
            training_metrics={"accuracy": Accuracy()},
            callbacks=[EarlyStopping("loss"), Tally()],
        )

    change, message = FOREIGN[case]
    other, own = trainer(), trainer()
    other.fit(data, epochs=2)
    own.fit(data, epochs=1)
    before = exact(own.state_dict())
    with pytest.raises(LunziError, match=message):
        own.load_state_dict(change(other.state_dict()))
    assert exact(own.state_dict()) == before
    own.fit((data[0][:5], data[1][:5]), epochs=2)  # other data is as welcome as before


@pytest.mark.parametrize("state", [None, 3, ["model"]])
def test_what_is_no_state_is_refused(make, state):
    with pytest.raises(StateKeyError, match="the state of a run is a mapping by name, got"):
        make().load_state_dict(state)


def test_a_trainer_with_a_schedule_needs_a_state_with_one(make):
    model = nn.Linear(4, 3)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    trainer = Trainer(model, nn.CrossEntropyLoss(), optimizer, scheduler=StepLR(optimizer, 2))
    with pytest.raises(StateKeyError, match=r"had scheduler None, this trainer has StepLR"):
        trainer.load_state_dict(make().state_dict())


def test_callbacks_without_a_state_may_come_and_go(data, make):
    trainer = make(callbacks=[Callback(), EarlyStopping("loss")])
    trainer.fit(data, epochs=1)
    other = make(callbacks=[EarlyStopping("loss"), Callback(), Tally()])
    other.load_state_dict(trainer.state_dict())
    assert other.callbacks[0].best == trainer.callbacks[1].best


def test_callbacks_with_a_state_may_not(data, make):
    trainer = make(callbacks=[EarlyStopping("loss")])
    trainer.fit(data, epochs=1)
    with pytest.raises(StateKeyError, match="none new and EarlyStopping missing"):
        make().load_state_dict(trainer.state_dict())
    with pytest.raises(StateKeyError, match="EarlyStopping new and none missing"):
        trainer.load_state_dict(make().state_dict())


def test_callbacks_of_one_class_are_told_apart_by_their_order(data, make):
    first, second = EarlyStopping("loss"), EarlyStopping("loss", min_delta=1e9)
    trainer = make(callbacks=[first, second])
    assert named(trainer.callbacks) == {"EarlyStopping": first, "EarlyStopping 2": second}
    trainer.fit(data, epochs=3)
    other = make(callbacks=[EarlyStopping("loss"), EarlyStopping("loss", min_delta=1e9)])
    other.load_state_dict(trainer.state_dict())
    assert (
        [c.best_epoch for c in other.callbacks] == [first.best_epoch, second.best_epoch] == [3, 1]
    )

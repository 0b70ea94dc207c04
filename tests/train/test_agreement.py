import pytest

import lunzi as lz
from lunzi import nn, optim
from lunzi.core.errors import KindError, MissingFileError, RangeError
from lunzi.optim.lr_scheduler import StepLR
from lunzi.train import Accuracy, Trainer


def fitting(**arguments):
    model = nn.Linear(2, 2)
    return Trainer(model, nn.MSELoss(), optim.SGD(model.parameters()), **arguments)


def foreign_scheduler():
    return StepLR(optim.SGD(nn.Linear(2, 2).parameters()), 1)


def partly_foreign():
    model = nn.Linear(2, 2)
    return Trainer(
        model,
        nn.MSELoss(),
        optim.SGD([*model.parameters(), lz.tensor([1.0, 2.0, 3.0], requires_grad=True)]),
    )


def shared_metric():
    metric = Accuracy()
    return fitting(metrics={"a": metric}, training_metrics={"b": metric})


MISTAKES = {
    "a group of no batches": (
        lambda: fitting(accumulate=0),
        RangeError,
        "accumulate must be 1 or more, got 0",
    ),
    "checkpoints without a step between": (
        lambda: fitting(checkpoint_every=0),
        RangeError,
        "checkpoint_every must be 1 or more, got 0",
    ),
    "a norm of 0": (lambda: fitting(clip_norm=0), RangeError, "clip_norm must be above 0, got 0"),
    "a bound that is no number": (
        lambda: fitting(clip_value=float("nan")),
        RangeError,
        "clip_value must be above 0, got nan",
    ),
    "a model that is none": (
        lambda: Trainer(len, nn.MSELoss(), None),
        KindError,
        "trains a Module, got a builtin_function",
    ),
    "the class of a model": (
        lambda: Trainer(nn.Linear, nn.MSELoss(), None),
        KindError,
        r"got the class Linear: make one, as in Linear\(\.\.\.\)",
    ),
    "a loss that is none": (
        lambda: Trainer(nn.Linear(2, 2), "mse", None),
        KindError,
        "got a str",
    ),
    "the class of a loss": (
        lambda: Trainer(nn.Linear(2, 2), nn.MSELoss, None),
        KindError,
        "got the class MSELoss",
    ),
    "a loss that is a sum": (
        lambda: Trainer(nn.Linear(2, 2), nn.MSELoss(reduction="sum"), None),
        RangeError,
        "takes the mean loss of a batch, this MSELoss has reduction='sum'",
    ),
    "an optimizer that is none": (
        lambda: Trainer(nn.Linear(2, 2), nn.MSELoss(), "adam"),
        KindError,
        "optimizer is one of lunzi.optim, got a str",
    ),
    "the optimizer of another model": (
        lambda: Trainer(nn.Linear(2, 2), nn.MSELoss(), optim.SGD(nn.Linear(2, 2).parameters())),
        RangeError,
        r"2 of the 2 parameters of the optimizer are not the model's, the first of shape \(2, 2\)",
    ),
    "an optimizer of more than the model": (
        partly_foreign,
        RangeError,
        r"1 of the 3 parameters of the optimizer are not the model's, the first of shape \(3,\)",
    ),
    "a scheduler that is none": (
        lambda: fitting(scheduler=0.5),
        KindError,
        "scheduler is one of lunzi.optim.lr_scheduler, got a float",
    ),
    "the scheduler of another optimizer": (
        lambda: fitting(scheduler=foreign_scheduler()),
        RangeError,
        "this StepLR moves the rates of another optimizer",
    ),
    "a schedule by something else": (
        lambda: fitting(schedule_each="batch"),
        RangeError,
        "schedule_each is 'step' or 'epoch', got 'batch'",
    ),
    "a metric by the name of the loss": (
        lambda: fitting(metrics={"loss": Accuracy()}),
        RangeError,
        "'loss' is the name of the loss",
    ),
    "a training metric by the name of a column": (
        lambda: fitting(training_metrics={"seconds": Accuracy()}),
        RangeError,
        "'seconds' is a column",
    ),
    "a metric for training and validation": (
        shared_metric,
        RangeError,
        "the training metric 'b' is also one for validation, .* make two of Accuracy",
    ),
    "metrics without names": (
        lambda: fitting(metrics=[Accuracy()]),
        KindError,
        "metrics are given by name, as .*; got a list",
    ),
    "a metric that is none": (
        lambda: fitting(training_metrics={"a": "accuracy"}),
        KindError,
        "training_metrics are metrics by name, got 'a': a str",
    ),
    "callbacks that are none": (
        lambda: fitting(callbacks=[print]),
        KindError,
        "a callback is a lunzi.train.Callback, got a",
    ),
    "one callback for several": (
        lambda: fitting(callbacks=3),
        KindError,
        "callbacks are several in a list, got 3",
    ),
    "a number of batches that is none": (
        lambda: fitting(accumulate=1.5),
        KindError,
        "accumulate is a whole number, got 1.5",
    ),
    "a training metric by the name of a validation": (
        lambda: fitting(training_metrics={"validation a": Accuracy()}),
        RangeError,
        "'validation a' is a column",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_parts_that_do_not_fit_together_are_refused(case):
    action, error, message = MISTAKES[case]
    with pytest.raises(error, match=message):
        action()


def test_an_optimizer_of_a_part_of_the_model_fits():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    Trainer(model, nn.MSELoss(), optim.SGD(model[1].parameters()))


def test_a_folder_that_is_not_there_is_said_before_training(data, make, tmp_path):
    trainer = make(checkpoint=tmp_path / "missing" / "run")
    with pytest.raises(MissingFileError, match="missing"):
        trainer.fit(data)
    assert trainer.step_count == 0

"""The mistakes that everybody makes, as a user meets them: each error says what to do."""

import re
import warnings

import numpy as np
import pytest

import lunzi as lz
from lunzi import Trainer, nn, optim
from lunzi.data import ArrayDataset, DataLoader

X = np.linspace(-1, 1, 64 * 10 * 4, dtype=np.float32).reshape(64, 10, 4)
ROWS = np.linspace(-1, 1, 64 * 4, dtype=np.float32).reshape(64, 4)
LABELS = np.arange(64) % 3
NUMBERS = ROWS[:, 0]
IMAGES = np.zeros((64, 1, 8, 8), np.float32)


class Net(nn.Module):
    """A model whose layers stand in a list, as `layers.0`, `layers.1`, ..."""

    def __init__(self, *layers):
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x)


def classifier():
    lz.manual_seed(0)
    return Net(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def trainer(model=None, loss=None, lr=0.1):
    model = model or classifier()
    return Trainer(model, loss or nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=lr))


def leaf(*numbers):
    return lz.tensor(list(numbers), requires_grad=True)


def with_number(array, place, value):
    changed = np.array(array)
    changed[place] = value
    return changed


def backward_twice():
    loss = (leaf(1.0, 2.0) ** 2).sum()
    loss.backward()
    loss.backward()


def assigned_before_backward():
    w = leaf(1.0, 2.0)
    loss = (w * w).sum()
    w.assign([5.0, 5.0])
    loss.backward()


def added_in_place():
    w = leaf(1.0)
    w += 1


def diverging():
    # Weights of 1e30 overflow in the second layer, and their difference is NaN.
    model = Net(nn.Linear(4, 8), nn.Linear(8, 3), nn.Linear(3, 3))
    for parameter in model.parameters():
        parameter.fill_(1e30)
    trainer(model).fit((ROWS, LABELS), batch_size=64)


# What the user does, the kind of error, and what it says
MISTAKES = {
    "a Flatten is missing": (
        lambda: Net(nn.Conv1d(10, 10, 1), nn.ReLU(), nn.Linear(128, 3))(X), lz.ShapeError,
        "layers.2 (Linear): expects 128 features on the last axis, got (64, 10, 4) with 4. "
        "A Flatten may be missing before it. The layer before, 1 (ReLU), gives (64, 10, 4)",
    ),
    "layers of other widths": (
        lambda: Net(nn.Linear(4, 8), nn.ReLU(), nn.Linear(16, 3))(ROWS), lz.ShapeError,
        "layers.2 (Linear): expects 16 features on the last axis, got (64, 8) with 8. "
        "The layer before, 1 (ReLU), gives (64, 8)",
    ),
    "images without a channel axis": (
        lambda: Net(nn.Conv2d(1, 4, 3))(IMAGES[:, 0]), lz.ShapeError,
        "layers.0 (Conv2d): expects 1 channel on axis 0, got (64, 8, 8) with 64. For a batch "
        "without channels, x.expand_dims(1) adds their axis",
    ),
    "images with their channels last": (
        lambda: Net(nn.Conv2d(3, 4, 3))(np.zeros((2, 8, 8, 3))), lz.ShapeError,
        "expects 3 channels on axis 1, got (2, 8, 8, 3) with 8. Do they stand last? "
        "permute_dims(0, 3, 1, 2) gives (N, C, H, W)",
    ),
    "too many poolings": (
        lambda: Net(*[nn.MaxPool2d(2)] * 4)(IMAGES), lz.ShapeError,
        "layers.0 (MaxPool2d): a window that covers 2 x 2 does not fit in an input of 1 x 1, "
        "padding included: too many poolings or strides before it, or too little padding",
    ),
    "one sample for batch norm": (
        lambda: Net(nn.BatchNorm1d(4))(ROWS[:1]), lz.ShapeError,
        "layers.0 (BatchNorm1d): normalises with the statistics of the batch and needs 2 numbers "
        "or more a channel, got (1, 4) with 1: use larger batches (drop_last=True leaves out a "
        "small last one), or eval() outside training",
    ),
    "targets (n, 1) against (n,)": (
        lambda: nn.MSELoss()(NUMBERS, NUMBERS[:, None]), lz.ShapeError,
        "MSELoss: expects targets in the shape (64,) of the predictions, got (64, 1). "
        "target.reshape(64,) fits",
    ),
    "targets (n,) against (n, 1)": (
        lambda: trainer(nn.Linear(4, 1), nn.MSELoss()).fit((ROWS, NUMBERS), batch_size=64),
        lz.ShapeError,
        "MSELoss: expects targets in the shape (64, 1) of the predictions, got (64,). "
        "target.reshape(64, 1) fits",
    ),
    "a class label too large": (
        lambda: nn.CrossEntropyLoss()(ROWS, with_number(LABELS, 7, 4)), lz.PositionError,
        "CrossEntropyLoss: class label 4 at position (7,) is outside 0 to 3, the classes of "
        "predictions (64, 4); more outputs may be needed",
    ),
    "class labels from 1 on": (
        lambda: nn.CrossEntropyLoss()(ROWS[:, :3], LABELS + 1), lz.PositionError,
        "is outside 0 to 2, the classes of predictions (64, 3); labels count from 0: subtract 1",
    ),
    "a class label below 0": (
        lambda: nn.CrossEntropyLoss()(ROWS, with_number(LABELS, 0, -1)), lz.PositionError,
        "class label -1 at position (0,) is outside 0 to 3, the classes of predictions (64, 4); "
        "ignore_index=-1 leaves such labels out",
    ),
    "class labels that are floating": (
        lambda: nn.CrossEntropyLoss()(ROWS, LABELS.astype(np.float32)), lz.KindError,
        "CrossEntropyLoss: class labels are integers, got float32: convert them with "
        "target.astype('int64'); probabilities would have the shape (64, 4) of the predictions",
    ),
    "one-hot labels of integers": (
        lambda: nn.CrossEntropyLoss()(ROWS[:, :3], np.eye(3, dtype=int)[LABELS]), lz.ShapeError,
        "target.argmax(axis=1) gives labels, target.astype('float32') probabilities",
    ),
    "a probability above 1": (
        lambda: nn.BCELoss()(NUMBERS * 2, np.abs(NUMBERS)), lz.RangeError,
        "Put a Sigmoid before it, or use BCEWithLogitsLoss",
    ),
    "an index outside an embedding": (
        lambda: Net(nn.Embedding(10, 4))(np.array([3, 10])), lz.PositionError,
        "layers.0 (Embedding): index 10 is outside the table, which has 10 rows: 0 to 9",
    ),
    "NaN in the input": (
        lambda: trainer().fit((with_number(ROWS, (5, 1), np.nan), LABELS), batch_size=64),
        lz.RangeError,
        "step 1: x holds nan at (",
    ),
    "infinity in the targets": (
        lambda: trainer(nn.Linear(4, 4), nn.MSELoss()).fit(
            (ROWS, with_number(ROWS, (5, 1), np.inf)), batch_size=64
        ),
        lz.RangeError,
        "and in the data first at (5, 1): clean or leave out such samples before training",
    ),
    "NaN first in the loss": (
        diverging, lz.LunziError,
        "step 1: the loss is nan. The first output that is not finite is that of "
        "layers.1 (Linear). Usual causes: a learning rate that is too large (try a tenth)",
    ),
    "a learning rate that is too large": (
        lambda: trainer(nn.Linear(4, 1), nn.MSELoss(), lr=1e20).fit((ROWS, ROWS[:, :1]), epochs=9),
        lz.LunziError,
        "Usual causes: a learning rate that is too large (try a tenth)",
    ),
    "backward of several numbers": (
        lambda: (leaf(1.0, 2.0) * 2).backward(), lz.GradientError,
        "backward starts from a single number, this tensor has shape (2,): reduce it first, as in "
        "loss.mean().backward(), or pass gradient=",
    ),
    "backward twice": (
        backward_twice, lz.GradientError,
        "was freed by an earlier backward: compute the loss again, or call the first one with "
        "backward(retain_graph=True)",
    ),
    "backward without anything to differentiate": (
        lambda: nn.MSELoss()(NUMBERS, NUMBERS).backward(), lz.GradientError,
        "there is nothing to differentiate: no input has requires_grad=True, or the result was "
        "computed under no_grad or detached",
    ),
    "a parameter assigned before backward": (
        assigned_before_backward, lz.GradientError,
        "was assigned after it was used, so that its gradient would be wrong: call backward "
        "before the assign, or use a copy()",
    ),
    "a parameter changed with +=": (
        added_in_place, lz.GradientError,
        "change its numbers with w.assign(w + ...)",
    ),
    "an element set in place": (
        lambda: lz.zeros(3).__setitem__(0, 1.0), lz.KindError,
        "build the new value, for example with lunzi.where(mask, value, x), and use x.assign(...)",
    ),
    "an optimiser without parameters": (
        lambda: optim.Adam(nn.ReLU().parameters()), lz.RangeError,
        "Adam got no parameters: was the model made without any, or a generator used up before? "
        "Call model.parameters() again",
    ),
    "an optimiser of a model": (
        lambda: optim.SGD(nn.Linear(2, 1)), lz.KindError,
        "params are tensors or groups, got Linear: write optimiser(model.parameters())",
    ),
    "a negative learning rate": (
        lambda: optim.SGD([leaf(1.0)], lr=-0.1), lz.RangeError,
        "lr must be 0 or more, got -0.1",
    ),
    "a negative learning rate of the front door": (
        lambda: lz.NeuralNetwork(2, 3, 1).train([1, 0], [1], -0.5), lz.RangeError,
        "learning_rate must be above 0, got -0.5",
    ),
    "an empty dataset": (
        lambda: ArrayDataset(ROWS[:0], LABELS[:0]), lz.RangeError,
        "ArrayDataset needs at least one sample, got arrays of length 0",
    ),
    "an empty dataset for a loader": (
        lambda: DataLoader([]), lz.RangeError,
        "DataLoader needs a dataset with at least one sample, got an empty one",
    ),
    "a batch size below 1": (
        lambda: DataLoader(ArrayDataset(ROWS), batch_size=0), lz.RangeError,
        "batch_size must be 1 or more, got 0",
    ),
    "a batch size below 1 in fit": (
        lambda: trainer().fit((ROWS, LABELS), batch_size=-1), lz.RangeError,
        "batch_size must be 1 or more, got -1",
    ),
    "x and y of unequal lengths": (
        lambda: trainer().fit((ROWS, LABELS[:63])), lz.ShapeError,
        "ArrayDataset needs arrays of the same length, got [64, 63] (shapes (64, 4), (63,)): "
        "sample i is row i of each of them",
    ),
    "a batch that is larger than all samples": (
        lambda: DataLoader(ArrayDataset(ROWS), 65, drop_last=True), lz.RangeError,
        "drop_last leaves no batch: the dataset has 64 samples and batch_size is 65",
    ),
    "a pair of arrays for a dataset": (
        lambda: DataLoader((ROWS, LABELS)), lz.KindError,
        "a dataset has a length and samples by position, as ArrayDataset(x, y) has; got tuple",
    ),
    "a class in the place of a layer": (
        lambda: nn.Sequential(nn.Linear(4, 3), nn.ReLU), lz.KindError,
        "'1' is to be a module, got the class: write ReLU(...) to make one",
    ),
    "neurons given to an activation": (
        lambda: nn.ReLU(64), lz.KindError, "inplace is True or False, got 64",
    ),
    "a state of another model": (
        lambda: classifier().load_state_dict(nn.Linear(4, 3).state_dict()), lz.StateKeyError,
        "the state does not fit Net: layers.0.weight is missing",
    ),
    "a model in the place of its state": (
        lambda: classifier().load_state_dict(classifier()), lz.KindError,
        "a state is a mapping of names to tensors, as model.state_dict() gives it; got Net: pass "
        "its state_dict()",
    ),
    "a state in the place of its model": (
        lambda: lz.save(classifier().state_dict(), "model.safetensors"), lz.KindError,
        "save the model itself and not its state_dict()",
    ),
    "an if on a traced value": (
        lambda: lz.trace(lambda x: x if x.sum() > 0 else -x, lz.Spec((2,))), lz.TraceError,
        "inside a traced function a tensor has no numbers to look at",
    ),
    "two axes given as an axis and a flag": (
        lambda: lz.zeros((2, 3)).sum(0, 1), lz.KindError, "keepdims is True or False, got 1",
    ),
    "matrices that do not fit": (
        lambda: lz.zeros((2, 3)) @ lz.zeros((2, 3)), lz.ShapeError,
        "matmul of (2, 3) and (2, 3): the inner lengths differ, 3 and 2",
    ),
    "shapes that do not broadcast": (
        lambda: lz.zeros((2, 3)) + lz.zeros((2, 4)), lz.ShapeError,
        "shapes (2, 3) and (2, 4) do not fit together: counted from the end, axis -1 has lengths "
        "3 and 4 (equal lengths fit, and so does 1)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_explained(case):
    action, kind, message = MISTAKES[case]
    with pytest.raises(kind, match=re.escape(message)) as caught:
        action()
    assert isinstance(caught.value, lz.LunziError)


def test_softmax_before_cross_entropy_is_warned_of_once():
    model = Net(nn.Linear(4, 3), nn.Softmax(dim=1))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            nn.CrossEntropyLoss()(model(ROWS), LABELS)
    (warning,) = [each for each in caught if issubclass(each.category, lz.LunziWarning)]
    assert "the predictions look like probabilities (none negative, sums of 1)" in str(warning)
    assert "leave out the Softmax" in str(warning)
    assert warning.filename == __file__


def test_softmax_before_cross_entropy_is_warned_of_in_a_trainer():
    with pytest.warns(lz.LunziWarning, match="leave out the Softmax"):
        trainer(Net(nn.Linear(4, 3), nn.Softmax(dim=1))).fit((ROWS, LABELS), batch_size=64)


def test_predict_does_not_forget_eval():
    model = Net(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
    model(ROWS)
    training = trainer(model)
    expected = model.eval()(ROWS).numpy()
    model.train()
    np.testing.assert_array_equal(training.predict(ROWS), expected)
    assert all(module.training for module in model.modules())


def test_an_error_leaves_the_model_and_the_optimiser_as_they_were():
    model = classifier()
    optimizer = optim.Adam(model.parameters())
    before = {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}
    with pytest.raises(lz.ShapeError):
        nn.CrossEntropyLoss()(model(ROWS), LABELS[:5])
    optimizer.step()
    assert {name: x.numpy().tobytes() for name, x in model.state_dict().items()} == before
    assert not optimizer.state[model.layers[0].weight]["step"].item()

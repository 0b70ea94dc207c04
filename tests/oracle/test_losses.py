"""Every loss against PyTorch's of the same name: values and gradients over a table of settings."""

import inspect

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.nn import loss

torch = pytest.importorskip("torch")

N, C = 12, 5
WEIGHT = np.array([1.0, 0.5, 2.0, 0.25, 3.0])


def numbers(rng, *shape):
    return rng.standard_normal(shape) * 3


def shares(rng, *shape):
    raised = np.exp(numbers(rng, *shape))
    return raised / raised.sum(min(1, len(shape) - 1), keepdims=True)


def log_shares(rng, *shape):
    return np.log(shares(rng, *shape))


def chances(rng, *shape):
    return rng.uniform(0.01, 0.99, shape)


def labels(rng, *shape):
    return rng.integers(0, C, shape)


def some_ignored(rng, *shape):
    return np.where(rng.random(shape) < 0.3, -100, labels(rng, *shape))


def bits(rng, *shape):
    return rng.integers(0, 2, shape).astype(float)


FLAT, ROWS, PICTURES = (N,), (N, C), (3, C, 4, 2)
POINTS = (3, 4, 2)  # of PICTURES, one for all classes

# name, named arguments, predictions and their shape, targets and their shape
SETTINGS = [
    *(
        ("CrossEntropyLoss", named, numbers, scores, draw, targets)
        for scores, targets in ((ROWS, FLAT), ((C,), ()), (PICTURES, POINTS), ((N, C, 3), (N, 3)))
        for draw in (labels, some_ignored)
        for named in (
            {},
            {"weight": WEIGHT},
            {"label_smoothing": 0.1},
            {"label_smoothing": 0.3, "weight": WEIGHT},
            {"ignore_index": 2},
        )
        if not (targets == () and draw is some_ignored)
        if not (named.get("ignore_index") == 2 and draw is some_ignored)
    ),
    *(
        ("CrossEntropyLoss", named, numbers, scores, shares, scores)
        for scores in (ROWS, (C,), PICTURES)
        for named in (
            {},
            {"weight": WEIGHT},
            {"label_smoothing": 0.1},
            {"label_smoothing": 1.0, "weight": WEIGHT},
        )
    ),
    ("NLLLoss", {}, log_shares, ROWS, labels, FLAT),
    ("NLLLoss", {"weight": WEIGHT}, log_shares, ROWS, some_ignored, FLAT),
    ("NLLLoss", {"ignore_index": 1}, log_shares, PICTURES, labels, POINTS),
    ("NLLLoss", {"weight": WEIGHT}, log_shares, PICTURES, some_ignored, POINTS),
    ("NLLLoss", {}, log_shares, (C,), labels, ()),
    ("BCELoss", {}, chances, ROWS, bits, ROWS),
    ("BCELoss", {}, chances, PICTURES, chances, PICTURES),
    ("BCELoss", {"weight": WEIGHT}, chances, ROWS, chances, ROWS),
    ("BCEWithLogitsLoss", {}, numbers, ROWS, bits, ROWS),
    ("BCEWithLogitsLoss", {}, numbers, FLAT, chances, FLAT),
    ("BCEWithLogitsLoss", {"weight": WEIGHT}, numbers, ROWS, chances, ROWS),
    ("BCEWithLogitsLoss", {"pos_weight": WEIGHT}, numbers, ROWS, bits, ROWS),
    ("BCEWithLogitsLoss", {"pos_weight": WEIGHT, "weight": WEIGHT}, numbers, ROWS, chances, ROWS),
    ("KLDivLoss", {}, log_shares, ROWS, shares, ROWS),
    ("KLDivLoss", {}, log_shares, ROWS, bits, ROWS),
    ("KLDivLoss", {"log_target": True}, log_shares, ROWS, log_shares, ROWS),
    ("MSELoss", {}, numbers, PICTURES, numbers, PICTURES),
    ("L1Loss", {}, numbers, ROWS, numbers, ROWS),
    ("SmoothL1Loss", {}, numbers, ROWS, numbers, ROWS),
    ("SmoothL1Loss", {"beta": 2.5}, numbers, ROWS, numbers, ROWS),
    ("SmoothL1Loss", {"beta": 0.0}, numbers, ROWS, numbers, ROWS),
    ("HuberLoss", {}, numbers, ROWS, numbers, ROWS),
    ("HuberLoss", {"delta": 2.5}, numbers, ROWS, numbers, ROWS),
]


def test_every_loss_has_a_setting():
    classes = {name for name in loss.__all__ if inspect.isclass(getattr(loss, name))}
    assert {name for name, *_ in SETTINGS} == classes - {"Loss"}


@pytest.mark.parametrize("name", sorted({name for name, *_ in SETTINGS}))
def test_arguments_and_defaults_are_those_of_pytorch(name):
    ours = inspect.signature(getattr(nn, name)).parameters
    theirs = inspect.signature(getattr(torch.nn, name)).parameters
    # PyTorch's own documentation calls these two deprecated in favour of `reduction`.
    known = {n: p.default for n, p in theirs.items() if n not in ("size_average", "reduce")}
    assert {n: p.default for n, p in ours.items()} == known


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")
@pytest.mark.parametrize("reduction", ["none", "mean", "sum", "batchmean"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "named", "predict", "shape", "aim", "target_shape"), SETTINGS)
def test_values_and_gradients_agree(
    name, named, predict, shape, aim, target_shape, dtype, reduction, rng
):
    if reduction == "batchmean" and name != "KLDivLoss":
        with pytest.raises(lz.RangeError, match="reduction"):
            getattr(nn, name)(**named, reduction=reduction)
        return
    prediction, target = predict(rng, *shape).astype(dtype), np.asarray(aim(rng, *target_shape))
    if target.dtype.kind == "f":
        target = target.astype(dtype)
    ours = getattr(nn, name)(**named, reduction=reduction)
    theirs = getattr(torch.nn, name)(**in_torch(named, dtype), reduction=reduction)
    x = lz.tensor(prediction, requires_grad=True)
    z = torch.tensor(prediction, requires_grad=True)
    value, expected = ours(x, target), theirs(z, torch.tensor(target))
    assert value.shape == tuple(expected.shape)
    value.sum().backward()
    expected.sum().backward()
    # A few roundings of numbers up to 10, and of sums of up to 120 of them.
    rtol, atol = (1e-5, 2e-6) if dtype == "float32" else (1e-13, 1e-14)
    np.testing.assert_allclose(value, expected.detach().numpy(), rtol=rtol, atol=atol)
    np.testing.assert_allclose(x.grad, z.grad.numpy(), rtol=rtol, atol=atol)


def in_torch(named, dtype):
    return {
        name: torch.tensor(value.astype(dtype)) if isinstance(value, np.ndarray) else value
        for name, value in named.items()
    }


@pytest.mark.parametrize("name", ["CrossEntropyLoss", "NLLLoss"])
def test_the_mean_without_labels_is_nan_in_both(name):
    scores, ignored = np.log(np.full((2, 3), 1 / 3, np.float32)), np.array([-100, -100])
    assert np.isnan(float(getattr(nn, name)()(scores, ignored)))
    assert np.isnan(float(getattr(torch.nn, name)()(torch.tensor(scores), torch.tensor(ignored))))


def test_extreme_logits_have_the_values_of_pytorch():
    x = np.array([-1e4, -100, -88.8, -20, 0, 20, 88.8, 100, 1e4], np.float32)
    for target in (np.zeros_like(x), np.ones_like(x)):
        ours = nn.functional.binary_cross_entropy_with_logits(x, target, reduction="none")
        theirs = torch.nn.functional.binary_cross_entropy_with_logits(
            torch.tensor(x), torch.tensor(target), reduction="none"
        )
        # PyTorch's form leaves nothing of e^-20 where it subtracts 20.
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-6, atol=1e-8)


def test_certain_probabilities_have_the_values_of_pytorch():
    p, target = np.array([0, 1, 0, 1], np.float32), np.array([1, 0, 0, 1], np.float32)
    ours = nn.functional.binary_cross_entropy(p, target, reduction="none")
    theirs = torch.nn.functional.binary_cross_entropy(
        torch.tensor(p), torch.tensor(target), reduction="none"
    )
    np.testing.assert_array_equal(ours, theirs.numpy())

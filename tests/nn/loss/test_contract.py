"""What holds for every loss; they are found by inspection, with a row of samples for each."""

import inspect
from functools import partial

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.nn import functional, loss

CLASSES = [
    member
    for name in loss.__all__
    if inspect.isclass(member := getattr(loss, name)) and member is not loss.Loss
]
FUNCTIONS = {
    nn.BCELoss: functional.binary_cross_entropy,
    nn.BCEWithLogitsLoss: functional.binary_cross_entropy_with_logits,
    nn.CrossEntropyLoss: functional.cross_entropy,
    nn.HuberLoss: functional.huber_loss,
    nn.KLDivLoss: functional.kl_div,
    nn.L1Loss: functional.l1_loss,
    nn.MSELoss: functional.mse_loss,
    nn.NLLLoss: functional.nll_loss,
    nn.SmoothL1Loss: functional.smooth_l1_loss,
}


def logits(rng, n):
    return rng.standard_normal((n, 3)) * 2


def log_shares(rng, n):
    return functional.log_softmax(logits(rng, n)).numpy()


def shares(rng, n):
    return np.exp(log_shares(rng, n))


def chances(rng, n):
    return rng.uniform(0.2, 0.8, (n, 3))


def labels(rng, n):
    return rng.integers(0, 3, n)


def some_ignored(rng, n):
    return np.where(np.arange(n) % 3 == 1, -100, labels(rng, n))


WEIGHT = np.array([1.0, 2.0, 0.5])

# loss, predictions, targets: each drawn for a batch of n
SAMPLES = [
    (nn.CrossEntropyLoss, logits, labels),
    (partial(nn.CrossEntropyLoss, WEIGHT, label_smoothing=0.1), logits, some_ignored),
    (partial(nn.CrossEntropyLoss, label_smoothing=0.1), logits, labels),
    (partial(nn.CrossEntropyLoss, WEIGHT, label_smoothing=0.1), logits, shares),
    (nn.CrossEntropyLoss, logits, shares),
    (nn.NLLLoss, log_shares, labels),
    (partial(nn.NLLLoss, WEIGHT), log_shares, some_ignored),
    (nn.BCELoss, chances, shares),
    (partial(nn.BCELoss, WEIGHT), chances, shares),
    (nn.BCEWithLogitsLoss, logits, shares),
    (partial(nn.BCEWithLogitsLoss, WEIGHT, pos_weight=WEIGHT), logits, shares),
    (nn.KLDivLoss, log_shares, shares),
    (partial(nn.KLDivLoss, log_target=True), log_shares, log_shares),
    (nn.MSELoss, logits, logits),
    (nn.L1Loss, logits, logits),
    (nn.HuberLoss, logits, logits),
    (partial(nn.HuberLoss, delta=0.5), logits, logits),
    (nn.SmoothL1Loss, logits, logits),
    (partial(nn.SmoothL1Loss, beta=2.5), logits, logits),
    (partial(nn.SmoothL1Loss, beta=0), logits, logits),
]


def title(value):
    if isinstance(value, partial):
        return value.func.__name__
    return getattr(value, "__name__", str(value))


every_sample = pytest.mark.parametrize(("make", "predict", "aim"), SAMPLES, ids=title)


def test_every_loss_has_a_row_a_function_and_is_exported():
    assert {title(make) for make, _, _ in SAMPLES} == {cls.__name__ for cls in CLASSES}
    assert set(FUNCTIONS) == set(CLASSES)
    assert set(map(title, FUNCTIONS.values())) == set(loss.__all__) - set(map(title, CLASSES)) - {
        "Loss"
    }
    assert all(getattr(nn, cls.__name__) is cls for cls in CLASSES)


@pytest.mark.parametrize("cls", CLASSES, ids=title)
def test_the_function_has_the_arguments_and_defaults_of_the_module(cls):
    function = inspect.signature(FUNCTIONS[cls]).parameters
    module = inspect.signature(cls.__init__).parameters
    assert list(function)[:2] == ["input", "target"]
    assert {name: p.default for name, p in list(function.items())[2:]} == {
        name: p.default for name, p in list(module.items())[1:]
    }


@every_sample
def test_the_function_gives_the_same_as_the_module(make, predict, aim, rng):
    module = make()
    x, y = predict(rng, 7), aim(rng, 7)
    named = {name: getattr(module, name) for name in module.config()}
    np.testing.assert_array_equal(FUNCTIONS[type(module)](x, y, **named), module(x, y))


@every_sample
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_gradients_agree_with_differences(make, predict, aim, reduction, rng, gradients_agree):
    module, y = make(reduction=reduction), aim(rng, 7)
    gradients_agree(lambda x: module(x, y), predict(rng, 7))


@every_sample
def test_gradients_of_gradients_agree_with_differences(make, predict, aim, rng, gradients_agree):
    module, y = make(), aim(rng, 4)
    gradients_agree(lz.grad(lambda x: module(x, y).square()), predict(rng, 4))


@every_sample
def test_floating_targets_have_a_gradient_too(make, predict, aim, rng, gradients_agree):
    y = aim(rng, 7)
    if y.dtype.kind == "f":
        gradients_agree(make(), predict(rng, 7), y)


@every_sample
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_the_traced_loss_and_its_gradient_have_the_same_bits(make, predict, aim, reduction, rng):
    module = make(reduction=reduction)
    x, y = predict(rng, 7).astype(np.float32), aim(rng, 7)

    def both(x, y):
        value = module(x, y)
        return value, lz.grad(lambda x: module(x, y).sum())(x)

    for traced, eager in zip(lz.trace(both, x, y)(x, y), both(lz.tensor(x), y), strict=True):
        np.testing.assert_array_equal(traced, eager)


@every_sample
def test_sum_and_none_are_of_one_piece(make, predict, aim, rng):
    x, y = predict(rng, 7), aim(rng, 7)
    each = make(reduction="none")(x, y)
    assert each.shape[0] == 7
    np.testing.assert_allclose(make(reduction="sum")(x, y), each.sum(), rtol=1e-14)


@every_sample
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_loss_has_the_dtype_of_the_predictions(make, predict, aim, dtype, rng):
    x = lz.tensor(predict(rng, 7), dtype=dtype, requires_grad=True)
    value = make()(x, aim(rng, 7))
    value.backward()
    assert value.dtype == x.grad.dtype == dtype


@every_sample
def test_an_empty_batch_has_the_sum_0_and_no_mean(make, predict, aim, rng):
    x, y = predict(rng, 0), aim(rng, 0)
    assert make(reduction="none")(x, y).shape[0] == 0
    assert float(make(reduction="sum")(x, y)) == 0
    assert np.isnan(float(make()(x, y)))


@every_sample
def test_nan_in_a_prediction_is_nan_in_its_loss_alone(make, predict, aim, rng):
    x, y = predict(rng, 3).copy(), aim(rng, 3)
    x[2] = np.nan
    each = make(reduction="none")(x, y).numpy()
    assert np.isnan(each[2]).all()
    assert np.isfinite(each[:2]).all()


# The square of 1e30 is infinite in float32.
@pytest.mark.parametrize(
    ("make", "predict", "aim"), [row for row in SAMPLES if row[0] is not nn.MSELoss], ids=title
)
def test_wrong_predictions_at_the_extremes_have_finite_losses_and_gradients(
    make, predict, aim, rng
):
    extremes = [0.0, 1.0, 1e-40] if predict is chances else [-1e30, 1e30, 1e3]
    x = lz.tensor(np.tile(extremes, (6, 1)), dtype="float32")
    if predict is log_shares:
        x = functional.log_softmax(x)
    x.requires_grad_()
    value = make()(x, aim(rng, 6))
    value.backward()
    assert np.isfinite(float(value))
    assert np.isfinite(x.grad).all()


@pytest.mark.parametrize("cls", CLASSES, ids=title)
def test_an_unknown_reduction_is_refused_when_the_loss_is_made(cls):
    with pytest.raises(lz.RangeError, match=r"reduction is one of 'none', .*got 'average'"):
        cls(reduction="average")


def test_the_weights_of_a_loss_are_state_of_their_own():
    weight = np.ones(3, np.float32)
    module = nn.CrossEntropyLoss(weight)
    weight[0] = 5
    assert module.state_dict()["weight"].tolist() == [1, 1, 1]
    assert not list(nn.BCEWithLogitsLoss().buffers())

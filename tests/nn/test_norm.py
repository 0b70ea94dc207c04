"""Normalisation over the batch, over features and over groups of channels."""

import re

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.nn import functional


def test_each_channel_of_a_batch_gets_mean_zero_and_variance_one():
    layer = nn.BatchNorm1d(2, eps=0)
    y = layer(np.array([[1.0, 10.0], [3.0, 30.0]]))
    np.testing.assert_allclose(y, [[-1, -1], [1, 1]])


def test_running_statistics_move_a_tenth_of_the_way_with_the_unbiased_variance():
    layer = nn.BatchNorm1d(1)
    layer(np.array([[1.0], [3.0]]))
    np.testing.assert_allclose(layer.running_mean, [0.1 * 2])
    np.testing.assert_allclose(layer.running_var, [0.9 + 0.1 * 2])  # (1 + 1) / (2 - 1)
    assert layer.num_batches_tracked.item() == 1


def test_without_momentum_the_running_mean_is_that_of_all_batches():
    layer = nn.BatchNorm1d(1, momentum=None)
    for mean in (1.0, 2.0, 6.0):
        layer(np.array([[mean - 1], [mean + 1]]))
    np.testing.assert_allclose(layer.running_mean, [3])
    np.testing.assert_allclose(layer.running_var, [2])


def test_after_eval_running_statistics_are_taken_and_stay():
    layer = nn.BatchNorm2d(1, eps=0).eval()
    layer.running_mean.fill_(1)
    layer.running_var.fill_(4)
    y = layer(np.array([[[[5.0]]]]))
    assert y.item() == (5 - 1) / 2
    assert layer.num_batches_tracked.item() == 0


def test_without_running_statistics_the_batch_is_taken_after_eval_too():
    layer = nn.BatchNorm1d(1, 0, momentum=None, affine=False, track_running_stats=False)
    for training in (True, False):
        y = layer.train(training)(np.array([[1.0], [3.0]]))
        np.testing.assert_allclose(y, [[-1], [1]])
    assert layer.state_dict() == {}


def test_running_statistics_have_no_gradient_and_keep_no_tape():
    layer = nn.BatchNorm1d(1)
    layer(lz.tensor([[1.0], [3.0]], requires_grad=True))
    assert not layer.running_mean.requires_grad


def test_parameters_and_statistics_can_be_reset():
    layer = nn.BatchNorm1d(1)
    layer.weight.fill_(7)
    layer.bias.fill_(7)
    layer(np.array([[1.0], [3.0]]))
    layer.reset_parameters()
    assert [float(x) for x in layer.state_dict().values()] == [1, 0, 0, 1, 0]
    plain = nn.BatchNorm1d(1, affine=False, track_running_stats=False)
    plain.reset_parameters()
    assert plain.state_dict() == {}


def test_a_constant_vector_becomes_the_bias(rng):
    norm = nn.LayerNorm(4)
    norm.bias.assign(rng.standard_normal(4))
    np.testing.assert_array_equal(norm(np.full((1, 4), 7.0)), [norm.bias.numpy()])


def test_layer_norm_takes_the_mean_over_all_axes_of_its_shape():
    y = nn.LayerNorm((2, 2), eps=0)(np.array([[[1.0, 1.0], [3.0, 3.0]]]))
    np.testing.assert_allclose(y, [[[-1, -1], [1, 1]]])


def test_groups_of_channels_are_normalised_apart():
    x = np.array([[1.0, 3.0, 10.0, 30.0]])
    np.testing.assert_allclose(nn.GroupNorm(2, 4, eps=0)(x), [[-1, 1, -1, 1]])


def test_rms_norm_divides_by_the_root_of_the_mean_square():
    layer = nn.RMSNorm(2, eps=0)
    layer.weight.assign(np.array([1.0, 10.0]))
    np.testing.assert_allclose(layer(np.array([[1.0, 7.0]])), [[1 / 5, 70 / 5]], rtol=1e-6)


def test_the_smallest_divisor_of_rms_norm_follows_the_dtype():
    zero = nn.RMSNorm(1, elementwise_affine=False)
    assert zero(np.zeros((1, 1))).item() == 0
    tiny = lz.tensor([[1e-12]], dtype="float64")
    assert zero(tiny).item() == pytest.approx(1e-12 / np.sqrt(2.0**-52))
    assert zero(tiny.astype("float32")).item() == pytest.approx(1e-12 / np.sqrt(2.0**-23))


@pytest.mark.parametrize("layer", [nn.LayerNorm(3), nn.GroupNorm(1, 3), nn.RMSNorm(3)])
def test_parameters_can_be_reset(layer):
    start = {name: value.numpy() for name, value in layer.state_dict().items()}
    for parameter in layer.parameters():
        parameter.fill_(7)
    layer.reset_parameters()
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(value, start[name])


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.BatchNorm1d(3).double(), (4, 3)),
        (nn.BatchNorm2d(3).double(), (2, 3, 2, 2)),
        (nn.BatchNorm2d(3).double().eval(), (2, 3, 2, 2)),
        (nn.LayerNorm((3, 2)).double(), (4, 3, 2)),
        (nn.GroupNorm(2, 4).double(), (3, 4, 5)),
        (nn.RMSNorm(5).double(), (3, 5)),
    ],
    ids=str,
)
def test_gradients_agree_with_differences(layer, shape, rng, gradients_agree):
    gradients_agree(layer, rng.standard_normal(shape))


def test_second_derivatives_pass_through_the_statistics(rng):
    layer = nn.BatchNorm1d(2, track_running_stats=False).double()
    x = rng.standard_normal((4, 2))
    direction = lz.tensor(rng.standard_normal((4, 2)))

    def slope(x):
        return (lz.grad(lambda z: (layer(z) ** 3).sum())(x) * direction).sum()

    found = (lz.grad(slope)(lz.tensor(x)) * direction).sum().item()
    step = 1e-5
    moved = [slope(lz.tensor(x + s * direction.numpy())).item() for s in (step, -step)]
    assert found == pytest.approx((moved[0] - moved[1]) / (2 * step), rel=1e-6)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.BatchNorm1d(3), (1, 3), "needs 2 numbers or more a channel, got (1, 3) with 1"),
        (nn.BatchNorm1d(3), (0, 3), "got (0, 3) with 0: use larger batches (drop_last=True"),
        (nn.BatchNorm1d(3), (2, 4), "expects 3 channels on axis 1, got (2, 4) with 4"),
        (nn.BatchNorm1d(3), (2, 3, 4, 4), "expects (N, C) or (N, C, L), got 4 axes"),
        (nn.BatchNorm2d(3), (2, 3), "expects (N, C, H, W), got 2 axes: (2, 3)"),
        (nn.LayerNorm(3), (3, 4), "expects an input that ends with (3,), got (3, 4)"),
        (nn.LayerNorm((3, 4)), (4,), "expects an input that ends with (3, 4), got (4,)"),
        (nn.RMSNorm(3), (3, 4), "expects an input that ends with (3,), got (3, 4)"),
        (nn.GroupNorm(1, 3), (2, 4, 3), "expects (N, 3, ...), got (2, 4, 3)"),
    ],
)
def test_inputs_that_do_not_fit_are_explained(layer, shape, message):
    with pytest.raises(lz.ShapeError, match=re.escape(message)):
        layer(np.zeros(shape))


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: nn.BatchNorm1d(0), lz.RangeError, "num_features must be 1 or more"),
        (lambda: nn.BatchNorm1d(3, eps=-1), lz.RangeError, "eps must be 0 or more, got -1"),
        (lambda: nn.BatchNorm1d(3, momentum=2), lz.RangeError, "momentum must be in [0, 1], got 2"),
        (lambda: nn.LayerNorm(()), lz.ShapeError, "normalized_shape names the length of one axis"),
        (lambda: nn.LayerNorm(2.0), lz.KindError, "normalized_shape is a whole number, got 2.0"),
        (lambda: nn.GroupNorm(3, 4), lz.RangeError, "num_channels must be a multiple of num_group"),
        (lambda: nn.RMSNorm(3, eps="x"), lz.KindError, "eps is a number, got 'x'"),
    ],
)
def test_wrong_arguments_are_named(make, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        make()


def test_functions_convert_the_input():
    assert functional.layer_norm([1, 3], 2).dtype == np.float32
    assert functional.group_norm(np.ones((1, 2)), 1, lz.ones(2)).dtype == np.float32


def test_running_statistics_are_tensors_for_an_array_would_not_be_kept():
    statistics = np.zeros(3), np.ones(3)
    with pytest.raises(lz.KindError, match="running statistics are tensors"):
        functional.batch_norm(np.ones((2, 3)), *statistics, training=True)


def test_weights_may_be_arrays_and_integers_do_not_cut_the_input():
    y = functional.layer_norm([[0.5, 1.5]], 2, np.array([2, 2]), [1, 1], eps=0.0)
    np.testing.assert_array_equal(y, [[-1, 3]])


@pytest.mark.parametrize(
    "call",
    [
        lambda: functional.group_norm(np.ones(3), 1),
        lambda: functional.batch_norm(np.ones(3), None, None),
        # These would broadcast.
        lambda: functional.batch_norm(np.ones((2, 3)), None, None, lz.ones(1)),
        lambda: functional.batch_norm(np.ones((2, 3)), lz.ones(1), lz.ones(3)),
        lambda: functional.layer_norm(np.ones((2, 3)), 3, None, lz.ones((2, 3))),
        lambda: functional.rms_norm(np.ones((2, 3)), 3, lz.ones(1)),
        lambda: functional.group_norm(np.ones((2, 4)), 2, lz.ones(1)),
    ],
)
def test_functions_refuse_what_does_not_fit(call):
    with pytest.raises(lz.ShapeError, match="expects"):
        call()

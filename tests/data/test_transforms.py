import numpy as np
import pytest

from lunzi.core.errors import KindError, RangeError, ShapeError
from lunzi.data.keys import sample_keys
from lunzi.data.transforms import Compose, Normalize, RandomAffine

ALL = RandomAffine(10, translate=(0.1, 0.1), scale=(0.9, 1.1), shear=5)


def keys(count):
    return sample_keys(0, 0, np.arange(count))


def test_an_affine_map_without_range_changes_nothing(rng):
    images = rng.random((3, 2, 5, 4))
    np.testing.assert_array_equal(RandomAffine(0)(images, keys(3)), images)


def test_a_quarter_turn_is_clockwise(rng):
    images = rng.random((3, 1, 5, 5))
    turned = RandomAffine((90, 90))(images, keys(3))
    np.testing.assert_allclose(turned, np.rot90(images, -1, axes=(2, 3)), atol=1e-12)


def test_half_the_scale_takes_every_second_pixel():
    # Of 5 pixels the centre is 2; pixel 2 + d comes from pixel 2 + 2 d.
    row = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    image = np.tile(row, (5, 1))[None]
    smaller = RandomAffine(0, scale=(0.5, 0.5), fill=9)(image, keys(1))
    np.testing.assert_allclose(smaller[0, 2], [9, 1, 3, 5, 9], atol=1e-12)


def test_a_positive_shear_moves_the_upper_half_to_the_right():
    image = np.zeros((1, 3, 5))
    image[:, :, 2] = 1
    slanted = RandomAffine(0, shear=(45, 45))(image, keys(1))
    np.testing.assert_allclose(
        slanted[0], [[0, 0, 0, 1, 0], [0, 0, 1, 0, 0], [0, 1, 0, 0, 0]], atol=1e-12
    )


def test_shifts_reach_as_far_as_asked_and_no_further():
    _, shift = RandomAffine(0, translate=(0.5, 0.25)).draw(keys(2000), height=8, width=20)
    # the largest shifts are 0.5 * 20 and 0.25 * 8
    np.testing.assert_allclose(np.abs(shift).max(axis=0), [10, 2], rtol=0.01)
    assert (np.abs(shift) <= [10, 2]).all()


def test_half_a_pixel_is_interpolated_between_neighbours():
    class HalfToTheRight(RandomAffine):
        def draw(self, keys, height, width):
            inverse, _ = super().draw(keys, height, width)
            return inverse, np.tile([0.5, 0.0], (len(keys), 1))

    moved = HalfToTheRight(0)(np.array([[[0.0, 4.0, 8.0]]]), keys(1))
    np.testing.assert_allclose(moved, [[[0, 2, 6]]])


def test_a_sample_is_changed_in_the_same_way_whatever_the_batch(rng):
    images = rng.random((6, 1, 8, 8), np.float32)
    together = ALL(images, keys(6))
    apart = np.concatenate([ALL(images[:2], keys(6)[:2]), ALL(images[2:], keys(6)[2:])])
    np.testing.assert_array_equal(together, apart)


def test_samples_differ_from_each_other(rng):
    images = np.repeat(rng.random((1, 8, 8)), 3, axis=0)
    first, second, third = ALL(images, keys(3))
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third)


def test_pictures_without_a_channel_axis_are_changed_like_those_with_one(rng):
    images = rng.random((4, 7, 9))
    np.testing.assert_array_equal(ALL(images, keys(4)), ALL(images[:, None], keys(4))[:, 0])


@pytest.mark.parametrize(
    ("dtype", "result"), [("u1", "f4"), ("f2", "f4"), ("f4", "f4"), ("f8", "f8")]
)
def test_the_result_is_float32_unless_the_input_was_float64(dtype, result):
    images = np.ones((2, 4, 4), dtype)
    assert ALL(images, keys(2)).dtype == Normalize(0, 1)(images, keys(2)).dtype == np.dtype(result)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"degrees": -5}, "degrees must be a number >= 0 or"),
        ({"degrees": (5, -5)}, "degrees must be a number >= 0 or"),
        ({"degrees": 0, "shear": 95}, "shear must be within"),
        ({"degrees": 0, "translate": (0.1, 1.5)}, "translate must be two shares"),
        ({"degrees": 0, "scale": (0, 1)}, "scale must be"),
        ({"degrees": 0, "scale": (1.2, 0.8)}, "scale must be"),
    ],
)
def test_arguments_outside_their_range_are_refused(arguments, message):
    with pytest.raises(RangeError, match=message):
        RandomAffine(**arguments)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomAffine("5"), "degrees is a number, got '5'"),
        (lambda: RandomAffine(0, translate=0.1), "translate is two numbers, got 0.1"),
        (lambda: RandomAffine(0, scale=("a", 1)), r"scale\[0\] is a number, got 'a'"),
        (lambda: RandomAffine(0, fill=None), "fill is a number, got None"),
        (lambda: Normalize("x", 1), "mean must be numbers"),
        (lambda: Compose(3), "transforms are several in a list, got 3"),
        (lambda: Compose([3]), "a transform is a function of images and keys, got 3"),
        (lambda: ALL([[1]], keys(1)), "images are a NumPy array of numbers, got list"),
        (lambda: ALL(np.zeros((1, 8, 8)), [1]), "keys are those of lunzi.data.keys.*got list"),
    ],
)
def test_arguments_of_another_kind_are_refused(make, message):
    with pytest.raises(KindError, match=message):
        make()


def test_a_single_picture_is_refused_with_the_way_to_make_it_a_batch():
    with pytest.raises(ShapeError, match=r"images\[None\]"):
        ALL(np.zeros((8, 8)), keys(8))


def test_a_wrong_number_of_keys_is_refused():
    with pytest.raises(ShapeError, match="got 3 keys for 2"):
        ALL(np.zeros((2, 8, 8)), keys(3))


def test_normalize_shifts_and_scales_each_channel():
    images = np.stack([np.full((2, 2), 3.0), np.full((2, 2), 10.0)])[None]
    result = Normalize([1, 2], [2, 4])(images, keys(1))
    np.testing.assert_array_equal(result[0, :, 0, 0], [1, 2])


def test_normalize_refuses_another_number_of_channels():
    with pytest.raises(ShapeError, match="3 numbers in mean, but the images have 1 channels"):
        Normalize([1, 2, 3], 1)(np.zeros((2, 4, 4)), keys(2))


def test_normalize_refuses_a_zero_deviation():
    with pytest.raises(RangeError, match="std must be above 0"):
        Normalize(0, [1, 0])


def test_normalize_refuses_what_is_no_number_per_channel():
    with pytest.raises(RangeError, match="mean must be a finite number or one for each channel"):
        Normalize([[0.5]], 1)


def test_composed_transforms_have_random_numbers_of_their_own(rng):
    images = np.repeat(rng.random((1, 9, 9)), 2, axis=0)
    turn = RandomAffine(90)
    seen = []

    def spy(images, keys):
        seen.append(keys.copy())
        return images

    Compose([spy, turn, spy])(images, keys(2))
    assert not np.isin(seen[0], seen[1]).any()


def test_transforms_print_as_they_are_written():
    assert repr(Compose([Normalize(0.5, 2)])) == "Compose([Normalize(mean=[0.5], std=[2.0])])"

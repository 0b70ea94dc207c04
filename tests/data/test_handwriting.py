import json

import numpy as np
import pytest
from PIL import Image

from lunzi.core.errors import FileFormatError, KindError, RangeError, ShapeError
from lunzi.data.digits import load_digits
from lunzi.data.handwriting import DigitPreprocessing, digit_picture
from lunzi.data.idx import read_idx
from lunzi.data.images import read_image


def page(height=200, width=150, ink=0.0, paper=255.0):
    """A page with a thick ring on it, as a function of its size."""
    y, x = np.mgrid[0:height, 0:width]
    distance = np.hypot((y - height / 2) / 60, (x - width / 2) / 40)
    return np.where((distance > 0.7) & (distance < 1), ink, paper)


RING = digit_picture(page())


def ring_like(counts):
    return np.abs(counts.astype(int) - RING).mean()


def test_counts_are_like_those_of_the_uci_digits():
    assert (RING.shape, RING.dtype) == ((8, 8), np.uint8)
    assert RING.max() == 16
    assert RING[:, 0].max() == 0
    assert RING[3:5, 3:5].max() <= 4
    # 36 % of the bitmap of 32 x 32
    assert RING.sum() == pytest.approx(0.36 * 1024, rel=0.02)


def test_light_on_dark_gives_the_same_as_dark_on_light():
    np.testing.assert_array_equal(digit_picture(255 - page()), RING)


def test_faint_ink_gives_the_same_as_dark_ink():
    assert ring_like(digit_picture(page(ink=180))) == 0


def test_a_shift_on_the_page_changes_nothing():
    assert ring_like(digit_picture(np.roll(page(), (20, -15), axis=(0, 1)))) == 0


def test_the_size_of_the_page_hardly_matters():
    wide = np.full((900, 1400), 255.0)
    wide[100:300, 600:750] = page()
    assert ring_like(digit_picture(wide)) < 1


def test_uneven_light_hardly_matters():
    shade = np.linspace(0, 120, 150)[None, :] + np.linspace(0, 60, 200)[:, None]
    assert ring_like(digit_picture(page(ink=-60) - shade + 60)) < 0.5


def test_grain_of_the_paper_hardly_matters(rng):
    assert ring_like(digit_picture(page() * 0.5 + rng.normal(0, 8, (200, 150)))) < 0.5


def test_specks_of_dirt_are_cleaned_away():
    dirty = page()
    dirty[3:6, 3:6] = dirty[190:194, 140:143] = 0
    assert ring_like(digit_picture(dirty)) < 0.5


def test_a_slant_is_taken_out():
    upright, slanted = np.full((100, 100), 255.0), np.full((100, 100), 255.0)
    for row in range(20, 80):
        upright[row, 45:55] = 0
        slanted[row, 45 + (50 - row) // 3 : 55 + (50 - row) // 3] = 0
    np.testing.assert_allclose(
        digit_picture(slanted).astype(int), digit_picture(upright).astype(int), atol=2
    )


def test_colour_is_read_by_its_lightness():
    colour = np.stack([page(paper=255), page(paper=220), page(paper=230)], axis=-1)
    assert ring_like(digit_picture(colour)) == 0


@pytest.mark.parametrize("size", [(1, 40), (40, 1), (2, 2), (3, 300), (9, 9)])
def test_strange_sizes_are_drawn_without_failing(size, rng):
    assert digit_picture(rng.integers(0, 256, size)).max() <= 16


def test_a_dash_stays_flat_and_a_filled_square_stays_full():
    dash = np.full((50, 100), 255)
    dash[24:27, 10:90] = 0
    counts = digit_picture(dash)
    assert counts[:2].max() == counts[-2:].max() == 0
    block = np.full((60, 60), 255)
    block[10:50, 10:50] = 0
    assert digit_picture(block)[:, 2:6].min() == 16


@pytest.mark.parametrize("tone", [0, 128, 255])
def test_an_even_picture_is_refused(tone):
    with pytest.raises(FileFormatError, match=r"photo\.png shows nothing"):
        digit_picture(np.full((28, 28), tone), source="photo.png")


@pytest.mark.parametrize("shape", [(8,), (2, 8, 8), (8, 8, 4), (0, 8)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ShapeError, match=r"a picture must be \(H, W\) or \(H, W, 3\)"):
        digit_picture(np.zeros(shape))


def test_numbers_that_are_not_finite_are_refused():
    with pytest.raises(RangeError, match="finite"):
        digit_picture(np.full((8, 8), np.nan))


def test_json_and_back_gives_the_same_preprocessing():
    how = DigitPreprocessing(ink=0.3, blur=0, width=20)
    assert DigitPreprocessing.from_json(json.loads(json.dumps(how.to_json()))) == how


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ink": 2}, "run.json.ink must be 0.01 ... 0.99, got 2"),
        ({"width": 20.5}, "run.json.width must be 4 ... 32, got 20.5"),
        ({"kind": "table"}, "run.json.kind must be 'digit'"),
        ({"colour": 1}, "the field colour is not known"),
    ],
)
def test_damaged_json_is_named(change, message):
    with pytest.raises(FileFormatError, match=message):
        DigitPreprocessing.from_json({**DigitPreprocessing().to_json(), **change}, "run.json")


def test_parameters_outside_their_range_are_refused():
    with pytest.raises(RangeError, match=r"ink must be in \[0.01, 0.99\], got 1"):
        DigitPreprocessing(ink=1)


def test_mnist_pictures_are_recognised_by_their_nearest_uci_digit(shared_data, tmp_path):
    pictures = read_idx(shared_data("mnist/t10k-images-idx3-ubyte.gz"))[:1000]
    labels = read_idx(shared_data("mnist/t10k-labels-idx1-ubyte.gz"))[:1000]
    counts = []
    for number, pixels in enumerate(pictures):
        path = tmp_path / "photo.png"
        Image.fromarray(255 - pixels if number % 2 else pixels).save(path)
        counts.append(digit_picture(read_image(path, colour=False)))
    images, targets = load_digits()
    known, seen = images.reshape(-1, 64).astype(float), np.reshape(counts, (-1, 64)).astype(float)
    # |a - b|^2 without |a|^2, which is the same for all b
    nearest = ((known**2).sum(axis=1) - 2 * seen @ known.T).argmin(axis=1)
    assert (targets[nearest] == labels).mean() > 0.75


def test_what_is_no_picture_is_refused():
    with pytest.raises(KindError, match="a picture is made of numbers"):
        digit_picture("photo.png")
    with pytest.raises(KindError, match=r"largest is a whole number, got 64\.5"):
        DigitPreprocessing(largest=64.5)

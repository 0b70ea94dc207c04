import base64
import io

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from lunzi.core.errors import RangeError, ShapeError
from lunzi.report.pictures import Pictures


def shown(pictures, parse, index=0):
    (image,) = parse(pictures.show(index, "words").markup).all("img")
    png = base64.b64decode(image.attributes["src"].removeprefix("data:image/png;base64,"))
    return image.attributes, np.array(Image.open(io.BytesIO(png)))


def test_values_become_greys_between_black_and_white(parse):
    _, pixels = shown(Pictures(np.array([[[0.0, 0.5, 1.0, 2.0, -1.0]]])), parse)
    assert_array_equal(pixels, [[0, 128, 255, 255, 0]])


def test_dark_ink_on_light_paper_has_white_below_black(parse):
    _, pixels = shown(Pictures(np.array([[[0, 16, 8]]]), black=16, white=0), parse)
    assert_array_equal(pixels, [[255, 0, 128]])


def test_a_channel_axis_may_be_there(parse):
    pixels = np.arange(12, dtype=np.uint8).reshape(1, 1, 3, 4)
    assert_array_equal(shown(Pictures(pixels, white=255), parse)[1], pixels[0, 0])


def test_three_channels_are_colours(parse):
    pixels = np.arange(36, dtype=np.uint8).reshape(1, 3, 3, 4)
    _, seen = shown(Pictures(pixels, white=255), parse)
    assert_array_equal(seen, np.moveaxis(pixels[0], 0, -1))


def test_a_pixel_that_is_no_number_is_black(parse):
    assert_array_equal(shown(Pictures(np.array([[[np.nan, 1.0]]])), parse)[1], [[0, 255]])


def test_a_small_picture_is_crisp_and_has_words(parse):
    attributes, _ = shown(Pictures(np.zeros((1, 8, 8))), parse)
    assert attributes["class"] == "pixels"
    assert attributes["alt"] == "words"
    assert (attributes["width"], attributes["height"]) == ("8", "8")


def test_a_large_picture_is_made_smaller(parse):
    attributes, pixels = shown(Pictures(np.zeros((1, 400, 200))), parse)
    assert pixels.shape == (96, 48)
    assert attributes["class"] == "photo"


@pytest.mark.parametrize("shape", [(8, 8), (2, 2, 8, 8), (1, 0, 8), (1, 1, 1, 8, 8)])
def test_refuses_other_shapes(shape):
    with pytest.raises(ShapeError, match="pixels must be"):
        Pictures(np.zeros(shape))


def test_refuses_a_range_of_nothing():
    with pytest.raises(RangeError, match="must differ"):
        Pictures(np.zeros((1, 8, 8)), black=1, white=1)

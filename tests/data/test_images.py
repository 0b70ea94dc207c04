import io
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lunzi.core.errors import (
    FileFormatError,
    KindError,
    LunziError,
    MissingFileError,
    RangeError,
    ShapeError,
)
from lunzi.data import images
from lunzi.data.images import parse_image, read_image, read_image_folder, resize


def encoded(image, kind="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def grey(values, **options):
    return Image.fromarray(np.array(values, np.uint8), **options)


@pytest.fixture
def folder(tmp_path):
    """Two classes with two pictures and one, and things that do not count."""
    for name, count in (("b 类", 1), ("a", 2)):
        (tmp_path / name).mkdir()
        for i in range(count):
            grey(np.full((4, 6), 10 * i)).save(tmp_path / name / f"{i}.png")
    (tmp_path / ".git").mkdir()
    (tmp_path / "a" / ".DS_Store").write_bytes(b"x")
    return tmp_path


def test_colours_are_red_green_blue(tmp_path):
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    Image.fromarray(pixels).save(tmp_path / "图.png")
    np.testing.assert_array_equal(read_image(tmp_path / "图.png"), pixels)
    assert read_image(tmp_path / "图.png", colour=False).shape == (2, 4)


def test_the_picture_is_turned_as_the_camera_says():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter clockwise
    content = encoded(grey([[1, 2, 3], [4, 5, 6]]), exif=exif)
    assert parse_image(content, "a.png", colour=False).tolist() == [[4, 1], [5, 2], [6, 3]]


@pytest.mark.parametrize(
    ("background", "expected"), [(255, [255, 0]), (0, [0, 0]), (None, [255, 0])]
)
def test_transparent_parts_show_the_background(background, expected):
    image = Image.fromarray(np.array([[[0, 0], [0, 255]]], np.uint8), "LA")
    pixels = parse_image(encoded(image), "a.png", colour=False, background=background)
    assert pixels.tolist() == [expected]


def test_light_ink_on_a_transparent_background_stays_visible():
    image = Image.fromarray(np.array([[[255, 0], [255, 255]]], np.uint8), "LA")
    pixels = parse_image(encoded(image), "a.png", colour=False, background=None)
    assert pixels.tolist() == [[0, 255]]


def test_a_transparent_colour_of_a_palette_shows_the_background():
    image = grey([[0, 200]]).convert("P")
    content = encoded(image, "GIF", transparency=int(np.asarray(image)[0, 0]))
    assert parse_image(content, "a.gif", colour=False)[0, 0] == 255


def test_sixteen_bits_are_scaled_to_eight():
    image = Image.fromarray(np.array([[0, 257, 25_700, 65_535]], np.uint16))
    assert parse_image(encoded(image), "a.png", colour=False).tolist() == [[0, 1, 100, 255]]


def test_grey_values_that_are_no_16_bits_are_refused():
    image = Image.fromarray(np.array([[0, 70_000]], np.int32))
    with pytest.raises(FileFormatError, match=r"grey values from 0.0 to 70000.0"):
        parse_image(encoded(image, "TIFF"), "a.tiff")


def test_cmyk_becomes_rgb():
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    red, green, blue = parse_image(encoded(image, "TIFF"), "a.tiff")[0, 0]
    assert red > 200
    assert max(green, blue) < 60


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F"])
def test_every_mode_becomes_three_colours(mode):
    content = encoded(Image.new(mode, (5, 3)), "TIFF")
    assert parse_image(content, "a.tiff").shape == (3, 5, 3)


@pytest.mark.parametrize(
    "content",
    [
        b"GIF89a",
        b"no picture",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        encoded(grey(np.zeros((50, 50))))[:-40],
        encoded(grey(np.arange(10_000).reshape(100, 100) % 251), "JPEG")[:1000],
    ],
)
def test_damaged_files_and_other_kinds_are_named(content):
    with pytest.raises(FileFormatError, match=r"a.png cannot be read as a picture"):
        parse_image(content, "a.png")


def test_a_header_that_claims_a_huge_picture_costs_no_memory():
    content = bytearray(encoded(grey([[0]])))
    for side in (20_000, 2**31 - 1):
        content[16:24] = side.to_bytes(4, "big") * 2
        content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
        with pytest.raises(FileFormatError, match=r"pixels; at most|cannot be read"):
            parse_image(bytes(content), "a.png")


def test_a_picture_with_too_many_pixels_is_refused(monkeypatch):
    monkeypatch.setattr(images, "MOST_PIXELS", 5)
    with pytest.raises(FileFormatError, match="has 3 x 2 pixels; at most 5 are read"):
        parse_image(encoded(grey([[0] * 3] * 2)), "a.png")


BASES = [
    encoded(grey(np.arange(64).reshape(8, 8)), kind)
    for kind in ("PNG", "BMP", "GIF", "TIFF", "PPM")
] + [encoded(Image.new("RGB", (8, 8), (9, 99, 200)), kind) for kind in ("JPEG", "WEBP")]


@settings(deadline=None, max_examples=400)
@given(
    base=st.sampled_from(BASES),
    cut=st.integers(0, 100),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4),
)
def test_only_our_own_errors_come_from_damaged_bytes(base, cut, changes):
    content = bytearray(base[: max(len(base) - cut, 1)])
    for place, value in changes:
        if place < len(content):
            content[place] = value
    try:
        pixels = parse_image(bytes(content), "a.png")
    except LunziError:
        return
    assert (pixels.ndim, pixels.dtype) == (3, np.uint8)


def test_resizing_takes_mean_values():
    assert resize(np.array([[0, 100], [100, 200]], np.uint8), 1, 1).tolist() == [[100]]


def test_a_folder_for_each_class_is_read_in_sorted_order(folder):
    result = read_image_folder(folder)
    assert result.classes == ("a", "b 类")
    assert result.targets.tolist() == [0, 0, 1]
    assert [path.name for path in result.paths] == ["0.png", "1.png", "0.png"]
    assert result.images.shape == (3, 3, 4, 6)
    assert result.images[:, 0, 0, 0].tolist() == [0, 10, 0]
    assert result.unreadable == ()


def test_pictures_of_a_folder_are_brought_to_one_size(folder):
    grey(np.zeros((9, 9))).save(folder / "a" / "2.png")
    assert read_image_folder(folder, (5, 7), colour=False).images.shape == (4, 1, 5, 7)
    with pytest.raises(
        ShapeError, match=r"2.png has 9 x 9 pixels, but .*0.png has 6 x 4: give one"
    ):
        read_image_folder(folder)


def test_files_that_cannot_be_read_are_listed(folder):
    (folder / "a" / "broken.png").write_bytes(b"no picture")
    (folder / "a" / "inner").mkdir()
    (folder / "notes.txt").write_text("hello")
    result = read_image_folder(folder)
    assert [path.name for path, _ in result.unreadable] == ["notes.txt", "broken.png", "inner"]
    assert "cannot be read as a picture" in result.unreadable[1].reason
    assert "is a folder" in result.unreadable[2].reason
    assert len(result.targets) == 3


def test_a_class_without_pictures_is_refused(folder):
    (folder / "c").mkdir()
    (folder / "c" / "x.png").write_bytes(b"?")
    with pytest.raises(FileFormatError, match=r"class c holds no picture .* \(1 of its files"):
        read_image_folder(folder)


def test_folders_that_hold_no_classes_are_refused(tmp_path):
    with pytest.raises(FileFormatError, match="holds no folders: one folder of pictures"):
        read_image_folder(tmp_path)
    with pytest.raises(MissingFileError, match="does not exist"):
        read_image_folder(tmp_path / "none")


def test_a_size_that_cannot_be_is_refused(folder):
    for size, error, message in [
        ((0, 5), RangeError, "height must be 1 or more, got 0"),
        (5, RangeError, r"size must be \(height, width\)"),
        ((5, "x"), KindError, "width is a whole number, got 'x'"),
        ((10**5, 10**5), RangeError, "pictures have 50,000,000 pixels at most"),
    ]:
        with pytest.raises(error, match=message):
            read_image_folder(folder, size)


def test_settings_that_cannot_be_are_refused(folder):
    picture = next(folder.rglob("*.png"))
    for arguments, error, message in [
        ({"colour": "grey"}, KindError, "colour is True or False, got 'grey'"),
        ({"background": 256}, RangeError, "background is a grey in 0 ... 255, got 256"),
        ({"background": -1}, RangeError, "background must be 0 or more"),
    ]:
        with pytest.raises(error, match=message):
            read_image(picture, **arguments)

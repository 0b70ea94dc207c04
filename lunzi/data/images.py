"""Pictures from files, one by one or from one folder for each class."""

import io
import os
import struct
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from lunzi.core.arguments import whole_number
from lunzi.core.errors import FileFormatError, MissingFileError, RangeError, ShapeError
from lunzi.core.spec import as_flag
from lunzi.data.reading import FilePath, as_path, read_whole
from lunzi.messages import text

# Others that pillow knows run programs (EPS) or are hardly ever pictures to learn from.
KINDS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
MOST_PIXELS = 50_000_000

# What pillow raises on damaged files, beside its own UnidentifiedImageError, which is an OSError.
DAMAGE = (
    *(OSError, EOFError, SyntaxError, struct.error, zlib.error),
    *(ValueError, TypeError, KeyError, IndexError, OverflowError, RuntimeError),
    *(Image.DecompressionBombError, Image.DecompressionBombWarning),
)

Picture = NDArray[np.uint8]


class Unreadable(NamedTuple):
    """A file that was left out, and a sentence that says why."""

    path: Path
    reason: str


@dataclass(frozen=True, eq=False)
class ImageFolder:
    """Pictures of classes, read from one folder for each class.

    Attributes:
        classes: names of the folders, sorted; targets are their positions.
        unreadable: files that could not be used; never passed over in silence.

    Shapes:
        images (N, 3, H, W) or (N, 1, H, W) uint8; targets (N,) int64; paths, one for each image
    """

    images: Picture
    targets: NDArray[np.int64]
    classes: tuple[str, ...]
    paths: tuple[Path, ...]
    unreadable: tuple[Unreadable, ...]


def read_image(path: FilePath, *, colour: bool = True, background: int | None = 255) -> Picture:
    """Read a picture file: BMP, GIF (first frame), JPEG, PNG, PPM, TIFF (first page) or WebP.

    It is turned as the camera says (EXIF); CMYK and palettes become RGB; 16 bits become 8.

    Args:
        colour: red, green and blue; else one grey.
        background: grey value behind transparent parts; None for black or white, whichever
            stands out from what is opaque.

    Shapes:
        -> (H, W, 3), or (H, W) for grey; uint8 in 0 ... 255

    Raises:
        MissingFileError: when there is no such file.
        FileFormatError: when it is empty, damaged, no picture, or has over 50 million pixels.
    """
    return parse_image(read_whole(path), str(path), colour=colour, background=background)


def parse_image(
    content: bytes, source: str, *, colour: bool = True, background: int | None = 255
) -> Picture:
    """The picture in the bytes of a file; `source` names it in errors. See `read_image`."""
    is_colour = as_flag(colour, "colour")
    if background is not None and whole_number("background", background, 0) > 255:
        raise RangeError(f"background is a grey in 0 ... 255, got {background}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pillow: about damage that it could mend
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=KINDS)
            _refuse_too_large(image, source)
            image.load()
            upright = ImageOps.exif_transpose(image)
            plain = _eight_bits(_opaque(upright, background), source)
            return np.array(plain.convert("RGB" if is_colour else "L"))
    except FileFormatError:
        raise
    except DAMAGE as error:
        kinds = ", ".join(KINDS)
        reason = str(error).rstrip(".") or type(error).__name__
        raise FileFormatError(
            text("data.not_an_image", path=source, kinds=kinds, reason=reason)
        ) from None


def _check_size(size: Any) -> None:
    if not isinstance(size, tuple | list) or len(size) != 2:
        raise RangeError(f"size must be (height, width), both at least 1, got {size!r}")
    height, width = whole_number("height", size[0]), whole_number("width", size[1])
    if height * width > MOST_PIXELS:
        raise RangeError(f"pictures have {MOST_PIXELS:,} pixels at most, got size {size}")


def resize(picture: Picture, height: int, width: int) -> Picture:
    """Bring a picture to another size: mean values when it shrinks, bilinear when it grows.

    Shapes:
        picture (H, W) or (H, W, 3) -> (height, width) or (height, width, 3)
    """
    return np.array(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))


def read_image_folder(
    folder: FilePath, size: tuple[int, int] | None = None, *, colour: bool = True
) -> ImageFolder:
    """Read pictures that lie in one folder for each class: `folder/cat/a.png`, ...

    Hidden files and folders (a name that begins with a dot) do not count.

    Args:
        size: height and width to which each picture is brought, without keeping its aspect; None
            when all pictures have the same size.
        colour: red, green and blue; else one grey.

    Raises:
        MissingFileError: when there is no such folder.
        FileFormatError: when there are no folders in it, or one of them has no readable picture.
        ShapeError: when the pictures differ in size and none was given.
    """
    if size is not None:
        _check_size(size)
    root = as_path(folder)
    pictures: list[Picture] = []
    paths: list[Path] = []
    targets: list[int] = []
    class_folders, unreadable = _class_folders(root)
    for target, class_folder in enumerate(class_folders):
        found = len(pictures)
        for path in _visible(class_folder):
            try:
                picture = read_image(path, colour=colour)
            except (FileFormatError, PermissionError) as error:
                unreadable.append(Unreadable(path, str(error)))
                continue
            pictures.append(picture if size is None else resize(picture, *size))
            paths.append(path)
        targets += [target] * (len(pictures) - found)
        if len(pictures) == found:
            count = len(_visible(class_folder))
            raise FileFormatError(
                text(
                    "data.empty_class_folder",
                    path=class_folder,
                    name=class_folder.name,
                    unreadable=count,
                )
            )
    return ImageFolder(
        _channels_first(pictures, paths),
        np.array(targets, np.int64),
        tuple(class_folder.name for class_folder in class_folders),
        tuple(paths),
        tuple(unreadable),
    )


def _class_folders(root: Path) -> tuple[list[Path], list[Unreadable]]:
    """The folders of the classes; files beside them are no picture of any class."""
    if not root.is_dir():
        raise MissingFileError(text("data.missing_folder", path=root))
    inside = _visible(root)
    folders = [path for path in inside if path.is_dir()]
    if not folders:
        raise FileFormatError(text("data.no_class_folders", path=root))
    outside = [path for path in inside if not path.is_dir()]
    return folders, [
        Unreadable(path, text("data.outside_class_folders", path=path)) for path in outside
    ]


def _visible(folder: Path) -> list[Path]:
    names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    return [folder / name for name in names]


def _channels_first(pictures: Sequence[Picture], paths: Sequence[Path]) -> Picture:
    for picture, path in zip(pictures, paths, strict=True):
        if picture.shape != pictures[0].shape:
            raise ShapeError(
                f"{path} has {picture.shape[1]} x {picture.shape[0]} pixels, but {paths[0]} has "
                f"{pictures[0].shape[1]} x {pictures[0].shape[0]}: give one size for all, for "
                "instance size=(32, 32)"
            )
    images = np.stack(pictures)
    if images.ndim == 3:
        return images[:, None]  # (N, 1, H, W)
    return np.ascontiguousarray(np.moveaxis(images, -1, 1))  # (N, 3, H, W)


def _refuse_too_large(image: Image.Image, source: str) -> None:
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise FileFormatError(
            text("data.image_too_large", path=source, width=width, height=height, most=MOST_PIXELS)
        )


def _opaque(image: Image.Image, background: int | None) -> Image.Image:
    """The picture on a background, where parts of it are transparent."""
    if not image.has_transparency_data:
        return image
    layered = image.convert("RGBA")
    if background is None:
        grey, alpha = np.array(image.convert("LA"))[..., 0], np.array(layered)[..., 3]
        weight = alpha.sum(dtype=np.float64) or 1.0
        mean = (grey * alpha.astype(np.float64)).sum() / weight
        background = 255 if mean < 128 else 0
    paper = Image.new("RGBA", image.size, (background, background, background, 255))
    return Image.alpha_composite(paper, layered).convert("RGB")


def _eight_bits(image: Image.Image, source: str) -> Image.Image:
    """Scale 16 bits to 8: pillow's own conversion would cut all light tones to white."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.array(image, np.float64)
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 65535):
        raise FileFormatError(text("data.image_range", path=source, low=low, high=high))
    return Image.fromarray(np.round(values / 257).astype(np.uint8))

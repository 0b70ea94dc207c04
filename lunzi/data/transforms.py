"""Changes of whole batches of images: random affine maps, normalisation, chains of them.

A transform is called with a batch and one key per sample. All randomness comes from the keys, so
a sample is changed in the same way whichever samples stand beside it. `DataLoader` gives the keys
of (seed, epoch, sample); `lunzi.data.keys.uniform` turns them into numbers.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lunzi.core.arguments import listed, real_number
from lunzi.core.errors import KindError, RangeError, ShapeError
from lunzi.data.keys import Keys, derive, uniform

Images = NDArray[Any]
Range = tuple[float, float]


class Transform(Protocol):
    """Changes a batch: `images` (B, ...), with `keys` (B,) as the only source of chance."""

    def __call__(self, images: Images, keys: Keys, /) -> Images: ...


class Compose:
    """Apply transforms one after the other, each with random numbers of its own."""

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = tuple(listed("transforms", transforms))
        for transform in self.transforms:
            if not callable(transform):
                raise KindError(f"a transform is a function of images and keys, got {transform!r}")

    def __call__(self, images: Images, keys: Keys) -> Images:
        for position, transform in enumerate(self.transforms):
            images = transform(images, derive(keys, position))
        return images

    def __repr__(self) -> str:
        return f"Compose([{', '.join(map(repr, self.transforms))}])"


class Normalize:
    """Shift and scale each channel.

        y = (x - mean) / std

    Args:
        mean: one number, or one for each channel.
        std: one number, or one for each channel; above 0.

    Shapes:
        images (B, H, W) or (B, C, H, W) -> the same, float32 unless they were float64
    """

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float]) -> None:
        self.mean = _channel_numbers("mean", mean)
        self.std = _channel_numbers("std", std)
        if not np.all(self.std > 0):
            raise RangeError(f"std must be above 0, got {std}")

    def __call__(self, images: Images, keys: Keys) -> Images:
        pixels = _as_floats(images)
        channels = pixels.shape[1] if pixels.ndim == 4 else 1
        for name, numbers in (("mean", self.mean), ("std", self.std)):
            if numbers.size not in (1, channels):
                raise ShapeError(
                    f"Normalize has {numbers.size} numbers in {name}, but the images have "
                    f"{channels} channels: shape {images.shape}"
                )
        mean, std = (v.astype(pixels.dtype)[:, None, None] for v in (self.mean, self.std))
        # (C, 1, 1) against (B, C, H, W); a batch without channels has C = 1
        normalized: Images = (pixels - mean) / std
        return normalized

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean.tolist()}, std={self.std.tolist()})"


@dataclass(frozen=True)
class RandomAffine:
    """Turn, shift, scale and shear each image at random about its centre.

        y[p] = x[A^-1 (p - centre - shift) + centre],    A = scale · rotation · shear

    Pixels between four others are interpolated bilinearly; outside the image there is `fill`.

    Args:
        degrees: turn, clockwise; a number d means the range (-d, d).
        translate: largest shift as shares (of the width, of the height), each in [0, 1].
        scale: range of the scale, above 0; None leaves the size alone.
        shear: slant in degrees, upper half to the right; a number d means the range (-d, d).
        fill: value outside the image.

    Shapes:
        images (B, H, W) or (B, C, H, W) -> the same, float32 unless they were float64

    Raises:
        RangeError: when an argument is outside its range.
        ShapeError: when the images are not a batch of pictures.

    Source: the names are those of torchvision's RandomAffine. Differences: shifts are not rounded
    to whole pixels; the interpolation is bilinear; shear goes along x only.
    """

    degrees: float | Range
    translate: Range | None = None
    scale: Range | None = None
    shear: float | Range | None = None
    fill: float = 0.0

    def __post_init__(self) -> None:
        for name, angles in (("degrees", self.degrees), ("shear", self.shear)):
            if angles is not None and not isinstance(angles, tuple | list):
                real_number(name, angles, -math.inf)
            low, high = _pair(name, _symmetric(angles))
            if not low <= high:
                raise RangeError(f"{name} must be a number >= 0 or (low, high), got {angles}")
        if not all(-90 < angle < 90 for angle in _symmetric(self.shear)):
            raise RangeError(f"shear must be within (-90, 90) degrees, got {self.shear}")
        translate, scale = (0.0, 0.0), (1.0, 1.0)
        if self.translate is not None:
            translate = _pair("translate", self.translate)
        if not all(0 <= share <= 1 for share in translate):
            raise RangeError(f"translate must be two shares in [0, 1], got {self.translate}")
        if self.scale is not None:
            scale = _pair("scale", self.scale)
        real_number("fill", self.fill, -math.inf)
        if not 0 < scale[0] <= scale[1]:
            raise RangeError(f"scale must be (low, high) with 0 < low <= high, got {self.scale}")

    def __call__(self, images: Images, keys: Keys) -> Images:
        pixels = _as_floats(images)
        if not isinstance(keys, np.ndarray) or keys.dtype != np.uint64:
            raise KindError(
                f"keys are those of lunzi.data.keys, an array of uint64; got {type(keys).__name__}"
            )
        if keys.shape != pixels.shape[:1]:
            raise ShapeError(
                f"RandomAffine needs one key per image, got {keys.size} keys for {len(images)}"
            )
        height, width = pixels.shape[-2:]
        inverse, shift = self.draw(keys, height, width)
        return _sample(pixels, *_sources(inverse, shift, height, width), self.fill)

    def draw(
        self, keys: Keys, height: int, width: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The maps drawn for these keys: their inverse matrices and their shifts in pixels.

        Shapes:
            keys (B,) -> inverse (B, 2, 2), shift (B, 2); the axes are (x, y)
        """
        chance = uniform(keys, 5)  # (B, 5)
        angle = np.deg2rad(_between(_symmetric(self.degrees), chance[:, 0]))
        slant = np.tan(np.deg2rad(_between(_symmetric(self.shear), chance[:, 1])))
        scale = _between(self.scale or (1.0, 1.0), chance[:, 2])
        share = np.array(self.translate or (0.0, 0.0))
        shift = (2 * chance[:, 3:5] - 1) * share * (width, height)
        cos, sin = np.cos(angle), np.sin(angle)
        # The inverse of A = scale · [[cos, -sin], [sin, cos]] · [[1, -slant], [0, 1]].
        rows = [[cos - slant * sin, sin + slant * cos], [-sin, cos]]
        inverse = np.moveaxis(np.array(rows), -1, 0) / scale[:, None, None]
        return inverse, shift


def _sources(
    inverse: NDArray[np.float64], shift: NDArray[np.float64], height: int, width: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where each pixel comes from: x and y, both (B, H, W)."""
    x = np.arange(width) - (width - 1) / 2
    y = np.arange(height) - (height - 1) / 2
    dx = x - shift[:, 0, None]  # (B, W)
    dy = y - shift[:, 1, None]  # (B, H)
    m = inverse[:, :, :, None, None]
    source_x = m[:, 0, 0] * dx[:, None, :] + m[:, 0, 1] * dy[:, :, None]  # (B, H, W)
    source_y = m[:, 1, 0] * dx[:, None, :] + m[:, 1, 1] * dy[:, :, None]
    return source_x + (width - 1) / 2, source_y + (height - 1) / 2


def _sample(pixels: Images, x: NDArray[np.float64], y: NDArray[np.float64], fill: float) -> Images:
    """Bilinear values of `pixels` at (x, y) of each image."""
    height, width = pixels.shape[-2:]
    # One pixel of `fill` around the image: whatever lies further outside is clipped onto it.
    around = [(0, 0)] * (pixels.ndim - 2) + [(1, 1), (1, 1)]
    padded = np.pad(pixels, around, constant_values=fill)
    x, y = np.clip(x + 1, 0, width + 1), np.clip(y + 1, 0, height + 1)
    left = np.minimum(x.astype(np.intp), width)
    top = np.minimum(y.astype(np.intp), height)
    along_x, along_y = (x - left).astype(pixels.dtype), (y - top).astype(pixels.dtype)
    batch = np.arange(len(pixels))[:, None, None]
    channels_last = padded if padded.ndim == 3 else np.moveaxis(padded, 1, -1)
    if pixels.ndim == 4:
        along_x, along_y = along_x[..., None], along_y[..., None]
    upper, lower = (
        channels_last[batch, row, left] * (1 - along_x)
        + channels_last[batch, row, left + 1] * along_x
        for row in (top, top + 1)
    )  # (B, H, W) or (B, H, W, C)
    mixed = upper * (1 - along_y) + lower * along_y
    return mixed if pixels.ndim == 3 else np.ascontiguousarray(np.moveaxis(mixed, -1, 1))


def _as_floats(images: Images) -> Images:
    if not isinstance(images, np.ndarray) or images.dtype.kind not in "biuf":
        found = getattr(images, "dtype", type(images).__name__)
        raise KindError(f"images are a NumPy array of numbers, got {found}")
    if images.ndim not in (3, 4):
        raise ShapeError(
            f"images must be (B, H, W) or (B, C, H, W), got shape {images.shape}"
            + (": for a single picture use images[None]" if images.ndim == 2 else "")
        )
    return images if images.dtype == np.float64 else images.astype(np.float32)


def _symmetric(angles: float | Range | None) -> Range:
    if angles is None:
        return 0.0, 0.0
    return (-angles, angles) if isinstance(angles, int | float) else angles


def _pair(name: str, value: Any) -> Range:
    """Two finite numbers.

    Raises:
        KindError: when it is no pair of numbers.
    """
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise KindError(f"{name} is two numbers, got {value!r}")
    least, most = -sys.float_info.max, sys.float_info.max
    low, high = (real_number(f"{name}[{place}]", value[place], least, most) for place in (0, 1))
    return low, high


def _between(limits: Range, chance: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = limits
    return low + (high - low) * chance


def _channel_numbers(name: str, numbers: float | Sequence[float]) -> NDArray[np.float64]:
    try:
        values = np.atleast_1d(np.asarray(numbers, np.float64))
    except (TypeError, ValueError, OverflowError) as error:
        raise KindError(f"{name} must be numbers: {error}") from None
    if values.ndim != 1 or not np.all(np.isfinite(values)):
        raise RangeError(f"{name} must be a finite number or one for each channel, got {numbers}")
    return values

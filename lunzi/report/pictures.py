"""Small pictures inside a page, their pixels left crisp."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lunzi.core.errors import RangeError, ShapeError
from lunzi.report.markup import SOURCE_START, Html, element

LONGEST_SIDE = 96  # pixels that are kept of a larger picture
CRISP_SIDE = 48  # up to this side, enlarged pixels are shown as squares


@dataclass(frozen=True)
class Pictures:
    """The images of a test set, grey or in colour, and how their values are shown.

    Args:
        pixels: (n, height, width), (n, 1, height, width) or (n, 3, height, width).
        black: the value that is shown black.
        white: the value that is shown white; below `black` for dark ink on light paper.

    Raises:
        ShapeError: for pixels of another shape.
        RangeError: when `black` equals `white`.
    """

    pixels: NDArray[np.generic]
    black: float = 0.0
    white: float = 1.0

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        grey = len(shape) == 3 or (len(shape) == 4 and shape[1] in (1, 3))
        if not grey or 0 in shape[1:]:
            raise ShapeError(
                "pixels must be (n, height, width), (n, 1, height, width) or "
                f"(n, 3, height, width), got {shape}"
            )
        if self.black == self.white:
            raise RangeError(f"black and white must differ, both are {self.black}")

    def __len__(self) -> int:
        return len(self.pixels)

    def show(self, index: int, alt: str) -> Html:
        """Picture `index` as an element of a page; `alt` says it in words."""
        image = self._image(index)
        encoded = base64.b64encode(_png(image)).decode()
        crisp = max(image.size) <= CRISP_SIDE
        return element(
            "img",
            src=SOURCE_START + encoded,
            alt=alt,
            width=image.width,
            height=image.height,
            class_="pixels" if crisp else "photo",
        )

    def _image(self, index: int) -> Image.Image:
        values = self.pixels[index].astype(np.float64)
        light = (values - self.black) / (self.white - self.black)
        # A pixel that is no number is shown black, like the outside of the range below it.
        grey = np.rint(255 * np.clip(np.nan_to_num(light, nan=0.0), 0, 1)).astype(np.uint8)
        if grey.ndim == 3:
            grey = grey[0] if len(grey) == 1 else np.moveaxis(grey, 0, -1)
        image = Image.fromarray(np.ascontiguousarray(grey))
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        return image


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "png", optimize=True)
    return buffer.getvalue()

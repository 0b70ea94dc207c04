"""From a picture of one handwritten digit to the 8 x 8 counts that the UCI digits are made of.

The UCI digits were scanned as bitmaps of 32 x 32, which the digit fills from top to bottom and to
two thirds of the width, with a pen so thick that a third of the pixels is set; each number counts
the pixels set in one block of 4 x 4. A picture is brought into that form: which tone is ink is
told by the border, uneven light is taken out, the digit is cut out, set upright, scaled and drawn
with a pen of that thickness.
"""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageFilter

from lunzi.core.arguments import real_number, whole_number
from lunzi.core.errors import FileFormatError, KindError, RangeError, ShapeError
from lunzi.data.json_fields import Fields, Json
from lunzi.messages import text

BITMAP = 32
BLOCK = 4
# The digit is first brought to this height, at which its slant is measured.
DRAWING = 2 * BITMAP
LEAST_CONTRAST = 16
LUMA = (0.299, 0.587, 0.114)

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class DigitPreprocessing:
    """How a picture becomes a digit.

    The defaults were chosen on MNIST training images, by the accuracy of networks that had seen
    UCI digits only.

    Attributes:
        largest: longer side, in pixels, to which a larger picture is reduced first.
        speck: spots smaller than this share of the largest one are dirt, in [0, 1].
        upright: how much of the slant is taken out, in [0, 1].
        width: largest width of a digit in the bitmap, in pixels of 32.
        blur: radius of the blur, in pixels of the bitmap, that lets thin lines grow.
        ink: share of the bitmap that is set, in (0, 1).
    """

    largest: int = 256
    speck: float = 0.05
    upright: float = 1.0
    width: int = 24
    blur: float = 1.0
    ink: float = 0.36

    def __post_init__(self) -> None:
        limits = {
            "largest": (BITMAP, 4096),
            "speck": (0, 1),
            "upright": (0, 1),
            "width": (BLOCK, BITMAP),
            "blur": (0, BITMAP),
            "ink": (0.01, 0.99),
        }
        for name, (least, most) in limits.items():
            real_number(name, getattr(self, name), least, most)
        for name in ("largest", "width"):
            whole_number(name, getattr(self, name))

    def to_json(self) -> Json:
        """All that `digit_picture` needs, as plain JSON."""
        return {"kind": "digit", "version": 1, **asdict(self)}

    @classmethod
    def from_json(cls, value: object, where: str = "preprocessing") -> "DigitPreprocessing":
        """The preprocessing that `to_json` described; `where` names it in errors.

        Raises:
            FileFormatError: when it is not such a description.
        """
        fields = Fields(value, where)
        fields.only("kind", "version", "largest", "speck", "upright", "width", "blur", "ink")
        fields.choice("kind", ["digit"])
        fields.whole("version", 1, 1)
        return cls(
            fields.whole("largest", BITMAP, 4096),
            fields.number("speck", 0, 1),
            fields.number("upright", 0, 1),
            fields.whole("width", BLOCK, BITMAP),
            fields.number("blur", 0, BITMAP),
            fields.number("ink", 0.01, 0.99),
        )


def digit_picture(
    image: ArrayLike,
    preprocessing: DigitPreprocessing | None = None,
    source: str = "picture",
) -> NDArray[np.uint8]:
    """Turn a picture of one digit into counts as the UCI digits have them.

    Args:
        image: grey or colour; dark on light or light on dark.
        source: names the picture in errors.

    Shapes:
        image (H, W) or (H, W, 3) -> counts (8, 8), 0 ... 16

    Raises:
        ShapeError: when the image has another shape.
        FileFormatError: when nothing is to be seen in it.
    """
    how = DigitPreprocessing() if preprocessing is None else preprocessing
    if not isinstance(how, DigitPreprocessing):
        raise KindError(f"preprocessing is a DigitPreprocessing, got {type(how).__name__}")
    grey = _reduce(_grey(image), how.largest)
    strength, mask = _find_ink(grey, source)
    digit = _crop(_remove_specks(strength, mask, how.speck))
    digit = _scale(digit, DRAWING, max(1, round(digit.shape[1] * DRAWING / digit.shape[0])))
    bitmap = _draw(_crop(_set_upright(digit, how.upright)), how)
    blocks = bitmap.reshape(BITMAP // BLOCK, BLOCK, BITMAP // BLOCK, BLOCK)
    counts: NDArray[np.uint8] = blocks.sum(axis=(1, 3), dtype=np.uint8)
    return counts


def _grey(image: ArrayLike) -> Grey:
    try:
        pixels = np.asarray(image, np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise KindError(f"a picture is made of numbers: {error}") from None
    if pixels.ndim == 3 and pixels.shape[-1] == 3:
        pixels = pixels @ np.array(LUMA, np.float32)
    if pixels.ndim != 2 or pixels.size == 0:
        raise ShapeError(f"a picture must be (H, W) or (H, W, 3), got shape {pixels.shape}")
    if not np.isfinite(pixels).all():
        raise RangeError("a picture must hold finite numbers, got NaN or infinity")
    return pixels


def _reduce(grey: Grey, largest: int) -> Grey:
    factor = largest / max(grey.shape)
    if factor >= 1:
        return grey
    height, width = (max(1, round(side * factor)) for side in grey.shape)
    return _scale(grey, height, width)


def _find_ink(grey: Grey, source: str) -> tuple[Grey, Mask]:
    """How strongly each pixel is inked, in [0, 1], and which pixels are ink."""
    difference = grey - _paper(grey)
    lighter, darker = np.maximum(difference, 0), np.maximum(-difference, 0)
    ink = lighter if lighter.sum() > darker.sum() else darker
    if ink.max() < LEAST_CONTRAST:
        raise FileFormatError(text("data.blank_picture", path=source))
    threshold = _otsu(ink)
    mask = ink > threshold
    full = np.median(ink[mask])
    # What is under half of the threshold is the grain of the paper.
    strength = (ink - threshold / 2) / (full - threshold / 2)
    return np.clip(strength, 0, 1).astype(np.float32), mask


def _paper(grey: Grey) -> Grey:
    """The tone of the paper everywhere: a plane through most of the border's pixels."""
    height, width = grey.shape
    y, x = np.mgrid[0:height, 0:width]
    margin = max(1, min(height, width) // 16)
    border = np.ones(grey.shape, bool)
    border[margin:-margin, margin:-margin] = False
    terms = np.stack([np.ones(grey.shape), x / width, y / height], axis=-1)  # (H, W, 3)
    points, tones = terms[border], grey[border]
    distance = np.abs(tones - np.median(tones))
    # 3 sweeps: each leaves out the farther half, where ink may touch the border.
    for _ in range(3):
        near = distance <= np.median(distance)
        plane = np.linalg.lstsq(points[near], tones[near], rcond=None)[0]
        distance = np.abs(points @ plane - tones)
    paper: Grey = (terms @ plane).astype(np.float32)
    return paper


def _otsu(values: Grey) -> float:
    """The threshold between two groups of values whose means are farthest apart.

        maximise w0 w1 (mean0 - mean1)^2 over the threshold

    Source: Otsu 1979, IEEE Transactions on Systems, Man, and Cybernetics 9(1), equation 14.
    """
    counts, edges = np.histogram(values, 256)
    middles = (edges[1:] + edges[:-1]) / 2
    below, sums = np.cumsum(counts), np.cumsum(counts * middles)
    above = below[-1] - below
    between = (sums[-1] * below / below[-1] - sums) ** 2 / np.maximum(below * above, 1)
    return float(edges[np.argmax(between[:-1]) + 1])


def _remove_specks(strength: Grey, mask: Mask, share: float) -> Grey:
    """Clean away connected spots of ink that are small beside the largest one."""
    labels = _label(mask)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    specks = mask & (sizes < share * sizes.max())[labels]
    return np.where(_neighbours(specks).any(axis=0), 0, strength)


def _label(mask: Mask) -> NDArray[np.intp]:
    """One number above 0 for each connected spot (over corners too), 0 elsewhere."""
    labels = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        highest = np.where(mask, _neighbours(labels).max(axis=0), 0)
        # A pixel takes the label of the pixel that its label names: paths halve in each sweep.
        jumped = np.concatenate([[0], highest.ravel()])[highest]
        if np.array_equal(jumped, labels):
            return labels
        labels = jumped


def _neighbours(field: NDArray[np.intp] | Mask) -> NDArray[np.intp]:
    """The field itself and shifted to all eight sides.

    Shapes:
        field (H, W) -> (9, H, W)
    """
    height, width = field.shape
    padded = np.pad(field, 1)
    return np.stack([padded[i : i + height, j : j + width] for i in range(3) for j in range(3)])


def _crop(strength: Grey) -> Grey:
    """The part within the outermost pixels that are at least half as dark as the darkest."""
    inked = strength >= strength.max() / 2
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    return strength[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _scale(picture: Grey, height: int, width: int) -> Grey:
    resized = Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(resized)


def _set_upright(digit: Grey, amount: float) -> Grey:
    """Shear a digit so that its columns of ink stand upright.

        x <- x - slant (y - centre),    slant = cov(x, y) / var(y)

    over the pixels of ink; a slant beyond 1 either way counts as 1.
    """
    y, x = np.nonzero(digit >= digit.max() / 2)
    y, x = y - y.mean(), x - x.mean()
    slant = float(np.clip(amount * (x * y).sum() / max((y * y).sum(), 1), -1, 1))
    centre = (len(digit) - 1) / 2
    room = int(np.ceil(abs(slant) * centre)) + 1
    wide = Image.fromarray(np.pad(digit, ((0, 0), (room, room))))
    shear = (1, slant, -slant * centre, 0, 1, 0)
    return np.asarray(
        wide.transform(wide.size, Image.Transform.AFFINE, shear, Image.Resampling.BILINEAR)
    )


def _draw(digit: Grey, how: DigitPreprocessing) -> Mask:
    """The bitmap of 32 x 32: the digit as high as it, in the middle, with the usual pen."""
    height, width = digit.shape
    columns = round(BITMAP * width / height)
    rows = BITMAP
    if columns > how.width:
        # Narrow by up to half, as the UCI digits were; what is wider still (a dash) stays flat.
        rows = min(BITMAP, round(2 * BITMAP * how.width / columns))
        columns = how.width
    scaled = np.clip(_scale(digit, max(1, rows), max(1, columns)), 0, 1)
    rows, columns = scaled.shape
    top, left = (BITMAP - rows) // 2, (BITMAP - columns) // 2
    canvas = np.zeros((BITMAP, BITMAP), np.uint8)
    canvas[top : top + rows, left : left + columns] = np.round(255 * scaled)
    blurred = np.asarray(Image.fromarray(canvas).filter(ImageFilter.GaussianBlur(how.blur)))
    # Where more than that share is full of ink already, all of it stays.
    threshold = min(max(np.quantile(blurred, 1 - how.ink), 1), 254)
    bitmap: Mask = blurred > threshold
    return bitmap

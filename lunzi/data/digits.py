"""The UCI handwritten digits, which lie in the package: 1,797 pictures of 8 x 8 pixels."""

import gzip
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Digits(NamedTuple):
    """Pictures and the digits that they show, in the order of the original file.

    Shapes:
        images (1797, 8, 8) uint8 in 0 ... 16; targets (1797,) int64 in 0 ... 9
    """

    images: NDArray[np.uint8]
    targets: NDArray[np.int64]


def load_digits() -> Digits:
    """Load the handwritten digits.

    Each number of a picture counts the pixels set in one block of 4 x 4 of a bitmap of 32 x 32.
    The persons who wrote the last digits did not write the first ones, so the usual test takes
    the second half (from number 898 on) without shuffling.

    Source: Alpaydin and Kaynak 1998, Optical Recognition of Handwritten Digits, UCI Machine
    Learning Repository, doi 10.24432/C50P49, CC BY 4.0; its test part.
    """
    lines = gzip.decompress((files("lunzi.data") / "digits.csv.gz").read_bytes()).decode()
    numbers = np.array(list(map(int, lines.replace("\n", ",").rstrip(",").split(","))))
    table = numbers.reshape(-1, 65)  # 64 counts and the digit
    return Digits(table[:, :64].astype(np.uint8).reshape(-1, 8, 8), table[:, 64].astype(np.int64))

"""Datasets, loading in batches, readers of files, transforms. Works on NumPy arrays."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lunzi.data.dataset import ArrayDataset, Batch, BatchDataset, Dataset, Subset, random_split
from lunzi.data.digits import Digits, load_digits
from lunzi.data.idx import read_idx
from lunzi.data.loader import DataLoader
from lunzi.data.table_preprocessing import TablePreprocessing
from lunzi.data.tables import Column, Table, read_table
from lunzi.data.text import DecodedText, read_text
from lunzi.data.transforms import Compose, Normalize, RandomAffine, Transform
from lunzi.data.wav import Sound, read_wav

if TYPE_CHECKING:
    from lunzi.data.handwriting import DigitPreprocessing, digit_picture
    from lunzi.data.images import ImageFolder, read_image, read_image_folder

__all__ = [
    "ArrayDataset",
    "Batch",
    "BatchDataset",
    "Column",
    "Compose",
    "DataLoader",
    "Dataset",
    "DecodedText",
    "DigitPreprocessing",
    "Digits",
    "ImageFolder",
    "Normalize",
    "RandomAffine",
    "Sound",
    "Subset",
    "Table",
    "TablePreprocessing",
    "Transform",
    "digit_picture",
    "load_digits",
    "random_split",
    "read_idx",
    "read_image",
    "read_image_folder",
    "read_table",
    "read_text",
    "read_wav",
]

# These need pillow, which takes longer to import than all the rest of this room.
_LAZY = {
    "DigitPreprocessing": "lunzi.data.handwriting",
    "digit_picture": "lunzi.data.handwriting",
    "ImageFolder": "lunzi.data.images",
    "read_image": "lunzi.data.images",
    "read_image_folder": "lunzi.data.images",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)

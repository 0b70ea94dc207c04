"""Models and tensors in files: safetensors with the architecture as JSON inside, and no code.

`save`, `load` and `inspect` are for models; `write_tensors` and `read_tensors` for any arrays by
name, as a checkpoint has them. A file is checked to its last byte before it is used.
"""

from lunzi.files.header import Header, TensorEntry, read_header
from lunzi.files.model import load, save
from lunzi.files.record import ModelFile, Record, inspect, read_preprocessing
from lunzi.files.tensors import read_tensors, write_tensors

__all__ = [
    "Header",
    "ModelFile",
    "Record",
    "TensorEntry",
    "inspect",
    "load",
    "read_header",
    "read_preprocessing",
    "read_tensors",
    "save",
    "write_tensors",
]

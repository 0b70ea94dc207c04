"""The file of a NeuralNetwork: its weights and biases, with sizes and activations beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from lunzi.core.errors import FileFormatError, ShapeError
from lunzi.core.spec import Array
from lunzi.core.tensor import Tensor
from lunzi.files.header import read_header
from lunzi.files.problems import Path, name_of
from lunzi.files.tensors import read_tensors, write_tensors

CLASS = "NeuralNetwork"


class StoredNetwork(NamedTuple):
    """What makes a network again: neurons by layer, activations, weights1, bias1, ..."""

    sizes: list[int]
    activation: str
    output: str
    tensors: dict[str, Array]


def write_network(
    path: Path, sizes: Sequence[int], activation: str, output: str, tensors: Mapping[str, Tensor]
) -> None:
    """Write a network to a safetensors file, whole or not at all."""
    kinds = {"class": CLASS, "activation": activation, "output": output}
    write_tensors(path, tensors, {**kinds, "sizes": json.dumps(list(sizes))})


def read_network(path: Path) -> StoredNetwork:
    """Read what `write_network` wrote; the sizes are checked against the tensors' shapes.

    Raises:
        FileFormatError: when the file is damaged or holds something else.
    """
    header = read_header(path)
    if header.metadata.get("class") != CLASS:
        raise FileFormatError(f"{name_of(path)} holds no {CLASS}; lunzi.load reads models")
    try:
        sizes = json.loads(header.metadata["sizes"])
        expected: dict[str, tuple[int, ...]] = {}
        for place, (inputs, outputs) in enumerate(pairwise(sizes), 1):
            expected[f"weights{place}"] = (inputs, outputs)
            expected[f"bias{place}"] = (outputs,)
        if not expected or expected != {tensor.name: tensor.shape for tensor in header.tensors}:
            raise ShapeError(f"the tensors are not those of sizes {sizes}")
        activation, output = header.metadata["activation"], header.metadata["output"]
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{name_of(path)} is not a whole {CLASS}: {error}") from None
    return StoredNetwork(sizes, activation, output, read_tensors(path))

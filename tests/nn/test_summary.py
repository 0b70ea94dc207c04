"""The table of a model's layers."""

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.core.spec import Spec
from lunzi.nn.summary import aligned, bytes_text, summary


def small_network():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.MaxPool2d(2),
        nn.ConvTranspose2d(4, 2, 2, stride=2),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(128, 10),
    )


def test_the_table_of_a_small_network():
    assert str(small_network().summary((1, 1, 8, 8))) == (
        "layer  class            output        parameters  multiply-adds\n"
        "---------------------------------------------------------------\n"
        "0      Conv2d           (1, 4, 8, 8)          40          2,304\n"
        "1      BatchNorm2d      (1, 4, 8, 8)           8              0\n"
        "2      MaxPool2d        (1, 4, 4, 4)           0              0\n"
        "3      ConvTranspose2d  (1, 2, 8, 8)          34            512\n"
        "4      Flatten          (1, 128)               0              0\n"
        "5      Dropout          (1, 128)               0              0\n"
        "6      Linear           (1, 10)            1,290          1,280\n"
        "---------------------------------------------------------------\n"
        "total                                      1,372          4,096\n"
        "input (1, 1, 8, 8); parameters take 5.49 kB"
    )


def test_multiply_adds_grow_with_the_batch_and_with_the_places():
    assert nn.Linear(3, 5).summary((7, 3)).multiply_adds == 7 * 3 * 5
    grouped = nn.Conv1d(4, 6, 3, groups=2)
    assert grouped.summary((2, 4, 10)).multiply_adds == 2 * 6 * 8 * (4 // 2 * 3)


def test_the_model_is_left_as_it_was():
    model = small_network()
    model[1].eval()
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    model.summary((2, 1, 8, 8))
    assert [module.training for module in model] == [True, False] + [True] * 5
    assert not any(module._has_hooks for module in model.modules())
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, state[name])


def test_an_error_on_the_way_leaves_the_model_as_it_was_and_names_the_layer():
    model = small_network()
    with pytest.raises(lz.ShapeError, match=r"^6 \(Linear\): expects 128 features"):
        model.summary((1, 1, 4, 4))
    assert all(module.training for module in model)
    assert not any(module._has_hooks for module in model.modules())


def test_shared_parameters_count_once_and_layers_left_out_are_named():
    class Tied(nn.Module):
        def __init__(self):
            self.first = nn.Linear(3, 3, bias=False)
            self.second = nn.Linear(3, 3, bias=False)
            self.second.weight = self.first.weight
            self.unused = nn.Linear(2, 2)
            self.scale = nn.Parameter([1.0])

        def forward(self, x):
            return {"out": self.second(self.first(self.first(x))) * self.scale}

    table = summary(Tied(), (1, 3))
    assert [row.parameters for row in table.rows] == [9, None, None, 1]
    assert [row.path for row in table.rows] == ["first", "first", "second", ""]
    assert table.rows[-1].output == "(1, 3)"
    assert "shared" in repr(table)
    assert table.parameters == 9 + 6 + 1
    assert table.multiply_adds == 27
    assert table.not_called == ("unused",)
    assert str(table).endswith("not called: unused")


def test_frozen_parameters_are_counted_apart():
    model = nn.Sequential(nn.Linear(2, 3).requires_grad_(False), nn.Linear(3, 1))
    table = model.summary((1, 2))
    assert (table.parameters, table.frozen) == (13, 9)
    assert "parameters take 52 bytes, 9 of them are frozen" in str(table)


@pytest.mark.parametrize(
    "inputs", [((2, 3),), ([2, 3],), (Spec((2, 3)),), (np.zeros((2, 3)),), (lz.zeros((2, 3)),)]
)
def test_inputs_are_shapes_or_examples(inputs):
    assert summary(nn.Linear(3, 1), *inputs).rows[0].output == "(2, 1)"


def test_indices_need_a_dtype_of_whole_numbers():
    assert nn.Embedding(5, 2).summary((3,), dtype="int64").rows[0].output == "(3, 2)"


def test_several_inputs_and_outputs_are_listed():
    class Swap(nn.Module):
        def forward(self, a, b):
            return b, a

    table = summary(Swap(), (1, 2), (3,))
    assert table.inputs == "(1, 2), (3,)"
    assert table.rows[0].output == "(3,), (1, 2)"


def test_long_names_are_cut_to_eighty_columns():
    deep = nn.Linear(3, 3)
    for name in ("the_last_of_many_layers", "a_block_with_a_long_name", "the_outermost_of_all"):
        deep = nn.ModuleDict({name: deep})

    class ALayerWithQuiteALongNameOfItsOwn(nn.Module):
        def __init__(self):
            self.parts = deep

        def forward(self, x):
            inner = next(module for module in self.modules() if isinstance(module, nn.Linear))
            return inner(x), x, x, x, x, x

    lines = str(ALayerWithQuiteALongNameOfItsOwn().summary((1, 2, 3, 4, 3))).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[2].startswith("...e.the_last_of_many_layers  Linear ")
    rows = [("x" * 90, "y" * 90, "z" * 90, "1", "2")]
    assert len(aligned(rows)[0]) <= 80


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (999_600, "1 MB"),
        (5 * 10**15, "5e+03 TB"),
    ],
)
def test_sizes_are_read_at_a_glance(size, text):
    assert bytes_text(size) == text

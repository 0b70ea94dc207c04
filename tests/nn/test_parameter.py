"""Parameter and Buffer: whose memory they use, which dtypes they take."""

import copy
import pickle

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.nn.parameter import as_input, convert, memory


def test_an_array_is_used_as_it_is_and_lists_are_copied():
    array = np.zeros((2, 3), np.float32).T
    assert nn.Parameter(array).payload is array
    assert nn.Buffer(array).payload is array
    given = lz.tensor([1.0])
    parameter = nn.Parameter(given)
    parameter.assign(5)
    assert given.item() == 1


def test_a_parameter_is_floating_and_wants_a_gradient():
    assert nn.Parameter([1.0]).requires_grad
    assert not nn.Parameter([1.0], requires_grad=False).requires_grad
    assert nn.Parameter([1], requires_grad=False).dtype == "int64"
    with pytest.raises(lz.KindError, match="a parameter is floating, got int64"):
        nn.Parameter([1])
    with pytest.raises(lz.KindError, match="requires_grad is True or False, got 'yes'"):
        nn.Parameter([1.0], "yes")


def test_a_buffer_has_no_gradient():
    buffer = nn.Buffer([1, 2], persistent=False)
    assert not buffer.requires_grad
    assert not buffer.persistent
    with pytest.raises(lz.KindError, match="persistent is True or False"):
        nn.Buffer([1], None)


def test_copies_stay_what_they_are():
    for copied in (copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
        buffer = copied(nn.Buffer([1.0], persistent=False))
        assert type(buffer) is nn.Buffer
        assert not buffer.persistent
        frozen = copied(nn.Parameter(np.ones(1), requires_grad=False))
        assert type(frozen) is nn.Parameter
        assert not frozen.requires_grad


def test_conversion_forgets_the_gradient_and_keeps_the_order_of_memory():
    parameter = nn.Parameter(np.zeros((2, 3), np.float32).T)
    parameter.sum().backward()
    convert(parameter, np.dtype("float64"))
    assert parameter.grad is None
    assert parameter.payload.flags.f_contiguous
    payload = parameter.payload
    convert(parameter, np.dtype("float64"))
    assert parameter.payload is payload


def test_an_input_comes_in_the_dtype_of_the_parameter():
    weight = nn.Parameter(np.zeros(2))
    assert as_input([1], weight).dtype == "float64"
    assert as_input(np.ones(1, np.uint8), weight).dtype == "float64"


def test_a_parameter_that_no_machine_has_room_for_is_an_error_of_ours():
    assert memory(2, 3).shape == (2, 3)
    for length in (10**15, 10**30):
        with pytest.raises(lz.OutOfMemoryError, match="a parameter of shape"):
            memory(length)

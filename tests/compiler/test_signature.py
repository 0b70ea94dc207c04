"""Calls taken apart."""

import numpy as np
import pytest

import lunzi as lz
from lunzi.compiler.signature import Call, arrays_of, difference, is_data


def call(*arguments, **named):
    return Call.of(arguments, named, True)


def test_numbers_of_tensors_and_arrays_are_data():
    assert call(np.float32([1, 2])) == call(lz.tensor([3.0, 4.0])) == call(np.float32([5, 6]))
    assert call(np.float32(1)) == call(lz.tensor(2.0))
    assert all(map(is_data, (np.int64(3), np.ones(2), lz.ones(2))))
    assert not any(map(is_data, (np.bool_(True), True, 3, 0.5, "text", None)))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (call(np.ones(2)), call(np.ones(3))),
        (call(np.ones(2)), call(np.ones(2, np.float32))),
        (call(lz.ones(2)), call(lz.ones(2, requires_grad=True))),
        (call(1), call(True)),
        (call(1), call(1.0)),
        (call(0.0), call(-0.0)),
        (call([1]), call((1,))),
        (call(a=1), call(b=1)),
        (call({"a": 1, "b": 2}), call({"b": 2, "a": 1})),
        (call([[]]), call([{}])),
    ],
)
def test_calls_that_make_different_programs(a, b):
    assert a != b


def test_objects_that_cannot_be_hashed_are_themselves():
    x, y = [{1}, {1}]
    assert call(x) == call(x) != call(y)
    assert call(float("nan")) == call(float("nan"))


def test_data_comes_in_order_and_ready():
    strided = np.arange(6.0).reshape(2, 3).T
    arrays = arrays_of(({"b": strided, "a": np.int8(3)}, "text"), {"k": lz.ones(1)})
    assert [x.shape for x in arrays] == [(), (3, 2), (1,)]
    assert arrays[0].dtype == "int32"
    assert arrays[1].flags.c_contiguous
    assert arrays_of((x := np.ones(3),), {})[0] is x


def test_tensors_of_a_trace_that_has_ended_are_refused():
    kept = []
    lz.trace(lambda x: (kept.append(x), x)[1], lz.Spec((2,)))
    with pytest.raises(lz.TraceError, match="has ended"):
        arrays_of((kept[0],), {})


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (call(np.ones(2), 1), call(np.ones(2), 2), "argument [1] was 1 and is 2"),
        (call(k=0.5), call(k=1), "argument ['k'] was 0.5 and is 1"),
        (
            call([np.ones(2)]),
            call([np.ones(3)]),
            "argument [0][0] was float64[2] and is float64[3]",
        ),
        (call([1]), call((1,)), "argument [0] was of another nesting and is of another nesting"),
        (call({1}), call({2}), "argument [0] was this set and is this set"),
        (call(lz.ones(1)), call(lz.ones(1, requires_grad=True)), "float32[1] with gradient"),
        (Call.of((), {}, True), Call.of((), {}, False), "gradients were on before"),
        (call(1), call(1), "its state, or a setting"),
    ],
)
def test_differences_are_told(old, new, text):
    assert text in str(difference(old, new))

"""Each primitive keeps its contract: generated from the table of samples."""

from dataclasses import fields, replace

import numpy as np
import pytest
from samples import SAMPLES, draw, dtypes_of, every_sample, has_gradient

import lunzi as lz
from lunzi.core.checked import Checked
from lunzi.core.primitive import PRIMITIVES
from lunzi.core.spec import Spec, float16, float32, float64, is_floating
from lunzi.core.tensor import bind

every_dtype = pytest.mark.parametrize(
    ("op", "inputs", "dtype"),
    [(op, inputs, dtype) for op, inputs in SAMPLES for dtype in dtypes_of(op, inputs)],
    ids=str,
)
every_differentiable_sample = pytest.mark.parametrize(
    ("op", "inputs"), [row for row in SAMPLES if has_gradient(*row)], ids=str
)
# Those that do not refuse extreme numbers.
every_lenient_sample = pytest.mark.parametrize(
    ("op", "inputs"),
    [row for row in SAMPLES if has_gradient(*row) and not isinstance(row[0], Checked)],
    ids=str,
)


def spec_of(array):
    return Spec(np.shape(array), np.asarray(array).dtype)


# Dtype of the result: step of the difference, and how far it may be off. In float64 that is
# step^2 times the third derivative, and rounding / step; the others come from casts, which are
# linear, so that rounding alone counts.
PRECISION = {float64: (1e-5, 1e-6), float32: (0.25, 1e-5), float16: (0.25, 2e-2)}


def weighted(op, weights):
    """The primitive as a function of its floating inputs that gives a single number."""

    def function(*tensors):
        return (bind(op, *tensors) * weights).sum()

    return function


def floating_places(arrays):
    return [place for place, array in enumerate(arrays) if is_floating(array.dtype)]


def slope(function, arrays, places, directions, step):
    """The central difference of a function along directions, one for each chosen input."""

    def value(moved):
        tensors = [lz.tensor(array) for array in arrays]
        for place, direction in zip(places, directions, strict=True):
            tensors[place] = lz.tensor(arrays[place] + moved * direction)
        return function(*tensors).item()

    return (value(step) - value(-step)) / (2 * step)


def check_gradient(function, arrays, rng, step, tolerance):
    """Hold the gradients of a function against central differences in a random direction."""
    places = floating_places(arrays)
    directions = [rng.standard_normal(arrays[place].shape) for place in places]
    gradients = lz.grad(function, tuple(places))(*map(lz.tensor, arrays))
    for place, gradient in zip(places, gradients, strict=True):
        assert gradient.spec == spec_of(arrays[place])
    found = sum((g * v).sum().item() for g, v in zip(gradients, directions, strict=True))
    expected = slope(function, arrays, places, directions, step)
    assert found == pytest.approx(expected, rel=tolerance, abs=tolerance)


def slope_of(function, directions, places):
    """The function that gives the slope of another one, from its gradients."""

    def along(*tensors):
        gradients = lz.grad(function, tuple(places))(*tensors)
        total = lz.zeros((), "float64")
        for gradient, direction in zip(gradients, directions, strict=True):
            total = total + (gradient * direction).sum()
        return total

    return along


def test_every_primitive_has_a_sample():
    assert {type(op) for op, _ in SAMPLES} == set(PRIMITIVES)


@every_dtype
def test_infer_agrees_with_evaluate(op, inputs, dtype, rng):
    arrays = draw(inputs, rng, dtype)
    assert op.infer(*map(spec_of, arrays)) == spec_of(op.evaluate(*arrays))


@every_sample
def test_infer_agrees_with_evaluate_in_any_memory_order(op, inputs, rng):
    arrays = [array.T.copy().T for array in draw(inputs, rng, dtypes_of(op, inputs)[0])]
    assert op.infer(*map(spec_of, arrays)) == spec_of(op.evaluate(*arrays))


@every_sample
def test_only_a_move_may_share_memory(op, inputs, rng):
    arrays = draw(inputs, rng, dtypes_of(op, inputs)[0])
    y = np.asarray(op.evaluate(*arrays))
    shares = any(np.shares_memory(y, array) for array in arrays)
    assert op.is_view or not shares


@every_sample
def test_leaves_its_inputs_as_they_are(op, inputs, rng):
    arrays = draw(inputs, rng, dtypes_of(op, inputs)[0])
    before = [array.copy() for array in arrays]
    op.evaluate(*arrays)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@every_differentiable_sample
def test_gradient_agrees_with_differences(op, inputs, rng):
    arrays = draw(inputs, rng)
    y = op.infer(*map(spec_of, arrays))
    function = weighted(op, rng.standard_normal(y.shape))
    check_gradient(function, arrays, rng, *PRECISION[y.dtype])


@every_differentiable_sample
def test_gradient_of_the_gradient_agrees_with_differences(op, inputs, rng):
    arrays = draw(inputs, rng)
    y = op.infer(*map(spec_of, arrays))
    places = floating_places(arrays)
    function = weighted(op, rng.standard_normal(y.shape))
    directions = [rng.standard_normal(arrays[place].shape) for place in places]
    check_gradient(slope_of(function, directions, places), arrays, rng, *PRECISION[y.dtype])


@every_sample
def test_a_result_that_is_not_floating_has_no_gradient(op, inputs, rng):
    arrays = draw(inputs, rng, dtypes_of(op, inputs)[0])
    tensors = [lz.tensor(array, requires_grad=is_floating(array.dtype)) for array in arrays]
    needs_one = any(x.requires_grad for x in tensors)
    result = bind(op, *tensors)
    assert result.requires_grad == (needs_one and is_floating(result.dtype))


@every_differentiable_sample
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_gradient_has_the_dtype_of_the_input(op, inputs, dtype, rng):
    arrays = draw(inputs, rng, np.dtype(dtype))
    places = floating_places(arrays)
    gradients = lz.grad(lambda *xs: bind(op, *xs).sum().astype("float32"), tuple(places))(
        *map(lz.tensor, arrays)
    )
    for place, gradient in zip(places, gradients, strict=True):
        assert gradient.spec == spec_of(arrays[place])


@every_dtype
def test_traced_is_eager_bit_for_bit(op, inputs, dtype, rng):
    arrays = draw(inputs, rng, dtype)
    graph = lz.trace(lambda *xs: bind(op, *xs), *arrays)
    assert repr(op) in str(graph)
    eager = bind(op, *map(lz.tensor, arrays))
    traced = graph(*arrays)
    assert traced.spec == eager.spec == graph.outputs[0].spec
    assert traced.numpy().tobytes() == eager.numpy().tobytes()


@every_differentiable_sample
def test_traced_gradients_are_eager_bit_for_bit(op, inputs, rng):
    arrays = draw(inputs, rng)
    places = tuple(floating_places(arrays))

    def gradients(*tensors):
        return lz.grad(lambda *xs: bind(op, *xs).sum(), places)(*tensors)

    for traced, eager in zip(
        lz.trace(gradients, *arrays)(*arrays), gradients(*map(lz.tensor, arrays)), strict=True
    ):
        assert traced.numpy().tobytes() == eager.numpy().tobytes()


@every_sample
def test_prints_as_it_is_written(op, inputs):
    names = {primitive.__name__: primitive for primitive in PRIMITIVES}
    assert eval(repr(op), {**names, "dtype": np.dtype}) == op


@every_sample
def test_is_a_value_that_compares_and_hashes(op, inputs):
    twin = replace(op)
    assert twin is not op
    assert twin == op
    assert hash(twin) == hash(op)
    assert op != "another thing"


def test_fields_tell_primitives_apart():
    assert len({op for op, _ in SAMPLES}) == len({repr(op) for op, _ in SAMPLES})


@every_sample
def test_is_frozen(op, inputs):
    for field in fields(op):
        with pytest.raises(AttributeError):
            setattr(op, field.name, None)


EXTREMES = [np.inf, -np.inf, np.nan, 0.0, -0.0, 1e-320, 6e4, -6e4, 3e38, -3e38, 1e308]


@every_lenient_sample
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_extreme_numbers_come_without_a_warning(op, inputs, dtype):
    with np.errstate(over="ignore"):
        extremes = np.array(EXTREMES).astype(dtype)
    arrays = [
        np.zeros(each.shape, each.dtype)
        if each.dtype
        else np.resize(np.roll(extremes, place), each.shape)
        for place, each in enumerate(inputs)
    ]
    tensors = [lz.tensor(array, requires_grad=is_floating(array.dtype)) for array in arrays]
    bind(op, *tensors).sum().backward()
    lz.trace(lambda *xs: bind(op, *xs), *arrays)(*arrays)

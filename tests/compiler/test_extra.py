"""Long sums with few results are made in parts, where that is worth it."""

import numpy as np
import pytest
from native_programs import Program

import lunzi as lz


@pytest.mark.parametrize(("length", "stages"), [(400, 1), (4096, 2)])
def test_products_are_summed_in_parts_where_each_part_is_long(length, stages, rng):
    a, b = rng.normal(size=(7, length)), rng.normal(size=(length, 48))
    program = Program(lambda a, b: a @ b, a, b, parallel=True)
    assert program.native.parts.stages == stages
    np.testing.assert_allclose(program(a, b, threads=2)[0], a @ b, atol=1e-9)


def layer(samples, inputs, outputs, updated=True):
    """How many stages a step of a layer is, and whether its product comes in parts."""
    weights = lz.tensor(np.zeros((inputs, outputs), np.float32))

    def step(x):
        y = x @ weights
        if updated:
            weights.assign(weights * 0.5)
        return y

    native = Program(step, np.zeros((samples, inputs), np.float32), parallel=True).native
    (product,) = [stage for stage in native.plan().stages if stage.is_product]
    return product.kept == 3


def test_large_weights_of_few_samples_are_shared_out_by_rows():
    assert layer(32, 784, 256)


@pytest.mark.parametrize(
    ("samples", "inputs", "outputs"),
    [(128, 784, 256), (32, 96, 256), (32, 4096, 2048)],
    ids=["many_samples", "small_weights", "large_weights"],
)
def test_other_products_are_made_whole(samples, inputs, outputs):
    assert not layer(samples, inputs, outputs)


def test_parts_of_shared_weights_add_up_to_the_same_bits_on_any_number_of_threads(rng):
    weights = lz.tensor(rng.normal(size=(784, 256)).astype(np.float32))
    x = rng.normal(size=(32, 784)).astype(np.float32)
    program = Program(lambda x: x @ weights, x, parallel=True)
    results = [program(x, threads=threads)[0] for threads in (1, 2, 3, 5)]
    np.testing.assert_allclose(results[0], x @ weights.numpy(), rtol=1e-4, atol=1e-4)
    assert all(np.array_equal(results[0], other) for other in results)


def test_shared_weights_stay_with_their_threads_behind_rows_of_samples(rng):
    weights = lz.tensor(rng.normal(size=(784, 256)).astype(np.float32))
    x = rng.normal(size=(32, 784)).astype(np.float32)
    plan = Program(lambda x: x.exp().sqrt() @ weights, x, parallel=True).native.plan()
    (region,) = [r for r in plan.regions if any(stage.is_product for stage in r.stages)]
    (product,) = [stage for stage in region.stages if stage.is_product]
    assert region.length == product.sizes[0] == 4


def test_a_step_of_a_loop_shares_out_no_weights(rng):
    weights = lz.tensor(rng.normal(size=(512, 512)).astype(np.float32))
    state = np.zeros((16, 512), np.float32)

    def run(state):
        end, _ = lz.scan(lambda h, x: ((h @ weights).tanh(), None), state, length=3)
        return end

    (product,) = [s for s in Program(run, state).native.plan().stages if s.is_product]
    assert product.kept == 2

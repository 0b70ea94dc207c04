"""Long sums with few results are made in parts, where that is worth it."""

import numpy as np
import pytest
from native_programs import Program


@pytest.mark.parametrize(("length", "stages"), [(400, 1), (4096, 2)])
def test_products_are_summed_in_parts_where_each_part_is_long(length, stages, rng):
    a, b = rng.normal(size=(7, length)), rng.normal(size=(length, 48))
    program = Program(lambda a, b: a @ b, a, b, parallel=True)
    assert program.native.parts.stages == stages
    np.testing.assert_allclose(program(a, b, threads=2)[0], a @ b, atol=1e-9)

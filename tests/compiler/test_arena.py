"""How many rows the stages of a region take at a time."""

from unittest.mock import patch

import numpy as np
import pytest
from native_programs import Program

from lunzi.compiler import arena
from lunzi.compiler.arena import runs_of

MATRICES = 6
MATRIX = (64, 64)  # 16 KiB


def through_matrices(x, *matrices):
    for matrix in matrices:
        x = (x @ matrix).tanh()
    return x


@pytest.mark.parametrize(("fitting", "runs"), [(1, 6), (2, 3), (4, 2), (6, 1)])
def test_rows_go_together_through_as_many_matrices_as_fit_a_cache(fitting, runs, rng):
    x = rng.normal(size=(24, 20, 64)).astype(np.float32)
    matrices = [rng.normal(size=MATRIX).astype(np.float32) / 8 for _ in range(MATRICES)]
    sizes = {"MATRIX_BYTES": fitting * 2**14, "SHARED_BYTES": 2**18, "SCRATCH_BYTES": 2**12}
    with patch.multiple(arena, **sizes):
        program = Program(through_matrices, x, *matrices, parallel=True)
        (region,) = program.native.plan().regions
        block, found = runs_of(region)
        assert len(found) == runs
        assert block == min(24, 2**18 // ((runs - 1) * 20 * 64 * 4)) if runs > 1 else block == 1
        assert all(run.rows == 1 for run in found)
    results = [program(x, *matrices, threads=threads)[0] for threads in (1, 2, 3)]
    np.testing.assert_allclose(results[0], program.expected(x, *matrices)[0], atol=1e-5)
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])

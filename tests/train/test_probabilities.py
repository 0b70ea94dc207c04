import numpy as np

from lunzi.train.probabilities import softmax


def test_rows_of_logits_become_rows_that_sum_up_to_1():
    probabilities = softmax(np.log(np.array([[1.0, 3.0], [2.0, 2.0]])))
    np.testing.assert_allclose(probabilities, [[0.25, 0.75], [0.5, 0.5]], rtol=1e-15)


def test_large_logits_do_not_overflow():
    probabilities = softmax(np.array([[1e4, 1e4, -1e4]], np.float32))
    np.testing.assert_array_equal(probabilities, [[0.5, 0.5, 0]])
    assert probabilities.dtype == np.float64

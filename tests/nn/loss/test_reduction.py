import numpy as np
import pytest

import lunzi as lz
from lunzi.nn.functional import binary_cross_entropy_with_logits
from lunzi.nn.loss.reduction import Loss, reduced


def test_a_loss_of_ones_own_takes_its_reduction_from_the_base():
    class Cubed(Loss):
        def forward(self, input, target):
            return reduced((input - target).abs() ** 3, self.reduction)

    x, y = lz.tensor([1.0, 3.0]), lz.tensor([1.0, 1.0])
    assert float(Cubed()(x, y)) == 4
    assert float(Cubed(reduction="sum")(x, y)) == 8


@pytest.mark.parametrize("shape", [(), (1,), (3,), (1, 3), (2, 1), (2, 3)])
def test_a_weight_stretches_to_the_predictions(shape):
    x = np.zeros((2, 3))
    loss = binary_cross_entropy_with_logits(x, x, np.full(shape, 2.0), reduction="none")
    np.testing.assert_allclose(loss, np.full((2, 3), 2 * np.log(2)), rtol=1e-15)

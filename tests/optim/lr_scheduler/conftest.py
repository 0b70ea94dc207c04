import pytest

import lunzi as lz
from lunzi import optim


@pytest.fixture
def make_optimizer():
    """Makes an optimiser of one group for each learning rate."""

    def make(*lrs, kind=optim.SGD, **settings):
        groups = [{"params": [lz.tensor([1.0], requires_grad=True)], "lr": lr} for lr in lrs]
        return kind(groups, **settings)

    return make


@pytest.fixture
def rates():
    """The rates at step 0 and after each of `count` steps of a schedule, of the first group."""

    def follow(schedule, count):
        found = [schedule.get_last_lr()[0]]
        for _ in range(count):
            schedule.step()
            found.append(schedule.get_last_lr()[0])
        return found

    return follow

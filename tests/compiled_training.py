"""A training of a small network, to be run compiled and eager."""

import numpy as np

import lunzi as lz
from lunzi import nn, optim

X = np.float32([[0, 0], [0, 1], [1, 0], [1, 1]])
Y = np.float32([[0], [1], [1], [0]])


# Each optimiser, with settings that make it use all that it keeps.
OPTIMIZERS = {
    "SGD": {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    "Adagrad": {"lr": 0.1, "lr_decay": 0.1},
    "Adam": {"lr": 0.01, "amsgrad": True},
    "AdamW": {"lr": 0.01},
    "Lion": {"lr": 0.01, "weight_decay": 0.1},
    "Muon": {"lr": 0.01},
    "NAdam": {"lr": 0.01},
    "RMSprop": {"lr": 0.01, "momentum": 0.5, "centered": True},
}


class Training:
    """A network, its optimiser, and a step."""

    def __init__(self, kind=optim.Adam, dropout=False):
        lz.manual_seed(7)
        middle = nn.Dropout(0.5) if dropout else nn.Tanh()
        self.model = nn.Sequential(nn.Linear(2, 5), middle, nn.Linear(5, 1))
        self.optimizer = kind(self.model.parameters(), lr=0.1)

    def step(self, x, y):
        loss = nn.functional.mse_loss(self.model(x), y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss

    def numbers(self):
        state = [x for group in self.optimizer.state.values() for x in group.values()]
        return [x.numpy().tobytes() for x in (*self.model.parameters(), *state)]


def both(actions, **settings):
    """Losses and numbers after actions on a training, compiled and eager."""
    ends = []
    for way in (lz.compile, lambda function: function):
        training = Training(**settings)
        step = way(training.step)
        losses = [action(training, step) for action in actions]
        ends.append(([x.item() for x in losses if x is not None], training.numbers()))
    return ends


def train(training, step):
    return step(X, Y)

"""Handwritten digits with a training loop of one's own: `python examples/mlp_own_loop.py`."""

import numpy as np

import lunzi as lz
from lunzi import nn, optim
from lunzi.data import load_digits

HALF = 898  # those who wrote the second half did not write the first
BATCH = 32
EPOCHS = 20


def main() -> None:
    lz.manual_seed(0)
    images, digits = load_digits()
    x = images.reshape(-1, 64) / 16
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
    optimizer = optim.AdamW(model.parameters(), lr=3e-3)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS)

    for epoch in range(EPOCHS):
        model.train()
        order = np.random.default_rng(epoch).permutation(HALF)
        for start in range(0, HALF, BATCH):
            batch = order[start : start + BATCH]
            loss = nn.functional.cross_entropy(model(x[batch]), digits[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()

        model.eval()
        with lz.no_grad():
            guesses = model(x[HALF:]).numpy().argmax(axis=1)
        accuracy = (guesses == digits[HALF:]).mean()
        print(f"epoch {epoch + 1}/{EPOCHS}  loss {loss.item():.3f}  accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()

"""Handwritten digits with a compiled step: `python examples/compiled_step.py`.

`lunzi show examples/compiled_step.py --after stages` prints what the step becomes, and
`lunzi show examples/compiled_step.py --cost` what each part of it costs.
"""

import lunzi as lz
from lunzi import nn, optim
from lunzi.data import load_digits

HALF = 898  # those who wrote the second half did not write the first
BATCH = 32
EPOCHS = 20

lz.manual_seed(0)
images, digits = load_digits()
pixels = (images.reshape(-1, 64) / 16).astype("float32")
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = optim.AdamW(model.parameters(), lr=3e-3)


@lz.compile
def step(x, y):
    loss = nn.functional.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


def example():
    """The arguments of a call, from which the step can be shown without making it."""
    return pixels[:BATCH], digits[:BATCH]


def main() -> None:
    for epoch in range(EPOCHS):
        for start in range(0, HALF - BATCH + 1, BATCH):
            batch = slice(start, start + BATCH)
            loss = step(pixels[batch], digits[batch])
        guesses = model(pixels[HALF:]).numpy().argmax(axis=1)
        accuracy = (guesses == digits[HALF:]).mean()
        print(f"epoch {epoch + 1}/{EPOCHS}  loss {loss.item():.3f}  accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()

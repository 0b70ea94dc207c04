"""Exclusive or, the smallest problem that needs a hidden layer: `python examples/xor.py`."""

from lunzi import NeuralNetwork

INPUTS = [[0, 0], [0, 1], [1, 0], [1, 1]]
TARGETS = [[0], [1], [1], [0]]


def main() -> None:
    network = NeuralNetwork(2, 3, 1, seed=0)
    print(network.summary())
    print()
    print(network.fit(INPUTS, TARGETS, learning_rate=0.5))
    for (a, b), (output,) in zip(INPUTS, network.predict(INPUTS), strict=True):
        print(f"{a} xor {b} = {output:.3f}")


if __name__ == "__main__":
    main()

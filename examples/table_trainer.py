"""The price of a flat from a CSV file, with the Trainer: `python examples/table_trainer.py`."""

import tempfile
from pathlib import Path

import numpy as np

import lunzi as lz
from lunzi import nn, optim
from lunzi.data import TablePreprocessing, read_table
from lunzi.train import MAE, EarlyStopping

FLATS, TRAINING = 600, 450


def write_flats(path: Path) -> None:
    """A table with a number, a category and a price that hangs on both, with some noise."""
    rng = np.random.default_rng(0)
    size = rng.uniform(30, 120, FLATS)
    district = rng.choice(["north", "south", "harbour"], FLATS)
    price = size * np.where(district == "harbour", 5.0, 3.5) + rng.normal(0, 10, FLATS)
    rows = [f"{s:.1f},{d},{p:.1f}" for s, d, p in zip(size, district, price, strict=True)]
    path.write_text("size,district,price\n" + "\n".join(rows) + "\n", "utf-8")


def main() -> None:
    lz.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flats.csv"
        write_flats(path)
        table = read_table(path)
    training, validation = np.arange(TRAINING), np.arange(TRAINING, FLATS)
    preprocessing = TablePreprocessing.fit(table, "price", rows=training)
    x, y = preprocessing.encode(table), preprocessing.encode_target(table)
    print("inputs:", ", ".join(preprocessing.feature_names))

    model = nn.Sequential(nn.Linear(preprocessing.inputs, 32), nn.ReLU(), nn.Linear(32, 1))
    trainer = lz.Trainer(
        model,
        nn.MSELoss(),
        optim.AdamW(model.parameters(), lr=1e-2),
        metrics={"mae": MAE()},
        callbacks=[EarlyStopping(patience=10)],
    )
    trainer.fit((x[training], y[training]), (x[validation], y[validation]), epochs=100)
    prices = preprocessing.target.decode(trainer.predict(x[validation]))
    truth = preprocessing.target.decode(y[validation])
    print(f"{trainer.epoch} epochs, mean error of a price {abs(prices - truth).mean():.1f}")


if __name__ == "__main__":
    main()

import math

import pytest

from lunzi.messages import use_language
from lunzi.report.learning import learning_section


def section(parse, history, best_epoch=None):
    return parse(learning_section(history, best_epoch).markup)


def charts(document):
    return [svg.attributes["aria-label"] for svg in document.all("svg")]


@pytest.mark.parametrize("prefix", ["validation ", "validation_", "val_"])
def test_training_and_validation_share_a_chart(parse, prefix):
    row = {"epoch": 1, "loss": 2.0, f"{prefix}loss": 3.0, f"{prefix}accuracy": 0.5, "seconds": 9}
    document = section(parse, [row, row])
    assert charts(document) == ["Loss by epoch", "Accuracy by epoch"]
    assert document.texts("text", "name") == ["validation", "training", "validation"]


def test_the_training_line_is_quiet_beside_the_validation_line(parse):
    document = section(parse, [{"train_loss": 1.0, "val_loss": 2.0}] * 2)
    kinds = [path.attributes["class"] for path in document.all("path", "line")]
    assert kinds == ["line quiet", "line line-1"]


def test_a_line_that_stands_alone_is_loud(parse):
    document = section(parse, [{"loss": 1.0}] * 2)
    assert [path.attributes["class"] for path in document.all("path")] == ["line line-1"]


def test_epochs_are_the_x_axis(parse):
    document = section(parse, [{"epoch": epoch, "loss": 1.0} for epoch in (5, 6, 7)])
    assert document.texts("title")[0] == "epoch 5, training: 1"


def test_without_epochs_the_rows_are_counted_from_one(parse):
    assert section(parse, [{"loss": 1.0}]).texts("title") == ["epoch 1, training: 1"]


def test_an_unknown_quantity_keeps_its_name(parse):
    assert charts(section(parse, [{"validation <b>": 1.0}])) == ["<b> by epoch"]


def test_a_row_may_lack_a_column(parse):
    document = section(parse, [{"loss": 2.0}, {"loss": 1.0, "validation loss": 1.5}])
    assert document.texts("td") == ["2", "–", "1", "1.5"]
    assert "lower is better" in document.texts("span", "note")


def test_broken_values_are_counted(parse):
    document = section(parse, [{"loss": math.nan}, {"loss": math.inf}, {"loss": 1.0}])
    assert document.texts("span", "note") == ["values that are NaN or infinite, not drawn: 2"]


@pytest.mark.parametrize(
    ("epochs", "best", "said"),
    [
        (1, 1, "It was trained for one epoch."),
        (2, None, "It was trained for 2 epochs."),
        (2, 1, "It was trained for 2 epochs; the weights of epoch 1 were kept (dashed line)."),
    ],
)
def test_the_introduction_says_how_long(parse, epochs, best, said):
    rows = [{"epoch": epoch + 1, "loss": 1.0} for epoch in range(epochs)]
    assert section(parse, rows, best).texts("p") == [said]


def test_chinese_has_its_own_words(parse):
    with use_language("zh"):
        document = section(parse, [{"loss": 1.0, "validation MAE": 2.0}] * 2)
    assert charts(document) == ["各轮的损失", "各轮的平均绝对误差"]


def test_the_numbers_of_a_long_run_are_listed_at_equal_distances_to_the_last(parse):
    document = section(parse, [{"epoch": epoch, "loss": 1.0} for epoch in range(1, 1001)])
    epochs = document.texts("td")[::2]
    assert epochs[:3] == ["1", "6", "11"]
    assert epochs[-1] == "1,000"
    assert len(epochs) == 201


@pytest.mark.parametrize("history", [[], [{"epoch": 1, "seconds": 2.0}]])
def test_nothing_learned_makes_no_section(history):
    assert learning_section(history, None) is None

import contextlib
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lunzi.core.advice import LunziWarning
from lunzi.core.errors import FileFormatError, LunziError, MissingFileError
from lunzi.core.tensor import Tensor
from lunzi.files import read_tensors, write_tensors
from lunzi.messages import use_language
from lunzi.train import EnvironmentWarning, checkpoint, load_checkpoint, save_checkpoint
from lunzi.train.environment import environment


@pytest.fixture
def path(tmp_path):
    return tmp_path / "数据 集.safetensors"


STATE = {"weights": Tensor(np.arange(3.0)), "epoch": 3, "history": [{"loss": float("nan")}]}


def forge(path, tree=b'{"dict": []}', **metadata):
    arrays = {} if tree is None else {"state.json": np.frombuffer(tree, np.uint8)}
    known = {"format": checkpoint.FORMAT, "environment": json.dumps(environment())}
    write_tensors(path, arrays, {**known, **metadata})


def test_a_state_comes_back(path):
    save_checkpoint(path, STATE)
    state = load_checkpoint(path)
    assert list(state) == list(STATE)
    np.testing.assert_array_equal(state["weights"].numpy(), [0, 1, 2])
    assert state["epoch"] == 3
    assert np.isnan(state["history"][0]["loss"])


def test_the_same_state_gives_the_same_bytes(path, tmp_path):
    save_checkpoint(path, STATE)
    save_checkpoint(tmp_path / "other", STATE)
    assert path.read_bytes() == (tmp_path / "other").read_bytes()


def test_tensors_are_in_the_file_under_their_names(path):
    save_checkpoint(path, {"model": {"0.weight": Tensor(np.ones(2))}, "state.json": np.zeros(1)})
    assert list(read_tensors(path)) == ["model.0.weight", "tensor 2", "state.json"]


def test_a_long_history_is_no_matter(path):
    rows = [{"epoch": epoch, "column" * 1_500: 0.5} for epoch in range(2_000)]
    save_checkpoint(path, {"history": rows})  # 17 MiB: more than a header may have
    assert load_checkpoint(path)["history"][-1] == rows[-1]


def test_a_missing_file_is_named(path):
    with pytest.raises(MissingFileError, match="数据 集"):
        load_checkpoint(path)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_another_file_of_tensors_is_no_checkpoint(path, language):
    write_tensors(path, {"weight": np.ones(2)})
    says = {"en": "is not a checkpoint", "zh": "不是训练检查点"}[language]
    with use_language(language), pytest.raises(FileFormatError, match=says):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "damage",
    [
        {"tree": None},
        {"tree": b"{"},
        {"tree": b"\xff"},
        {"tree": b"[" * 100_000},
        {"tree": b'{"list": []}'},
        {"tree": b'{"dict": [["a", {"tensor": ["missing"]}]]}'},
        {"environment": "3"},
        {"environment": "{"},
        {"environment": "[1]"},
    ],
)
def test_a_damaged_checkpoint_is_named(path, damage):
    forge(path, **damage)
    with pytest.raises(FileFormatError, match=r"数据 集\.safetensors is damaged"):
        load_checkpoint(path)


def test_a_checkpoint_without_an_environment_is_damaged(path):
    write_tensors(path, {}, {"format": checkpoint.FORMAT})
    with pytest.raises(FileFormatError, match="is damaged"):
        load_checkpoint(path)


@pytest.mark.filterwarnings("ignore::lunzi.train.EnvironmentWarning")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_bytes_changed_at_random_give_a_state_or_the_one_error(path, data):
    save_checkpoint(path, STATE)
    raw = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=3)):
        raw[place] = data.draw(st.integers(0, 255))
    path.write_bytes(raw[: data.draw(st.just(len(raw)) | st.integers(0, len(raw)))])
    with contextlib.suppress(LunziError):
        load_checkpoint(path)


def test_another_environment_is_told(path, monkeypatch):
    save_checkpoint(path, STATE)
    monkeypatch.setattr(checkpoint, "environment", lambda _: {**environment(), "threads": "96"})
    with pytest.warns(EnvironmentWarning, match=r"threads \d+ -> 96\)") as caught:
        load_checkpoint(path)
    assert caught[0].filename == __file__
    assert issubclass(EnvironmentWarning, LunziWarning)
    with use_language("zh"), pytest.warns(EnvironmentWarning, match="不同的环境"):
        load_checkpoint(path)


def test_a_folder_is_no_place_for_a_checkpoint(tmp_path):
    with pytest.raises(FileFormatError):
        save_checkpoint(tmp_path, STATE)

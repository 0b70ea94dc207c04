import gc
import subprocess
import sys
import threading
import traceback

import numpy as np
import pytest

from lunzi.core.errors import KindError, RangeError, StateKeyError
from lunzi.data.dataset import ArrayDataset, Subset
from lunzi.data.keys import uniform
from lunzi.data.loader import DataLoader
from lunzi.data.transforms import RandomAffine
from lunzi.messages import language, use_language

PREFETCH = pytest.mark.parametrize("prefetch", [0, 1, 3])


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("lunzi-prefetch")]


def numbers(loader):
    return [x.tolist() for (x,) in loader]


def samples(loader):
    return [sample for batch in numbers(loader) for sample in batch]


def make(count=10, **arguments):
    return DataLoader(ArrayDataset(np.arange(count)), **{"batch_size": 4, **arguments})


def add_chance(x, keys):
    return x + uniform(keys, 1)[:, 0]


@PREFETCH
def test_batches_come_in_order_and_the_last_may_be_smaller(prefetch):
    loader = make(prefetch=prefetch)
    assert numbers(loader) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert len(loader) == 3


@PREFETCH
def test_drop_last_leaves_out_a_batch_that_is_not_full(prefetch):
    loader = make(prefetch=prefetch, drop_last=True)
    assert numbers(loader) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert len(loader) == 2


@PREFETCH
def test_shuffling_gives_each_sample_once_and_another_order_each_epoch(prefetch):
    loader = make(prefetch=prefetch, shuffle=True)
    first, second = (samples(loader) for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


def test_the_order_is_a_function_of_seed_and_epoch():
    loader = make(shuffle=True, seed=5)
    epochs = [numbers(loader) for _ in range(3)]
    loader.set_epoch(1)
    assert numbers(loader) == epochs[1]
    assert numbers(make(shuffle=True, seed=5)) == epochs[0]
    assert numbers(make(shuffle=True, seed=6)) != epochs[0]


def test_a_loop_left_early_begins_the_same_epoch_again():
    loader = make(shuffle=True)
    first = next(iter(loader))[0].tolist()
    assert next(iter(loader))[0].tolist() == first
    assert numbers(loader)[0] == first


@PREFETCH
def test_a_sample_is_changed_in_the_same_way_in_any_batch_of_that_epoch(prefetch):
    def changed(**arguments):
        loader = make(transform=add_chance, prefetch=prefetch, **arguments)
        return {int(value): value for batch in numbers(loader) for value in batch}

    assert changed(batch_size=3) == changed(batch_size=10) == changed(shuffle=True)


def test_a_sample_is_changed_in_another_way_in_the_next_epoch():
    loader = make(transform=add_chance)
    assert not np.isin(samples(loader), samples(loader)).any()


def test_only_the_inputs_are_transformed():
    images, targets = np.ones((6, 8, 8), np.float32), np.arange(6)
    loader = DataLoader(ArrayDataset(images, targets), 6, transform=RandomAffine(0, scale=(2, 2)))
    ((x, y),) = loader
    assert x.shape == (6, 8, 8)
    assert y.tolist() == targets.tolist()


@PREFETCH
@pytest.mark.parametrize("stop", [0, 1, 2, 3])
def test_resuming_at_any_batch_gives_the_same_bits(prefetch, stop):
    arguments = {"shuffle": True, "seed": 3, "transform": add_chance, "prefetch": prefetch}
    whole = make(**arguments)
    expected = [numbers(whole) for _ in range(3)]

    first = make(**arguments)
    before = numbers(first)
    place = iter(first)
    begun = [next(place)[0].tolist() for _ in range(stop)]
    state = first.state_dict()

    resumed = make(**arguments)
    resumed.load_state_dict(state)
    assert resumed.state_dict() == state
    assert [before, begun + numbers(resumed), numbers(resumed)] == expected
    place.close()


def test_set_epoch_keeps_the_place_in_that_epoch_and_leaves_it_for_another():
    loader = make()
    state = {**loader.state_dict(), "epoch": 2, "batches": 1}
    loader.load_state_dict(state)
    loader.set_epoch(2)
    assert len(numbers(loader)) == 2
    loader.load_state_dict(state)
    loader.set_epoch(3)
    assert len(numbers(loader)) == 3


def test_batches_made_ahead_do_not_count_as_handed_out():
    last_made = threading.Event()

    def note(x, keys):
        if 9 in x:
            last_made.set()
        return x

    loader = make(prefetch=2, transform=note)
    place = iter(loader)
    next(place)
    assert last_made.wait(timeout=60)
    assert loader.state_dict()["batches"] == 1
    place.close()


def test_no_more_batches_are_made_ahead_than_asked():
    made = []

    def note(x, keys):
        made.append(len(x))
        return x

    place = iter(make(100, prefetch=2, transform=note))
    next(place)
    next(place)
    place.close()
    assert 2 <= len(made) <= 4


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"batch_size": 5}, StateKeyError, "had batch_size 5, this one has 4"),
        ({"seed": 1}, StateKeyError, "had seed 1, this one has 0"),
        ({"samples": 11}, StateKeyError, "had samples 11, this one has 10"),
        ({"shuffle": True}, StateKeyError, "had shuffle True"),
        ({"epoch": -1}, RangeError, "epoch must be 0 or more"),
        ({"batches": 4}, RangeError, "batches must be at most 3, got 4"),
        ({"batches": "2"}, KindError, "batches is a whole number, got '2'"),
        ({"more": 1}, StateKeyError, "has the names"),
    ],
)
def test_a_state_of_another_loader_is_refused(change, error, message):
    loader = make()
    with pytest.raises(error, match=message):
        loader.load_state_dict({**loader.state_dict(), **change})


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"batch_size": 0}, RangeError, "batch_size must be 1 or more, got 0"),
        ({"batch_size": 2.5}, KindError, "batch_size is a whole number, got 2.5"),
        ({"prefetch": -1}, RangeError, "prefetch must be 0 or more"),
        ({"shuffle": "yes"}, KindError, "shuffle is True or False, got 'yes'"),
        ({"drop_last": 1}, KindError, "drop_last is True or False, got 1"),
        ({"transform": 3}, KindError, "transform is a function of images and keys, got 3"),
        ({"batch_size": 11, "drop_last": True}, RangeError, "drop_last leaves no batch"),
    ],
)
def test_arguments_outside_their_range_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        make(**arguments)


@pytest.mark.parametrize("state", [None, 3, ["epoch"]])
def test_what_is_no_state_is_refused(state):
    with pytest.raises(StateKeyError, match="a DataLoader's state has the names"):
        make().load_state_dict(state)


def test_a_tuple_of_arrays_is_no_dataset():
    with pytest.raises(KindError, match=r"as ArrayDataset\(x, y\) has; got tuple"):
        DataLoader((np.zeros(4), np.zeros(4)))


def test_an_empty_dataset_is_refused():
    with pytest.raises(RangeError, match="at least one sample, got an empty one"):
        DataLoader(Subset(range(3), []))


class Broken:
    def __len__(self):
        return 10

    def __getitem__(self, index):
        if index == 6:
            raise OSError("sample 6 is damaged")
        return np.array(index)


@PREFETCH
def test_an_error_in_a_sample_comes_when_its_batch_is_due_with_its_traceback(prefetch):
    place = iter(DataLoader(Broken(), 2, prefetch=prefetch))
    assert [next(place)[0].tolist() for _ in range(3)] == [[0, 1], [2, 3], [4, 5]]
    with pytest.raises(OSError, match="sample 6 is damaged") as caught:
        next(place)
    assert "__getitem__" in "".join(traceback.format_exception(caught.value))
    assert threads() == []


def test_the_thread_ends_with_the_epoch():
    loader = make(prefetch=2)
    assert len(numbers(loader)) == 3
    assert threads() == []


def test_the_thread_ends_when_the_consumer_stops_early():
    for _ in make(prefetch=2):
        assert len(threads()) == 1
        break
    gc.collect()
    assert threads() == []


def test_the_thread_ends_when_an_exception_passes():
    def consume():
        for _ in make(prefetch=2):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        consume()
    gc.collect()
    assert threads() == []


def test_a_process_ends_though_a_loop_was_left_open():
    script = (
        "import numpy as np\n"
        "from lunzi.data import ArrayDataset, DataLoader\n"
        "place = iter(DataLoader(ArrayDataset(np.arange(100)), 2, prefetch=4))\n"
        "print(next(place)[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert (done.stdout, done.stderr) == ("[0 1]\n", "")


def test_the_thread_speaks_the_language_of_the_consumer():
    spoken = []

    def note(x, keys):
        spoken.append(language())
        return x

    with use_language("zh"):
        numbers(make(prefetch=1, transform=note))
    assert spoken == ["zh"] * 3

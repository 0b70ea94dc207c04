"""Every exported name, called with wrong things: only errors of ours come back, and no hang.

A call that works is found for each, from EXAMPLES or from the kinds of values that many take;
then each argument in turn is replaced by each of the wrong things, and two of them by pairs.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice, product

import numpy as np
import pytest

import lunzi as lz
from lunzi import data, files, nn, optim
from lunzi.nn import functional, init, utils
from lunzi.optim import lr_scheduler


@pytest.fixture(autouse=True)
def folder_of_its_own(tmp_path, monkeypatch):
    """Some of the wrong things are right names of files."""
    monkeypatch.chdir(tmp_path)


class Thing:
    """Something that nobody expects."""


def nested(depth):
    value = 1.0
    for _ in range(depth):
        value = [value]
    return value


def x():
    return lz.tensor(np.arange(6, dtype=np.float32).reshape(2, 3))


def layer():
    return nn.Linear(3, 2)


def optimizer():
    return optim.SGD([nn.Parameter(np.ones(2))], 0.1, momentum=0.9)


# Made anew for each call.
WRONG: dict[str, Callable[[], object]] = {
    "None": lambda: None,
    "a text": lambda: "text",
    "an empty text": lambda: "",
    "bytes": lambda: b"ab",
    "a list of texts": lambda: ["a", "b"],
    "an array of texts": lambda: np.array(["a", "b"]),
    "a text and a number": lambda: ("a", 2),
    "a ragged list": lambda: [[1, 2], [3]],
    "a deep list": lambda: nested(100),
    "an object": Thing,
    "an array of objects": lambda: np.array([None, 1], object),
    "a complex number": lambda: 1j,
    "complex numbers": lambda: np.zeros(3, np.complex64),
    "dates": lambda: np.array(["2020-01-01"], "datetime64[D]"),
    "records": lambda: np.zeros(2, [("a", "f4"), ("b", "i4")]),
    "NaN": lambda: float("nan"),
    "infinity": lambda: float("inf"),
    "minus infinity": lambda: -float("inf"),
    "NaN sizes": lambda: (float("nan"), float("nan")),
    "a huge number": lambda: 10**400,
    "a large number": lambda: 10**15,
    "huge sizes": lambda: (10**15, 10**15),
    "a negative number": lambda: -1,
    "a huge negative number": lambda: -(10**30),
    "negative sizes": lambda: (-1, -2),
    "a fraction": lambda: 0.5,
    "True": lambda: True,
    "0": lambda: 0,
    "7": lambda: 7,
    "a number of NumPy": lambda: np.float32(2),
    "an array of no axes": lambda: np.array(2),
    "an empty list": list,
    "an empty tuple": tuple,
    "an empty array": lambda: np.zeros(0, np.float32),
    "rows of no numbers": lambda: np.zeros((0, 3), np.float32),
    "three axes": lambda: np.zeros((2, 3, 4), np.float32),
    "five axes": lambda: np.zeros((2, 3, 4, 2, 2), np.float32),
    "70 axes": lambda: (1,) * 70,
    "integers": lambda: np.array([[0, 1, 2], [2, 1, 0]]),
    "truth values": lambda: np.array([True, False]),
    "integers above 2^63": lambda: np.array([2**64 - 1], np.uint64),
    "a dict": dict,
    "a dict of a number": lambda: {"a": 1},
    "a set": lambda: {1, 2},
    "a generator": lambda: (number for number in range(3)),
    "a range": lambda: range(3),
    "a slice": lambda: slice(None),
    "dots": lambda: ...,
    "a tensor": x,
    "tensors": lambda: [x(), x()],
    "a module": layer,
}  # fmt: skip

# Kinds of values that many functions take, tried in all places of those without an example
KINDS: list[Callable[[], object]] = [
    x, lambda: 1, lambda: 2, lambda: (2, 3), lambda: "float32", lambda: [x(), x()],
    lambda: lz.tensor([0, 1]), lambda: x() > 1, lambda: [nn.Parameter(np.ones(2))], optimizer,
]  # fmt: skip

IMAGES = (2, 3, 4, 4)
EXAMPLES: dict[str, Callable[[], tuple[object, ...]]] = {
    "einsum": lambda: ("ij->ji", x()),
    "from_dlpack": lambda: (np.zeros(2),),
    "grad": lambda: (np.sum,),
    "pad": lambda: (x(), ((0, 0), (1, 1))),
    "permute_dims": lambda: (x(), (1, 0)),
    "matmul": lambda: (x(), x().T),
    "scan": lambda: (lambda total, row: (total + row, total), lz.zeros(3), x()),
    "trace": lambda: (lambda *_: None, x()),
    "value_and_grad": lambda: (np.sum,),
    "where": lambda: (x() > 1, x(), 0),
    "random.integers": lambda: (0, 10, (2,)),
    "functional.batch_norm": lambda: (x(), lz.zeros(3), lz.ones(3)),
    "functional.binary_cross_entropy": lambda: (x() / 10, x() / 10),
    "functional.conv1d": lambda: (lz.ones((2, 3, 4)), lz.ones((4, 3, 2))),
    "functional.conv2d": lambda: (lz.ones(IMAGES), lz.ones((4, 3, 2, 2))),
    "functional.conv_transpose2d": lambda: (lz.ones(IMAGES), lz.ones((3, 4, 2, 2))),
    "functional.cross_entropy": lambda: (x(), [0, 1]),
    "functional.embedding": lambda: ([0, 1], x()),
    "functional.glu": lambda: (lz.ones((2, 4)),),
    "functional.layer_norm": lambda: (x(), 3),
    "functional.linear": lambda: (x(), lz.ones((2, 3))),
    "functional.nll_loss": lambda: (-x(), [0, 1]),
    "functional.rms_norm": lambda: (x(), 3),
    "functional.scaled_dot_product_attention": lambda: (x(), x(), x()),
    "init.calculate_gain": lambda: ("tanh",),
    "init.dirac_": lambda: (lz.zeros((2, 2, 3)),),
    "utils.vector_to_parameters": lambda: (lz.zeros(6), [x()]),
    "nn.ModuleDict": lambda: ({"a": layer()},),
    "nn.ModuleList": lambda: ([layer()],),
    "nn.MultiheadAttention": lambda: (4, 2),
    "nn.Sequential": lambda: (layer(), layer()),
    "nn.TransformerEncoder": lambda: (layer(), 2),
    "nn.TransformerEncoderLayer": lambda: (4, 2, 3),
    "nn.Unflatten": lambda: (1, (1, 3)),
    "optim.Muon": lambda: ([nn.Parameter(np.ones((2, 2)))],),
    "lr_scheduler.LambdaLR": lambda: (optimizer(), lambda step: 1.0),
    "lr_scheduler.MultiStepLR": lambda: (optimizer(), [2, 3]),
    "lr_scheduler.OneCycleLR": lambda: (optimizer(), 0.1, 10),
    "lr_scheduler.SequentialLR": lambda: schedules_in_a_row(),
    "data.ArrayDataset": lambda: (np.zeros((4, 2)), np.zeros(4)),
    "data.digit_picture": lambda: (np.eye(20, dtype=np.float32) * 255,),
    "data.Compose": lambda: ([data.RandomAffine(5)],),
    "data.random_split": lambda: (np.arange(4), [3, 1]),
    "data.Subset": lambda: (np.arange(4), [3, 1]),
    "NeuralNetwork": lambda: (2, 3, 1),
    "Trainer": lambda: trainer_parts(),
}
FORWARD = {
    "AdaptiveAvgPool2d": ((3,), IMAGES), "AvgPool1d": ((2,), (2, 3, 4)),
    "AvgPool2d": ((2,), IMAGES), "BatchNorm1d": ((3,), (2, 3)), "BatchNorm2d": ((3,), IMAGES),
    "Conv1d": ((3, 4, 2), (2, 3, 4)),
    "Conv2d": ((3, 4, 2), IMAGES), "ConvTranspose2d": ((3, 4, 2), IMAGES),
    "Dropout1d": ((), (2, 3, 4)), "Dropout2d": ((), IMAGES), "Flatten": ((), IMAGES),
    "GLU": ((), (2, 4)), "GRU": ((3, 2), (2, 3)), "GRUCell": ((3, 2), (2, 3)),
    "GroupNorm": ((3, 3), IMAGES), "LSTM": ((3, 2), (2, 3)), "LSTMCell": ((3, 2), (2, 3)),
    "LayerNorm": ((3,), (2, 3)), "Linear": ((3, 2), (2, 3)), "MaxPool1d": ((2,), (2, 3, 4)),
    "MaxPool2d": ((2,), IMAGES), "MultiheadAttention": ((3, 1), (2, 3)),
    "RMSNorm": ((3,), (2, 3)), "RNN": ((3, 2), (2, 3)), "RNNCell": ((3, 2), (2, 3)),
    "TransformerEncoder": ((nn.Linear(3, 3), 2), (2, 3)),
    "TransformerEncoderLayer": ((3, 1, 2), (2, 3)), "Unflatten": ((1, (1, 3)), (2, 3)),
}  # fmt: skip

# Neither functions nor classes that a user calls with arguments of his own; files have tests
# of their own, which write them first.
LEFT_OUT = {
    "load", "save", "inspect", "Graph", "Module", "Batch", "BatchDataset", "Dataset", "Transform",
    "Group", "LRScheduler", "Optimizer", "Summary",
}  # fmt: skip


def schedules_in_a_row():
    one = optimizer()
    return one, [lr_scheduler.ExponentialLR(one, 0.9), lr_scheduler.ConstantLR(one)], [2]


def trainer_parts():
    model = layer()
    return model, nn.MSELoss(), optim.SGD(model.parameters(), 0.1)


# Rooms with an `__all__`, and those without, of which the names are given
ROOMS = {
    "": lz, "nn.": nn, "functional.": functional, "optim.": optim, "lr_scheduler.": lr_scheduler,
    "data.": data,
}  # fmt: skip
INITIAL_VALUES = [name for name in vars(init) if name.endswith("_") and not name.startswith("_")]
NAMES = {
    "random.": (lz.random, ["Generator", "manual_seed", "bernoulli", "bits", "integers", "normal",
                            "permutation", "uniform"]),
    "init.": (init, ["calculate_gain", *INITIAL_VALUES]),
    "utils.": (utils, ["clip_grad_norm_", "clip_grad_value_", "parameters_to_vector",
                       "vector_to_parameters"]),
}  # fmt: skip


def exported() -> Iterator[tuple[str, Callable[..., object]]]:
    names = {prefix: (room, room.__all__) for prefix, room in ROOMS.items()}
    for prefix, (room, own) in (names | NAMES).items():
        for name in own:
            value = getattr(room, name)
            is_error = isinstance(value, type) and issubclass(value, Warning | Exception)
            is_reader = name.startswith("read_")
            if callable(value) and not (is_error or is_reader or name in LEFT_OUT):
                yield prefix + name, value


CALLS = dict(exported())


def fits(function, arguments) -> bool:
    try:
        function(*arguments)
    except lz.LunziError:
        return False
    return True


def example_of(name) -> Callable[[], tuple[object, ...]]:
    """What makes arguments with which a call works, new ones each time."""
    if name in EXAMPLES:
        return EXAMPLES[name]
    function = CALLS[name]
    required = [
        argument
        for argument in inspect.signature(function).parameters.values()
        if argument.default is argument.empty and "VAR" not in argument.kind.name
    ]
    for kinds in product(KINDS, repeat=len(required)):
        if fits(function, [make() for make in kinds]):
            return lambda kinds=kinds: tuple(make() for make in kinds)
    raise AssertionError(f"{name} has no example and none is found: give it one")


SIGNATURE = re.compile(r"positional argument|unexpected keyword argument|takes no arguments")


def refuses(function, /, *arguments, **named) -> None:
    """Call it: what comes is a result, an error of ours, or Python's for a wrong signature."""
    try:
        function(*arguments, **named)
    except lz.LunziError:
        pass
    except TypeError as error:
        if not SIGNATURE.search(str(error)):
            raise


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CALLS)
def test_wrong_arguments_are_refused(name):
    function, example = CALLS[name], example_of(name)
    count = len(example())
    for wrong, place in product(WRONG.values(), range(count)):
        arguments = list(example())
        arguments[place] = wrong()
        refuses(function, *arguments)
    for argument in inspect.signature(function).parameters.values():
        if argument.default is not argument.empty:
            for wrong in WRONG.values():
                named = {argument.name: wrong()}
                bound = inspect.signature(function).bind_partial(*example())
                if argument.name not in bound.arguments:
                    refuses(function, *example(), **named)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in CALLS if not name.startswith("data.")])
def test_two_wrong_arguments_are_refused(name):
    # Every fifth pair, which meets each thing on either side several times.
    for first, second in islice(product(WRONG.values(), repeat=2), 0, None, 5):
        refuses(CALLS[name], first(), second())


HOLDERS = {"Module", "ModuleList", "ModuleDict", "Sequential", "Identity"}


def forwards():
    for name in nn.__all__:
        kind = getattr(nn, name)
        is_layer = isinstance(kind, type) and issubclass(kind, nn.Module)
        if is_layer and name not in HOLDERS:
            yield name


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", list(forwards()))
def test_a_layer_refuses_a_wrong_input(name):
    arguments, shape = FORWARD.get(name, ((), (2, 3)))
    arguments = (10, 3) if name == "Embedding" else arguments
    module = getattr(nn, name)(*arguments)
    is_loss = name.endswith("Loss")
    if name == "MultiheadAttention":
        module = partial(module, lz.zeros(shape), lz.zeros(shape))
    for wrong in WRONG.values():
        refuses(module, *([wrong(), wrong()] if is_loss else [wrong()]))
        if is_loss:
            refuses(module, lz.zeros(shape), wrong())
            refuses(module, wrong(), lz.zeros(shape))


def methods(of) -> list[str]:
    return [
        name
        for name, value in inspect.getmembers(type(of))
        if inspect.isfunction(value) and (not name.startswith("_") or name in OPERATORS)
    ]


OPERATORS = {
    f"__{name}__"
    for name in ["add", "radd", "sub", "mul", "truediv", "floordiv", "mod", "pow", "rpow", "and",
                 "or", "xor", "lshift", "rshift", "lt", "ge", "eq", "matmul", "getitem", "iadd",
                 "contains"]
}  # fmt: skip
# What one method does for another, or a subclass for its base: called with what was checked.
INTERNAL = {
    "apply", "operand", "binary", "compare", "meet", "checked", "position", "as_indices",
    "as_dtype", "check", "check_parameter", "init_state", "update_formula", "renew", "renewed",
    "saved_groups", "as_parameters", "take_batch", "check_state", "count", "factor", "is_better",
}  # fmt: skip
OBJECTS: dict[str, Callable[[], object]] = {
    "tensor": x,
    "integers": lambda: lz.tensor([[1, 2], [3, 4]]),
    "generator": lambda: lz.random.Generator(1),
    "layer": layer,
    "sequential": lambda: nn.Sequential(layer(), nn.ReLU()),
    "list of modules": lambda: nn.ModuleList([layer()]),
    "dict of modules": lambda: nn.ModuleDict({"a": layer()}),
    "optimizer": optimizer,
    "schedule": lambda: lr_scheduler.StepLR(optimizer(), 2),
    "plateau": lambda: lr_scheduler.ReduceLROnPlateau(optimizer()),
    "loader": lambda: data.DataLoader(np.zeros((5, 2)), 2),
    "dataset": lambda: data.ArrayDataset(np.zeros((5, 2))),
    "network": lambda: lz.NeuralNetwork(2, 3, 1, seed=0),
    "trainer": lambda: lz.Trainer(*trainer_parts()),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", OBJECTS)
def test_a_method_refuses_wrong_arguments(kind):
    for name in methods(OBJECTS[kind]()):
        if name in INTERNAL and not (name == "apply" and "layer" in kind):
            continue
        for wrong in WRONG.values():
            refuses(getattr(OBJECTS[kind](), name), wrong())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in files.__all__ if name.islower()])
def test_files_refuse_what_is_no_path(name):
    for wrong in WRONG.values():
        value = wrong()
        if not isinstance(value, str):
            refuses(getattr(files, name), value)
            refuses(getattr(files, name), value, value)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in data.__all__ if name.startswith("read_")])
def test_readers_refuse_what_is_no_path(name):
    for wrong in WRONG.values():
        refuses(getattr(data, name), wrong())

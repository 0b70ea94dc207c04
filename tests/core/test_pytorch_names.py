"""What PyTorch calls otherwise: each name and argument is answered with what to write."""

import copy
import inspect
from operator import attrgetter

import pytest

import lunzi as lz
from lunzi.core.pytorch_names import ARGUMENTS, ROOT, TENSOR, missing_attribute

X = lz.tensor([[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.parametrize("name", TENSOR)
def test_a_tensors_name_in_pytorch_is_answered_with_ours(name):
    with pytest.raises(AttributeError) as caught:
        getattr(X, name)
    assert str(caught.value) == f"a tensor has no {name!r}: write {TENSOR[name]}"
    assert isinstance(caught.value, lz.LunziError)
    assert not hasattr(X, name)


@pytest.mark.parametrize("name", ROOT)
def test_a_name_in_torch_is_answered_with_ours(name):
    with pytest.raises(AttributeError, match=f"^lunzi has no '{name}': write "):
        getattr(lz, name)
    assert not hasattr(lz, name)


def test_a_function_in_torch_is_answered_with_the_method():
    with pytest.raises(AttributeError, match=r"lunzi has no 'unsqueeze': write x\.expand_dims"):
        attrgetter("unsqueeze")(lz)


@pytest.mark.parametrize("name", ["x.reshape((2, 2))", "x.astype('int64')", "x ** 2", "x[x > 1]"])
def test_what_is_to_be_written_works(name):
    assert eval(name, {"x": X}).size


def test_the_names_of_tensors_stand_in_no_list_of_those_that_are_there():
    assert not set(TENSOR) & set(dir(X))
    assert "reshape" in dir(X)
    assert not set(ROOT) & set(lz.__all__)
    assert "data" in lz.__all__  # of a tensor: the room `lunzi.data` is found before


def test_any_other_name_is_just_missing():
    with pytest.raises(AttributeError, match="'Tensor' object has no attribute 'shap'"):
        attrgetter("shap")(X)
    assert str(missing_attribute("lunzi", "foo", TENSOR)) == "lunzi has no 'foo'"


def test_the_numbers_of_a_parameter_are_not_set_without_effect():
    with pytest.raises(AttributeError, match=r"x\.assign\(\.\.\.\) to change them"):
        lz.nn.Parameter([1.0]).data = X


def test_the_names_are_looked_for_without_harm():
    assert not hasattr(lz.Tensor, "view")
    assert dict(inspect.getmembers(lz.Tensor))["sum"] is lz.Tensor.sum
    assert not hasattr(X, "__array_interface__")
    assert copy.deepcopy(X).tolist() == X.tolist()


REDUCTIONS = [
    "sum", "max", "min", "mean", "var", "std", "prod", "any", "all", "logsumexp", "argmax",
    "argmin", "cumulative_sum", "sort", "argsort", "squeeze", "flip",
]  # fmt: skip


@pytest.mark.parametrize("name", REDUCTIONS)
def test_dim_is_axis(name):
    for call in (getattr(X, name), lambda name=name, **named: getattr(lz, name)(X, **named)):
        with pytest.raises(TypeError, match="no argument dim=: write axis=, NumPy's name"):
            call(dim=0)
        with pytest.raises(TypeError, match=r"there is no argument wrong=$"):
            call(wrong=0)


@pytest.mark.parametrize(
    "call",
    [
        lambda **named: X.topk(1, **named),
        lambda **named: X.split(2, **named),
        lambda **named: X.roll(1, **named),
        lambda **named: lz.concat([X, X], **named),
        lambda **named: lz.stack([X, X], **named),
        lambda **named: X.flatten(**named),
    ],
)
def test_dim_is_axis_where_there_are_other_arguments(call):
    for name, ours in ARGUMENTS.items():
        with pytest.raises(lz.KindError, match=f"no argument {name}=: write {ours}="):
            call(**{name: 0})


def test_size_is_a_number_and_not_called():
    assert X.size == 4
    assert X.size + 1 == 5
    assert lz.zeros(X.size).shape == (4,)
    with pytest.raises(TypeError, match=r"write x.shape for all lengths, x.shape\[0\] for one"):
        X.size()
    with pytest.raises(lz.KindError, match=r"x\.size is the number of elements"):
        X.size(0)


def test_the_lengths_of_a_shape_go_together():
    with pytest.raises(lz.KindError, match=r"the lengths of a shape go together, as \(2, 3\)"):
        lz.zeros(2, 3)


@pytest.mark.parametrize("device", ["cpu", "cuda", "cuda:0"])
def test_a_model_goes_to_no_device(device):
    with pytest.raises(lz.KindError, match="Lunzi computes on the CPU, and lines about devices"):
        lz.nn.Linear(2, 2).to(device)

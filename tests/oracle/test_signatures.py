"""Names, order and defaults of arguments against PyTorch's, for everything of the same name."""

import inspect
import warnings

import pytest

from lunzi import nn, optim
from lunzi.nn import functional, init, utils
from lunzi.optim import lr_scheduler

torch = pytest.importorskip("torch")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.optim import lr_scheduler as their_lr_scheduler

ROOMS = {
    "nn": (nn, torch.nn, nn.__all__),
    "functional": (functional, torch.nn.functional, functional.__all__),
    "init": (init, torch.nn.init, [name for name in dir(init) if name.endswith("_")]),
    "utils": (utils, torch.nn.utils, ["clip_grad_norm_", "clip_grad_value_",
                                      "parameters_to_vector", "vector_to_parameters"]),
    "optim": (optim, torch.optim, optim.__all__),
    "lr_scheduler": (lr_scheduler, their_lr_scheduler, lr_scheduler.__all__),
    "Module": (nn.Module, torch.nn.Module,
               [name for name in vars(nn.Module) if not name.startswith("_")]),
    "Optimizer": (optim.Optimizer, torch.optim.Optimizer,
                  ["add_param_group", "load_state_dict", "state_dict", "step", "zero_grad"]),
}  # fmt: skip

# What only Lunzi has. (Its docstrings say what each is.)
NOT_THEIRS = {
    "nn.LunziWarning", "nn.Summary", "optim.Group", "optim.Lion",
    "Module.config", "Module.members", "Module.multiply_adds", "Module.named_tensors",
    "Module.summary", "Module.training",
}  # fmt: skip
OWN_ARGUMENTS = {"generator"}
# PyTorch's signature says nothing: it is of C, or (*args, **kwargs).
SILENT = {
    "nn.Identity", "nn.Sequential", "Module.forward", "functional.avg_pool1d",
    "functional.avg_pool2d", "functional.conv1d", "functional.conv2d",
    "functional.conv_transpose2d",
    "functional.gelu", "functional.linear", "functional.logsigmoid", "functional.max_pool1d",
    "functional.max_pool2d", "functional.prelu", "functional.scaled_dot_product_attention",
    "functional.softplus", "nn.GRU", "nn.LSTM", "nn.RNN",
}  # fmt: skip
# Names whose place or default differs, and why.
DIFFERENT = {
    ("nn.Parameter", "data"): "an empty parameter has no use",
    ("nn.Buffer", "data"): "an empty buffer has no use",
    ("Module.load_state_dict", "strict"): "their signature names self too",
    ("Module.named_parameters", "remove_duplicate"): "`recurse` is not offered",
    ("Module.named_modules", "prefix"): "`memo` is not offered",
    ("Module.to", "dtype"): "theirs takes a device, a dtype or a tensor",
    ("nn.TransformerEncoderLayer", "activation"): "theirs is a function, which no file can hold",
}


def pairs():
    for prefix, (ours, theirs, names) in ROOMS.items():
        for name in names:
            own, other = getattr(ours, name), getattr(theirs, name, None)
            full = f"{prefix}.{name}"
            if callable(own) and not inspect.ismodule(own) and full not in SILENT | NOT_THEIRS:
                yield pytest.param(full, own, other, id=full)


def test_what_pytorch_has_not_is_listed():
    missing = {
        f"{prefix}.{name}"
        for prefix, (_, theirs, names) in ROOMS.items()
        for name in names
        if not hasattr(theirs, name)
    }
    assert missing <= NOT_THEIRS


@pytest.mark.parametrize(("name", "ours", "theirs"), list(pairs()))
def test_arguments_have_pytorchs_names_defaults_and_places(name, ours, theirs):
    own, other = (inspect.signature(each).parameters for each in (ours, theirs))
    places = [key for key, argument in other.items() if argument.kind.name.startswith("POSITION")]
    for place, (key, argument) in enumerate(own.items()):
        if key in OWN_ARGUMENTS or (name, key) in DIFFERENT:
            continue
        assert key in other, f"{name} has no argument {key} in PyTorch"
        assert argument.default == other[key].default
        if argument.kind is not argument.KEYWORD_ONLY and key in places:
            assert places.index(key) == place

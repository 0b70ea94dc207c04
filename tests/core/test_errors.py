"""The errors: each is of lunzi, of the built-in kind that fits, and says where."""

import pytest

import lunzi as lz
from lunzi.core import errors
from lunzi.core.errors import user_line

KINDS = {
    lz.ShapeError: ValueError,
    lz.RangeError: ValueError,
    lz.KindError: TypeError,
    lz.PositionError: IndexError,
    lz.OutOfMemoryError: MemoryError,
    lz.GradientError: RuntimeError,
    lz.TraceError: RuntimeError,
    lz.StateError: RuntimeError,
    lz.CheckError: ArithmeticError,
    lz.StateKeyError: KeyError,
    lz.MissingAttributeError: AttributeError,
    lz.FileFormatError: ValueError,
    lz.MissingFileError: FileNotFoundError,
}


def test_every_error_is_known_and_exported():
    found = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, lz.LunziError)
    }
    assert found == {*KINDS, lz.LunziError}
    for error in found:
        assert getattr(lz, error.__name__) is error
        assert error.__doc__


@pytest.mark.parametrize(("error", "kind"), KINDS.items(), ids=lambda value: value.__name__)
def test_an_error_is_also_of_the_builtin_kind_and_prints_its_text(error, kind):
    with pytest.raises(kind) as caught:
        raise error("what was expected, and what came")
    assert isinstance(caught.value, lz.LunziError)
    assert str(caught.value) == "what was expected, and what came"


def test_an_error_tells_the_path_of_modules_that_it_passed():
    error = lz.ShapeError("expects 4 features")
    error.module_class = "Linear"
    assert str(error) == "Linear: expects 4 features"
    error.module_path = ["layers", "2"]
    assert str(error) == "layers.2 (Linear): expects 4 features"


def test_the_users_line_is_the_innermost_outside_the_package():
    assert user_line().startswith(f"{__file__}:")

import subprocess
import sys

import pytest

import lunzi.data


@pytest.mark.parametrize("name", lunzi.data.__all__)
def test_every_public_name_is_there(name):
    assert getattr(lunzi.data, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'lunzi.data' has no attribute 'nothing'"):
        _ = lunzi.data.nothing


def test_importing_the_room_does_not_import_pillow():
    script = "import sys, lunzi.data; print('PIL' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"

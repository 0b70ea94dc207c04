import pytest

from lunzi import nn
from lunzi.core.errors import StateKeyError
from lunzi.core.random import Generator, default_generator
from lunzi.train.random_state import generators, load_random_state, random_state


def test_generators_are_found_by_their_place_in_the_model():
    own = Generator(3)
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Dropout(0.5, generator=own)))
    model.noise = own
    assert generators(model) == {
        "the default generator": default_generator,
        "noise": own,
        "1.0.source": own,
    }


def test_all_of_them_go_on_where_they_stood():
    own = Generator(3)
    model = nn.Sequential(nn.Dropout(0.5, generator=own))
    own.uniform(7)
    state = random_state(model)
    expected = own.uniform(3).tolist(), default_generator.uniform(3).tolist()
    load_random_state(model, state)
    assert (own.uniform(3).tolist(), default_generator.uniform(3).tolist()) == expected


def test_the_state_of_another_model_is_refused():
    state = random_state(nn.Sequential(nn.Dropout(0.5, generator=Generator(3))))
    with pytest.raises(StateKeyError, match=r"generators \['0.source', 'the default generator'\]"):
        load_random_state(nn.Sequential(nn.Dropout(0.5)), state)

"""Leaves of nested tuples, lists and dicts: out in order, and back."""

from collections import namedtuple

from lunzi.core.structure import flatten, places, replace

Pair = namedtuple("Pair", "first second")  # a plain one, as users have


def is_number(value):
    return isinstance(value, int)


NESTED = {"b": [1, (2, "text")], "a": Pair(3, None), 4: {}}


def test_leaves_come_in_the_order_of_places_and_keys():
    assert flatten(NESTED, is_number) == [3, 1, 2]
    assert flatten({"a": Pair(3, None), 4: {}, "b": [1, (2, "text")]}, is_number) == [3, 1, 2]
    assert flatten(5, is_number) == [5]
    assert flatten("text", is_number) == []


def test_leaves_are_put_back_where_they_were():
    leaves = iter([30, 10, 20])
    result = replace(NESTED, is_number, leaves)
    assert result == {"b": [10, (20, "text")], "a": Pair(30, None), 4: {}}
    assert list(result) == list(NESTED)
    assert type(result["a"]) is Pair
    assert type(result["b"][1]) is tuple


def test_leaves_have_places_as_one_would_write_them():
    assert places(NESTED, is_number, "x") == ["x['a'][0]", "x['b'][0]", "x['b'][1][0]"]
    assert places(5, is_number, "state") == ["state"]
    assert places("text", is_number, "state") == []

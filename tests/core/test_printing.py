"""The printed form of a graph with a loop in it."""

import lunzi as lz


def test_the_body_of_a_loop_stands_below_it():
    def running(x):
        return lz.scan(lambda total, x: (total + x, total * 2.0), x.sum(), x)

    lines = str(lz.trace(running, lz.Spec((3,)))).split("\n")
    assert [line[:58].rstrip() for line in lines] == [
        "graph(float32[3])",
        "  %0 = Argument(index=0)                         float32[3",
        "  %1 = Sum(axes=(0,), keepdims=False) of %0      float32[]",
        "  %2 = Scan(length=3) of %1, %0                  (float32[",
        "    body(float32[]; float32[]; )",
        "      %0 = Argument(index=0)                     float32[]",
        "      %1 = Argument(index=1)                     float32[]",
        "      %2 = Add() of %0, %1                       float32[]",
        "      %3 = Constant(2.0)                         float32[]",
        "      %4 = Multiply() of %0, %3                  float32[]",
        "      next %2; stack %4",
        "  %3 = Part(index=0) of %2                       float32[]",
        "  %4 = Part(index=1) of %2                       float32[3",
        "  return %3, %4",
    ]
    assert "(float32[], float32[3])" in lines[3]
    assert all("test_printing.py:" in line for line in lines[2:4] + lines[5:10])


def test_a_loop_prints_as_it_was_asked_for():
    graph = lz.trace(
        lambda x: lz.scan(lambda s, x: (s, x), None, x, reverse=True, checkpoint=True)[1],
        lz.Spec((3,)),
    )
    assert "Scan(length=3, reverse=True, checkpoint=True) of %0" in str(graph)

"""The benchmarks run. Their figures are not looked at here: a test must not hang on speed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

# A stand-in for the module that the peer benchmarks share: small weights, two steps, no timing.
COMMON = """
import json, sys
import numpy as np

RESNET_BLOCKS = [(16, 16, 1), (16, 32, 2), (32, 64, 2)]
LR = dict.fromkeys(("w1online", "w1xor", "w2", "w3", "w4", "w5", "w6"), 0.01)
SHAPES = {"w1online": (2,), "w1xor": (2,), "w2": (784,), "w3": (1, 28, 28), "w4": (3, 32, 32),
          "w5": (7, 40)}
LAYERS = {
    "w1": {"w1": (2, 3), "b1": (3,), "w2": (3, 1), "b2": (1,)},
    "w2": {"w1": (784, 256), "b1": (256,), "w2": (256, 128), "b2": (128,), "w3": (128, 10),
           "b3": (10,)},
    "w3": {"c1": (16, 1, 5, 5), "cb1": (16,), "c2": (32, 16, 5, 5), "cb2": (32,), "w1": (1568, 128),
           "b1": (128,), "w2": (128, 10), "b2": (10,)},
    "w4": {"conv0": (16, 3, 3, 3), "w": (64, 10), "b": (10,)}
    | {f"conv{n}a": (o, i, 3, 3) for n, (i, o, _) in enumerate(RESNET_BLOCKS)}
    | {f"conv{n}b": (o, o, 3, 3) for n, (_, o, _) in enumerate(RESNET_BLOCKS)},
    "w5": {"wi": (40, 384), "wh": (128, 384), "bi": (384,), "bh": (384,), "w": (128, 10),
           "b": (10,)},
    "w6": {"wte": (65, 128), "wpe": (64, 128)}
    | {f"{key}_{n}": (i, o) for n in range(4) for key, i, o in
       [("qkv", 128, 384), ("proj", 128, 128), ("fc", 128, 512), ("out", 512, 128)]},
}

def init(workload):
    rng = np.random.default_rng(0)
    return {k: rng.normal(0, 0.05, s).astype("f4") for k, s in LAYERS[workload[:2]].items()}

def batches(workload, batch):
    rng = np.random.default_rng(0)
    if workload == "w6":
        x = rng.integers(0, 65, (batch, 9)).astype("i4")
        return [(x[:, :-1].copy(), x[:, 1:].copy())]
    x = rng.standard_normal((batch, *SHAPES[workload])).astype("f4")
    y = np.full((batch, 1), 0.2, "f4") if workload[:2] == "w1" else np.arange(batch, dtype="i4")
    return [(x, y)]

def args(modes):
    assert sys.argv[2] in modes
    return sys.argv[1], sys.argv[2], 4

def bench(workload, batch, framework, step, sync, to_float, per_call, extra):
    print(json.dumps([framework, to_float(step()), to_float(step())]))

def bench_infer(workload, framework, call, sync, out, extra):
    print(json.dumps([framework, *map(float, out(call()).ravel()[:2])]))
"""


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["front_door", "eager", "import_time"])
def test_a_benchmark_says_whether_its_bar_holds(name):
    done = run(str(BENCHMARKS / f"{name}.py"), "1")
    assert done.stderr == ""
    assert "holds  " in done.stdout or "FAILS  " in done.stdout
    assert done.returncode == int("FAILS  " in done.stdout)


@pytest.mark.parametrize(
    ("workload", "mode"),
    [(f"w{n}", "eager") for n in ("1online", "1xor", 2, 3, 4, 5, 6)] + [("w2", "step")],
)
def test_a_peer_workload_learns(workload, mode, tmp_path):
    (tmp_path / "common.py").write_text(COMMON, "utf-8")
    script = str(BENCHMARKS / "lunzi_peer.py")
    done = run(script, workload, mode, PYTHONPATH=str(tmp_path))
    assert done.stderr == ""
    framework, first, second = json.loads(done.stdout)
    assert framework == f"lunzi-{mode}"
    assert second < first


def test_a_peer_workload_predicts(tmp_path):
    (tmp_path / "common.py").write_text(COMMON, "utf-8")
    script = str(BENCHMARKS / "lunzi_peer.py")
    done = run(script, "infer-w3", "eager", PYTHONPATH=str(tmp_path))
    assert done.stderr == ""
    assert json.loads(done.stdout)[0] == "lunzi-eager"


def test_an_unknown_workload_is_said(tmp_path):
    (tmp_path / "common.py").write_text(COMMON, "utf-8")
    done = run(str(BENCHMARKS / "lunzi_peer.py"), "w9", "eager", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("lunzi has no workload w9; it has w1online")

"""Peak memory of a step, Lunzi compiled beside PyTorch eager: `python memory.py [WORKLOAD ...]`.

The workloads, and PyTorch's script `torch_peer`, are found through PYTHONPATH, as for
`lunzi_peer.py`. Each runs in a process of its own, Lunzi with a compiled object from the cache.
Memory is what the system counts as resident, so that this needs Linux. The bar: the peak of a
step, above what the process held before its first, is at most PyTorch's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

WORKLOADS = ("w3", "w4", "w6")
PEERS = {"lunzi": ("lunzi_peer", "step"), "torch": ("torch_peer", "eager")}
STEPS = 5
MEGABYTE = 1e6


def resident(key: str) -> float:
    """Megabytes of this process: `VmRSS` now, `VmHWM` at most since the last reset."""
    status = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in status if line.startswith(f"{key}:"))
    return int(line.split()[1]) * 1024 / MEGABYTE


def measure(*given: Any, **named: Any) -> None:
    """Stand in for the timing loop of the peers: take some steps, and print the memory."""
    step: Callable[[], object] = given[3]
    before = resident("VmRSS")
    for _ in range(STEPS):
        step()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    for _ in range(STEPS):
        step()
    print(json.dumps({"step": resident("VmHWM") - before, "process": resident("VmHWM")}))


def run_here(peer: str, workload: str) -> None:
    """One peer in this process, measured in place of timed."""
    module, mode = PEERS[peer]
    sys.argv = [module, workload, mode]
    vars(import_module("common"))["bench"] = measure
    if peer == "lunzi":
        # LLVM's library is no memory of a step; PyTorch loads all of its own with `import torch`.
        import_module("lunzi.compiler.executable")
    import_module(module).main()


def run_apart(peer: str, workload: str) -> dict[str, float]:
    """One peer in a fresh process: the peaks of a step and of the process, in megabytes."""
    command = [sys.executable, __file__, "--here", peer, workload]
    environment = {**os.environ, "BENCH_NICE": "0"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    peaks: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return peaks


def main() -> None:
    if sys.argv[1:2] == ["--here"]:
        run_here(*sys.argv[2:4])
        return
    holds = True
    print("| workload | Lunzi, step | PyTorch, step | ratio | Lunzi, process | PyTorch, process |")
    print("|---|---|---|---|---|---|")
    for workload in sys.argv[1:] or WORKLOADS:
        run_apart("lunzi", workload)  # leaves the compiled object in the cache
        ours, theirs = (run_apart(peer, workload) for peer in PEERS)
        holds &= ours["step"] <= theirs["step"]
        print(
            f"| {workload} | {ours['step']:.0f} MB | {theirs['step']:.0f} MB "
            f"| {ours['step'] / theirs['step']:.2f} "
            f"| {ours['process']:.0f} MB | {theirs['process']:.0f} MB |"
        )
    print("the bar holds" if holds else "the bar does not hold")
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()

"""The team: the same results for any number of threads, whatever happens around it."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from team_programs import (
    GROUPS,
    LENGTH,
    check_rounds,
    flushing,
    gathered,
    greeting,
    grouped_sum,
    halving,
    rounds,
    run,
)

from lunzi.compiler import barrier, threads
from lunzi.compiler.native import assembly
from lunzi.compiler.target import cross, host

TESTS = Path(__file__).parent.parent
WIDTHS = [1, 2, 3, 5]


def addresses(library, table):
    return library.address("program"), table.ctypes.data


@pytest.fixture(params=["woken", "napping"])
def team(request):
    team = threads.Team(naps=request.param == "napping")
    yield team
    assert team.dismiss()


@pytest.mark.parametrize("width", WIDTHS)
def test_every_thread_has_its_number_and_knows_how_many_there_are(team, width):
    table = np.zeros(8, np.int64)
    gathered(team, width).run(*addresses(greeting(), table), width)
    np.testing.assert_array_equal(table, [width] * width + [0] * (8 - width))


@pytest.mark.parametrize("width", WIDTHS)
def test_after_a_barrier_every_thread_sees_what_the_others_wrote(team, width):
    table = np.zeros(4096, np.int64)
    assert gathered(team, width).run(*addresses(rounds(300), table), width) == width
    assert not table[:1024].any()


def test_a_hundred_thousand_barriers_in_a_row():
    check_rounds(100_000, 2)


def test_teams_of_changing_width_stay_in_step():
    for width in [2, 5, 3, 1, 4, 2, 5] * 10:
        check_rounds(7, width)


def test_numbers_that_have_gone_around_are_compared_rightly(team):
    gathered(team, 3)
    lines = team.memory[barrier.HEADER.itemsize :].view(barrier.LINE)
    lines["generation"]["number"][0] = 2**31 - 100
    table = np.zeros(4096, np.int64)
    team.run(*addresses(rounds(300), table), 3)
    assert not table[:1024].any()
    assert lines["generation"]["number"][0] < 0


def test_the_bits_do_not_depend_on_the_number_of_threads(rng):
    table = np.zeros(64 + GROUPS * LENGTH)
    table[64:] = rng.standard_normal(GROUPS * LENGTH)
    results = []
    for width in WIDTHS:
        run(grouped_sum(), table, width)
        results.append(table[0])
    assert results[0] == pytest.approx(table[64:].sum())
    assert results == results[:1] * len(WIDTHS)


@pytest.mark.skipif(not barrier.is_x86(host().triple), reason="writes a register of x86")
def test_workers_round_as_the_caller_does():
    def halves(flushes):
        control = np.array([0x9FC0 if flushes else 0x1F80])  # flush to zero, subnormals are zero
        run(flushing(), control, 1)
        numbers = np.full(3, 1e-323)
        run(halving(), numbers, 3)
        run(flushing(), np.array([0x1F80]), 1)
        return numbers.tolist()

    with ThreadPoolExecutor(1) as pool:  # the register is a thread's own
        assert pool.submit(halves, False).result() == [5e-324] * 3
        assert pool.submit(halves, True).result() == [0.0] * 3


def test_one_thread_needs_no_workers():
    team, table = threads.Team(), np.zeros(1, np.int64)
    assert team.run(*addresses(greeting(), table), 1) == 1
    assert table[0] == 1
    assert team.workers == []


def test_a_busy_team_leaves_the_caller_alone(team):
    table = np.zeros(8, np.int64)
    gathered(team, 2)
    team.header["busy"] = 1
    assert team.run(*addresses(greeting(), table), 2) == 1
    assert not team.dismiss()
    team.header["busy"] = 0
    assert table[0] == 1
    assert team.run(*addresses(greeting(), table), 2) == 2


def test_a_dismissed_team_runs_everything_alone():
    team, table = threads.Team(), np.zeros(8, np.int64)
    workers = list(gathered(team, 3).workers)
    assert team.dismiss()
    assert not any(worker.is_alive() for worker in workers)
    assert team.dismiss()
    assert team.run(*addresses(greeting(), table), 5) == 1
    assert len(team.workers) == len(workers)


def test_where_no_thread_can_be_started_the_caller_runs_alone(monkeypatch):
    tries = []

    def refuse(thread):
        tries.append(thread)
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    team, table = threads.Team(), np.zeros(8, np.int64)
    for _ in range(5):
        assert team.run(*addresses(greeting(), table), 3) == 1
    assert len(tries) == 2
    assert team.dismiss()


def test_callers_from_several_threads_do_not_wait_for_each_other_for_ever():
    library = rounds(20)

    def work(width):
        for _ in range(200):
            table = np.zeros(4096, np.int64)
            threads.run(*addresses(library, table), width)
            assert not table[:1024].any()
        return width

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, [2, 3, 2, 5])) == [2, 3, 2, 5]


def test_python_goes_on_while_a_program_runs():
    table, seen = np.zeros(4096, np.int64), []
    run(rounds(300_000), table, 2)
    thread = threading.Thread(target=run, args=(rounds(300_000), table, 2))
    thread.start()
    while thread.is_alive():
        seen.append(time.perf_counter())
    assert len(seen) > 100


def test_an_idle_team_uses_no_processor_time():
    check_rounds(10, 3)
    before = time.process_time()
    time.sleep(0.3)  # what is measured
    assert time.process_time() - before < 0.1


def test_other_processes_on_all_cores_do_not_stop_the_team():
    loop = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(loop) for _ in range(os.cpu_count() or 1)]
    start = time.perf_counter()
    try:
        check_rounds(500, 5)
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert time.perf_counter() - start < 10  # spinning alone takes minutes


@pytest.mark.skipif(sys.platform != "linux", reason="needs the affinity of threads")
def test_threads_on_one_core_do_not_spin_for_each_other():
    def timed(knows_processor):
        team, table = threads.Team(), np.zeros(4096, np.int64)
        if not knows_processor:
            team.header["processor"] = 0
        gathered(team, 2)
        start = time.perf_counter()
        team.run(*addresses(rounds(500), table), 2)
        elapsed = time.perf_counter() - start
        assert team.dismiss()
        return elapsed

    def pinned():
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # of this thread and its workers
        return [[timed(knows) for _ in range(3)] for knows in (True, False)]

    with ThreadPoolExecutor(1) as pool:
        asleep, spinning = pool.submit(pinned).result()
    assert 2 * min(asleep) < min(spinning)  # measured: a thirtieth


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


def exit_code_of_child(work):
    """What a forked child ends with: 0 when its work went well."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@forks
def test_a_forked_child_gathers_a_team_of_its_own():
    check_rounds(50, 3)
    assert exit_code_of_child(lambda: check_rounds(50, 3)) == 0
    check_rounds(50, 3)


@forks
def test_children_of_children_have_teams_too():
    check_rounds(50, 2)

    def work():
        check_rounds(50, 2)
        assert exit_code_of_child(lambda: check_rounds(50, 4)) == 0

    assert exit_code_of_child(work) == 0


@forks
def test_no_worker_waits_over_a_fork():
    check_rounds(50, 3)
    workers = threads.team().workers
    assert exit_code_of_child(lambda: None) == 0
    assert not any(worker.is_alive() for worker in workers)


def python(source, **settings):
    """A process of Python that runs the source, and can import the programs."""
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", source],
        env={**os.environ, "PYTHONPATH": str(TESTS), **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output_of(source, code=0, **settings):
    process = python(source, **settings)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    return output, errors


PREPARE = """
import atexit, os, signal, sys, threading, time
import numpy as np
from team_programs import check_rounds, rounds, run
from lunzi.compiler import threads
check_rounds(100, 3)
team = threads.team()
"""


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("pass", 0),
        ("raise SystemExit(3)", 3),
        ("raise KeyError('lost')", 1),
        ("threading.Thread(target=sys.exit).start()", 0),
        ("threading.Thread(target=lambda: [check_rounds(9, 3) for _ in range(200)]).start()", 0),
        ("atexit.register(check_rounds, 100, 1)", 0),
        (
            "table, program = np.zeros(4096, np.int64), rounds(10**9).address('program')\n"
            "work = lambda: team.run(program, table.ctypes.data, 2)\n"
            "threading.Thread(target=work, daemon=True).start()\n"
            "while not team.header['busy']: pass",
            0,
        ),
    ],
)
def test_python_ends_at_once(ending, code):
    ended = "\natexit.register(lambda: print(time.monotonic()))\n"  # runs before the team leaves
    source = PREPARE.replace("check_rounds(100, 3)", ended + "check_rounds(100, 3)") + ending
    output, errors = output_of(source, code)
    assert time.monotonic() - float(output) < 3
    assert ("KeyError" in errors) == (code == 1)
    assert code == 1 or not errors


@forks
def test_forks_in_a_pool_of_threads_that_run_programs():
    source = """
from concurrent.futures import ThreadPoolExecutor

def work(number):
    table = np.zeros(4096, np.int64)
    for _ in range(20):
        threads.run(rounds(20).address("program"), table.ctypes.data, 2)
    child = os.fork() if number % 2 else -1
    if child == 0:
        check_rounds(20, 2)
        os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if child > 0 else int(table[0])

rounds(20)
with ThreadPoolExecutor(4) as pool:
    print(*pool.map(work, range(12)))
"""
    assert output_of(PREPARE + source)[0].split() == ["0", "7"] * 6


@forks
def test_a_pool_of_processes_runs_programs():
    source = """
import multiprocessing
with multiprocessing.get_context("fork").Pool(3) as pool:
    pool.starmap(check_rounds, [(50, 3)] * 9)
check_rounds(50, 3)
"""
    output_of(PREPARE + source)


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_ends_many_steps_within_a_second():
    source = """
from lunzi.compiler.slices import in_slices
table = np.zeros(4096, np.int64)

def steps(first, stop):
    for _ in range(first, stop):
        run(rounds(1000), table, 2)

run(rounds(1000), table, 2)
try:
    print("ready", flush=True)
    in_slices(10**9, steps)
except KeyboardInterrupt:
    print(time.monotonic(), table[:2].any())
check_rounds(100, 2)
"""
    process = python(PREPARE + source)
    assert process.stdout.readline() == "ready\n"
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    end, missed = output.split()
    assert process.returncode == 0, errors
    assert float(end) - start < 1
    assert missed == "False"


@pytest.mark.parametrize(
    "triple", ["x86_64-linux-gnu", "aarch64-linux-gnu", "arm64-apple-darwin", "x86_64-pc-windows"]
)
def test_the_runtime_can_be_compiled_for_each_platform(triple):
    text = assembly(barrier.runtime(triple), cross(triple))
    assert all(name in text for name in barrier.NAMES)
    assert ("pause" in text) == triple.startswith("x86")
    assert ("isb" in text) == triple.startswith(("aarch64", "arm64"))

"""Barrier: how the threads of a team wait for each other, as text of LLVM.

A team is a block of memory: a header, then a line for each thread. A thread announces a number
in a word of its line, and others wait until the word has reached it. Who waits looks again and
again for a moment, then lets the processor go: the word beside counts the sleepers, so that
whoever announces knows whether there is anybody to be woken. A thread that finds itself on the
processor of the one it waits for, as happens when other processes have taken the rest, lets go
at once: with a barrier each 20 us, two threads on one core run at 0.9 of the speed of one,
and would run at 0.4 of it if they looked.

    barrier         each thread announces its next generation and awaits that of the others
    order           thread 0 announces the next order to each worker, who runs what stands there

Numbers go up by one and around after 2^32; they are compared by the sign of their difference.

Programs hold only the call: the code behind it stands in the runtime, which is loaded once,
and whose address is in the header.
"""

from __future__ import annotations

import numpy as np

from lunzi.compiler.builder import INDEX, POINTER, TRUTH, Function, Module, Value, index

# What threads write often stands 64 bytes from what others write, or each write would take
# the line from the cache of the other; processors fetch lines in pairs, hence 128.
LINE_BYTES = 128

HEADER = np.dtype(
    {
        "names": [
            "barrier",  # address of lunzi_barrier
            "futex",  # the system call's number on Linux; 0 where threads take naps instead
            "system_call",  # address of the C library's syscall
            "processor",  # address of sched_getcpu; 0 where there is none
            "nap",  # address of a function that sleeps
            "nap_unit",  # its argument for the shortest nap
            "barrier_turns",  # how often a thread looks before it sleeps: at a barrier,
            "order_turns",  # and for an order
            "busy",  # 1 while a run is under way, and for good once the team was dismissed
            "members",  # workers that have taken their numbers
        ],
        "formats": ["i8", "i8", "i8", "i8", "i8", "i4", "i8", "i8", "i4", "i8"],
        "offsets": [0, 8, 16, 24, 32, 40, 48, 56, 64, 72],
        "itemsize": LINE_BYTES,
    }
)
WORD = np.dtype(
    {
        "names": ["number", "sleepers", "processor"],  # the last one is where the announcer ran
        "formats": ["i4", "i4", "i4"],
    }
)
LINE = np.dtype(
    {
        "names": ["generation", "order", "function", "table", "threads", "rounding"],
        "formats": [WORD, WORD, "i8", "i8", "i8", "i8"],
        "offsets": [0, 64, 80, 88, 96, 104],
        "itemsize": LINE_BYTES,
    }
)

# The runtime's functions that Python calls, and the one that programs call through the header.
BARRIER, RUN, WORK = "lunzi_barrier", "lunzi_run", "lunzi_work"
DISMISS, LOOK = "lunzi_dismiss", "lunzi_look"
NAMES = (BARRIER, RUN, WORK, DISMISS, LOOK)

# Of <linux/futex.h>, for memory of one process; the same on all processors.
FUTEX_WAIT, FUTEX_WAKE = 128, 129
EVERYBODY = 2**31 - 1

LONGEST_NAP = 40  # in units: a wait of long is looked at no more often than that
FOREVER = index(2**62)

TEAM, THREAD, THREADS = Value(POINTER, "%team"), Value(INDEX, "%thread"), Value(INDEX, "%threads")
PLACE, NUMBER, TURNS = Value(POINTER, "%word"), Value("i32", "%number"), Value(INDEX, "%turns")
FUNCTION, TABLE = Value(POINTER, "%function"), Value(POINTER, "%table")


def emit_barrier(f: Function, team: Value, thread: Value, threads: Value) -> None:
    """Write, into a program, that its threads wait here for each other.

    What each of them stored before is seen by all of them after it. A single thread passes
    at once, and does not look at the team.
    """
    if BARRIER not in f.module.functions:
        passage(f.module)
    f.run(BARRIER, team, thread, threads)


def passage(module: Module) -> None:
    """The way from a program to the barrier of the runtime."""
    f = module.function(BARRIER, [TEAM, THREAD, THREADS])
    with f.when(f.compare("icmp sgt", THREADS, index(1))):
        barrier = f.load(POINTER, header(f, "barrier"), 8)
        f.do(f"call void {barrier.name}({TEAM}, {THREAD}, {THREADS})")
    f.ret()


def runtime(triple: str) -> str:
    """The text of the runtime for a platform: what teams are run by.

    lunzi_barrier(team, thread, threads)
    lunzi_run(team, function, table, threads) -> threads that ran it
    lunzi_work(team)
    lunzi_dismiss(team, workers) -> whether it was free
    lunzi_look(turns)
    """
    module = Module()
    processor(module)
    sleep(module)
    reach(module, triple)
    announce(module)
    barrier(module)
    work(module, triple)
    run(module, triple)
    dismiss(module)
    look(module, triple)
    return str(module)


# One thread waits, another wakes it


def reach(module: Module, triple: str) -> None:
    """Wait until a word has reached a number: look `turns` times, then sleep in between."""
    f = module.function("lunzi_reach", [TEAM, PLACE, NUMBER, TURNS])
    leave_when_reached(f, read(f, PLACE))
    # Who announced last on the processor of this thread cannot go on before it is let go.
    there = f.load("i32", beside(f, "processor"), 4)
    here = f.call("lunzi_processor", "i32", TEAM)
    is_known = f.compare("icmp sge", here, Value("i32", "0"))
    is_here = f.op("and", is_known, f.compare("icmp eq", here, there))
    turns = f.select(is_here, index(0), TURNS)
    with f.loop(index(0), turns):
        leave_when_reached(f, read(f, PLACE))
        pause(f, triple)
    with f.loop(index(1), FOREVER) as naps:
        seen = read(f, PLACE)
        leave_when_reached(f, seen)
        f.run("lunzi_sleep", TEAM, PLACE, seen, naps.counter)
    f.go("reached")
    f.begin("reached")
    f.ret()


def leave_when_reached(f: Function, seen: Value) -> None:
    ahead = f.compare("icmp sge", f.op("sub", seen, NUMBER), Value("i32", "0"))
    waiting = f.new_label("waiting")
    f.branch(ahead, "reached", waiting)
    f.begin(waiting)


def sleep(module: Module) -> None:
    """Let the processor go until the word is no longer what was seen, or for the n-th nap."""
    seen, turn = Value("i32", "%seen"), Value(INDEX, "%turn")
    f = module.function("lunzi_sleep", [TEAM, PLACE, seen, turn])
    futex = f.load(INDEX, header(f, "futex"), 8)
    f.branch(f.compare("icmp ne", futex, index(0)), "wait", "nap")
    f.begin("wait")
    # Counted before the kernel compares the word: either it sees the new number, or whoever
    # announced it sees the sleeper.
    count_sleepers(f, "add")
    system_call(f, futex, PLACE, index(FUTEX_WAIT), f.convert("zext", seen, INDEX))
    count_sleepers(f, "sub")
    f.ret()
    f.begin("nap")
    long = f.compare("icmp sgt", turn, index(LONGEST_NAP))
    units = f.convert("trunc", f.select(long, index(LONGEST_NAP), turn), "i32")
    length = f.op("mul", units, f.load("i32", header(f, "nap_unit"), 4))
    nap = f.load(POINTER, header(f, "nap"), 8)
    f.do(f"call void {nap.name}({length})")
    f.ret()


def count_sleepers(f: Function, change: str) -> None:
    f.define("i32", f"atomicrmw {change} {beside(f, 'sleepers')}, i32 1 seq_cst")


def processor(module: Module) -> None:
    """The processor that the thread is on at the moment; -1 where that is unknown."""
    f = module.function("lunzi_processor", [TEAM], "i32")
    address = f.load(POINTER, header(f, "processor"), 8)
    f.branch(f.compare("icmp eq", address, Value(POINTER, "null")), "unknown", "known")
    f.begin("unknown")
    f.ret(Value("i32", "-1"))
    f.begin("known")
    f.ret(f.define("i32", f"call i32 {address.name}()"))


def announce(module: Module) -> None:
    """Write a number into a word, and wake those who sleep there."""
    f = module.function("lunzi_announce", [TEAM, PLACE, NUMBER])
    f.store(f.call("lunzi_processor", "i32", TEAM), beside(f, "processor"), 4)
    f.define("i32", f"atomicrmw xchg {PLACE}, {NUMBER} seq_cst")
    count = f.define("i32", f"load atomic i32, {beside(f, 'sleepers')} seq_cst, align 4")
    with f.when(f.compare("icmp ne", count, Value("i32", "0"))):
        futex = f.load(INDEX, header(f, "futex"), 8)
        system_call(f, futex, PLACE, index(FUTEX_WAKE), index(EVERYBODY))
    f.ret()


def system_call(f: Function, number: Value, word: Value, what: Value, value: Value) -> None:
    address = f.load(POINTER, header(f, "system_call"), 8)
    f.define(
        INDEX,
        f"call i64 (i64, ...) {address.name}({number}, {word}, {what}, {value}, ptr null)",
    )


def pause(f: Function, triple: str) -> None:
    """Give the other half of the core, and the memory, a moment."""
    if is_x86(triple):
        f.run("llvm.x86.sse2.pause")
    elif is_arm(triple):
        f.run("llvm.aarch64.isb", Value("i32", "15"))  # a pause; its `yield` does nothing


def is_x86(triple: str) -> bool:
    return triple.startswith(("x86_64", "amd64"))


def is_arm(triple: str) -> bool:
    return triple.startswith(("aarch64", "arm64"))


def look(module: Module, triple: str) -> None:
    """Pass as many turns as are asked for, to find out how long a turn takes."""
    f = module.function(LOOK, [TURNS], internal=False)
    word = f.define(POINTER, "alloca i32, align 4")
    with f.loop(index(0), TURNS):
        read(f, word)
        pause(f, triple)
    f.ret()


# How a thread rounds, and whether it flushes subnormal numbers to zero. Some libraries change
# that for the thread that loads them; workers take it from the caller, or bits would depend on
# who computes them.


def keep_rounding(f: Function, place: Value, triple: str) -> None:
    if is_x86(triple):
        f.run("llvm.x86.sse.stmxcsr", place)
    elif is_arm(triple):
        f.store(f.call("llvm.aarch64.get.fpcr", INDEX), place, 8)


def take_rounding(f: Function, place: Value, triple: str) -> None:
    if is_x86(triple):
        f.run("llvm.x86.sse.ldmxcsr", place)
    elif is_arm(triple):
        f.run("llvm.aarch64.set.fpcr", f.load(INDEX, place, 8))


# What the team does together


def barrier(module: Module) -> None:
    f = module.function(BARRIER, [TEAM, THREAD, THREADS], internal=False)
    own = line(f, THREAD, "generation")
    generation = f.op("add", read(f, own), Value("i32", "1"))
    f.run("lunzi_announce", TEAM, own, generation)
    turns = f.load(INDEX, header(f, "barrier_turns"), 8)
    with f.loop(index(0), THREADS) as others:
        f.run("lunzi_reach", TEAM, line(f, others.counter, "generation"), generation, turns)
    f.ret()


def run(module: Module, triple: str) -> None:
    """Run a program on a team, with the caller as thread 0; alone while the team is busy."""
    f = module.function(RUN, [TEAM, FUNCTION, TABLE, THREADS], INDEX, internal=False)
    present = f.add(read(f, header(f, "members"), INDEX), 1)
    threads = f.call("llvm.smin.i64", INDEX, THREADS, present)
    f.branch(f.compare("icmp sgt", threads, index(1)), "several", "alone")
    f.begin("several")
    f.branch(take(f), "together", "alone")
    f.begin("alone")
    f.do(f"call void {FUNCTION.name}({TABLE}, {TEAM}, i64 0, i64 1)")
    f.ret(index(1))
    f.begin("together")
    give_orders(f, threads, triple)
    f.do(f"call void {FUNCTION.name}({TABLE}, {TEAM}, i64 0, {threads})")
    f.run(BARRIER, TEAM, index(0), threads)
    release(f, header(f, "busy"), Value("i32", "0"))
    f.ret(threads)


def give_orders(f: Function, threads: Value, triple: str) -> None:
    """Tell the workers 1 ... threads - 1 what to run; all of them wait for orders now."""
    generation = read(f, line(f, index(0), "generation"))
    with f.loop(index(1), threads) as workers:
        worker = workers.counter
        # Those who sat out some runs have fallen behind.
        release(f, line(f, worker, "generation"), generation)
        f.store(FUNCTION, line(f, worker, "function"), 8)
        f.store(TABLE, line(f, worker, "table"), 8)
        f.store(threads, line(f, worker, "threads"), 8)
        keep_rounding(f, line(f, worker, "rounding"), triple)
        next_order(f, worker)


def next_order(f: Function, worker: Value) -> None:
    order = line(f, worker, "order")
    f.run("lunzi_announce", TEAM, order, f.op("add", read(f, order), Value("i32", "1")))


def work(module: Module, triple: str) -> None:
    """Take a number and do what is ordered, until there is no function in an order."""
    f = module.function(WORK, [TEAM], internal=False)
    before = f.define(INDEX, f"atomicrmw add {header(f, 'members')}, i64 1 seq_cst")
    thread = f.add(before, 1)
    turns = f.load(INDEX, header(f, "order_turns"), 8)
    with f.loop(index(1), FOREVER) as orders:
        number = f.convert("trunc", orders.counter, "i32")
        f.run("lunzi_reach", TEAM, line(f, thread, "order"), number, turns)
        function = f.load(POINTER, line(f, thread, "function"), 8)
        f.branch(f.compare("icmp eq", function, Value(POINTER, "null")), "leave", "obey")
        f.begin("obey")
        table = f.load(POINTER, line(f, thread, "table"), 8)
        threads = f.load(INDEX, line(f, thread, "threads"), 8)
        take_rounding(f, line(f, thread, "rounding"), triple)
        f.do(f"call void {function.name}({table}, {TEAM}, {thread}, {threads})")
        # Thread 0 alone awaits the others at the end.
        own = line(f, thread, "generation")
        f.run("lunzi_announce", TEAM, own, f.op("add", read(f, own), Value("i32", "1")))
    f.go("leave")
    f.begin("leave")
    f.ret()


def dismiss(module: Module) -> None:
    """Tell the workers to leave, also those who have not come yet; 0 while the team is busy."""
    workers = Value(INDEX, "%workers")
    f = module.function(DISMISS, [TEAM, workers], INDEX, internal=False)
    f.branch(take(f), "free", "busy")
    f.begin("busy")
    f.ret(index(0))
    f.begin("free")
    with f.loop(index(1), f.add(workers, 1)) as leaving:
        f.store(Value(POINTER, "null"), line(f, leaving.counter, "function"), 8)
        next_order(f, leaving.counter)
    f.ret(index(1))


def take(f: Function) -> Value:
    """Make the team busy; whether it was free."""
    exchange = f"cmpxchg {header(f, 'busy')}, i32 0, i32 1 seq_cst seq_cst"
    result = f.define(f"{{ i32, {TRUTH} }}", exchange)
    return f.define(TRUTH, f"extractvalue {result}, 1")


# Places in the team


def header(f: Function, field: str) -> Value:
    return f.place(TEAM, index(offset(HEADER, field)), "i8")


def line(f: Function, thread: Value, field: str) -> Value:
    lines = f.place(TEAM, index(HEADER.itemsize + offset(LINE, field)), "i8")
    return f.place(lines, f.times(thread, LINE.itemsize), "i8")


def beside(f: Function, field: str) -> Value:
    return f.place(PLACE, index(offset(WORD, field)), "i8")


def offset(layout: np.dtype[np.void], field: str) -> int:
    assert layout.fields is not None
    return layout.fields[field][1]


def read(f: Function, word: Value, type_: str = "i32") -> Value:
    size = 8 if type_ == INDEX else 4
    return f.define(type_, f"load atomic {type_}, {word} acquire, align {size}")


def release(f: Function, word: Value, value: Value) -> None:
    f.do(f"store atomic {value}, {word} release, align 4")

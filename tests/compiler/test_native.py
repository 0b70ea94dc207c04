"""Native code: compiled, read, loaded, called; from several threads, across a fork, at exit."""

import ctypes
import gc
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from lunzi.compiler import native
from lunzi.compiler.builder import POINTER, Function, Module, Value, index, vector
from lunzi.compiler.native import PASSES, Library, NativeError, assembly, object_code
from lunzi.compiler.target import cross, host, host_at, host_levels
from lunzi.core.spec import float32


def doubling(lanes: int, name: str = "double_it") -> Module:
    """y = x + x on 64 float32, `lanes` at a time."""
    module = Module()
    x, y = Value(POINTER, "%x"), Value(POINTER, "%y")
    f: Function = module.function(name, [x, y], internal=False)
    with f.loop(index(0), index(64), lanes) as loop:
        read = f.load(vector("float", lanes), f.place(x, loop.counter, "float"), 4)
        f.store(f.op("fadd", read, read), f.place(y, loop.counter, "float"), 4)
    f.ret()
    return module


def call(address: int, *arrays: np.ndarray) -> None:
    kinds = [ctypes.c_void_p] * len(arrays)
    ctypes.CFUNCTYPE(None, *kinds)(address)(*(array.ctypes.data for array in arrays))


def doubled(library: Library, name: str = "double_it") -> np.ndarray:
    x, y = np.arange(64, dtype=np.float32), np.zeros(64, np.float32)
    call(library.address(name), x, y)
    return y


EXPECTED = np.arange(0, 128, 2, dtype=np.float32)
REGISTERS = {"avx512": "zmm", "avx2": "ymm", "sse2": "xmm", "neon": ".4s"}
LEVELS = host_levels()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("passes", [(), PASSES])
def test_code_of_each_level_runs(level, passes):
    target = host_at(level)
    code = object_code(str(doubling(target.lanes(float32))), target, passes=passes)
    np.testing.assert_array_equal(doubled(Library(code, ["double_it"])), EXPECTED)


@pytest.mark.parametrize("level", [level for level in LEVELS if level != "generic"])
def test_a_level_uses_its_own_registers_and_no_wider_ones(level):
    text = assembly(str(doubling(16)), host_at(level))
    assert REGISTERS[level] in text
    wider = list(REGISTERS)[: list(REGISTERS).index(level)] if level != "neon" else []
    assert not [other for other in wider if REGISTERS[other] in text]


def test_the_code_of_another_platform_can_be_read():
    assert "fadd\tv" in assembly(str(doubling(4)), cross("aarch64-linux-gnu"))


def test_wrong_text_is_refused_with_its_line():
    wrong = "define void @f() {\nentry:\n  %a = fadd float 1.0, %b\n  ret void\n}"
    with pytest.raises(NativeError, match=r"(?s)undefined value '%b'.*fadd float 1\.0, %b"):
        object_code(wrong, host())


def test_a_value_that_is_used_before_it_is_there_is_refused():
    wrong = """define void @f(ptr %p) {
      store i64 %a, ptr %p
      %a = add i64 1, 2
      ret void
    }"""
    with pytest.raises(NativeError, match="does not dominate"):
        object_code(wrong, host())


def test_a_damaged_object_is_refused():
    code = object_code(str(doubling(4)), host())
    for damaged in (b"", b"no object", code[:100]):
        with pytest.raises(NativeError, match="cannot load"):
            Library(damaged, ["double_it"])


def test_a_function_that_is_not_there_is_refused_by_name():
    code = object_code(str(doubling(4)), host())
    with pytest.raises(NativeError, match="treble_it"):
        Library(code, ["treble_it"])


def test_code_may_call_what_its_symbols_name():
    text = """declare void @outside(ptr, ptr)
    define void @f(ptr %x, ptr %y) {
      call void @outside(ptr %x, ptr %y)
      ret void
    }"""
    inner = Library(object_code(str(doubling(4)), host()), ["double_it"])
    symbols = {"outside": inner.address("double_it")}
    np.testing.assert_array_equal(
        doubled(Library(object_code(text, host()), ["f"], symbols), "f"), EXPECTED
    )


def test_a_symbol_that_nobody_has_is_refused():
    text = """declare void @nobody()
    define void @f() {
      call void @nobody()
      ret void
    }"""
    with pytest.raises(NativeError, match="Failed to materialize"):
        Library(object_code(text, host()), ["f"])


def test_long_copies_find_the_c_library():
    text = """declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
    define void @f(ptr %x, ptr %y) {
      call void @llvm.memcpy.p0.p0.i64(ptr %y, ptr %x, i64 100000, i1 false)
      ret void
    }"""
    x, y = np.arange(25000, dtype=np.float32), np.zeros(25000, np.float32)
    library = Library(object_code(text, host()), ["f"])
    call(library.address("f"), x, y)
    np.testing.assert_array_equal(x, y)


def test_libraries_do_not_see_each_other():
    code = object_code(str(doubling(4)), host())
    one, other = Library(code, ["double_it"]), Library(code, ["double_it"])
    assert one.address("double_it") != other.address("double_it")
    del one
    gc.collect()
    np.testing.assert_array_equal(doubled(other), EXPECTED)


def test_several_threads_compile_and_load_at_once():
    results: list[np.ndarray] = []

    def work(number: int) -> None:
        for turn in range(5):
            name = f"f{number}_{turn}"
            code = object_code(str(doubling(4, name)), host())
            results.append(doubled(Library(code, [name]), name))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 20
    assert all(np.array_equal(result, EXPECTED) for result in results)


def test_memory_is_given_back_with_a_library(monkeypatch):
    closed = []
    monkeypatch.setattr(native, "unload", closed.append)
    library = Library(object_code(str(doubling(4)), host()), ["double_it"])
    assert not closed
    del library
    gc.collect()
    assert len(closed) == 1


def run(code: str) -> str:
    """What a fresh Python prints; it must not complain of anything."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


ENDLESS = """
import ctypes, threading
from lunzi.compiler.native import Library, object_code
from lunzi.compiler.target import host

text = '''define void @forever(ptr %word) {
  store atomic i32 1, ptr %word seq_cst, align 4
  br label %again
again:
  %seen = load atomic i32, ptr %word seq_cst, align 4
  %done = icmp eq i32 %seen, 2
  br i1 %done, label %end, label %again
end:
  ret void
}'''
library = Library(object_code(text, host()), ["forever"])
word = ctypes.c_int32()
call = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(library.address("forever"))
threading.Thread(target=call, args=(ctypes.addressof(word),), daemon=True).start()
while word.value != 1:
    pass
print("inside")
"""


def test_python_ends_while_a_thread_is_in_native_code():
    assert run(ENDLESS) == "inside\n"


def test_python_ends_with_a_library_that_refers_to_itself():
    code = """
from lunzi.compiler.native import Library, object_code
from lunzi.compiler.target import host
kept = Library(object_code("define void @f() { ret void }", host()), ["f"])
kept.itself = kept
"""
    assert run(code) == ""


FORKING = """
import os, threading, warnings
from lunzi.compiler.native import Library, object_code
from lunzi.compiler.target import host

# Newer Pythons advise against what is tried here, as long as there are threads.
warnings.simplefilter("ignore", DeprecationWarning)
lines = [f"  %v{i} = fadd double %v{i - 1}, %v{i - 1}" for i in range(1, 400)]
text = "define double @f(double %v0) {" + chr(10).join(lines) + " ret double %v9 }"
target = host()
ended = threading.Event()

def compile_on():
    while not ended.is_set():
        Library(object_code(text, target), ["f"])

thread = threading.Thread(target=compile_on)
thread.start()
for _ in range(20):
    child = os.fork()
    if child == 0:
        Library(object_code(text, target), ["f"])
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
ended.set()
thread.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
def test_a_child_compiles_although_another_thread_was_compiling():
    assert run(FORKING) == ""

"""From the text of a module to object code, and from object code to addresses.

LLVM is entered by one thread at a time: one lock stands before all of it. The lock is held
over a fork too, or a child could be born while another thread is inside, and would wait for
it for ever.
"""

from __future__ import annotations

import functools
import itertools
import os
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence

import llvmlite.binding as llvm

from lunzi.compiler.half import with_conversions
from lunzi.compiler.target import Target, host
from lunzi.core.errors import LunziError

# Passes over the text before instructions are chosen, by their names in llvmlite. The text has
# its constants folded and its vectors explicit, so that more of them find little to do.
PASSES = ("simplify_cfg", "instruction_combine")

LOCK = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=LOCK.release
    )


NUMBERS = itertools.count()  # LLVM takes a name once, even when its library is gone


class NativeError(LunziError, RuntimeError):
    """LLVM refused what Lunzi wrote: a bug in Lunzi, to be reported with the message."""


def object_code(text: str, target: Target, level: int = 2, passes: Sequence[str] = PASSES) -> bytes:
    """The machine code of a module, as a relocatable object.

    Args:
        text: the module in LLVM's language.
        level: how much work goes into choosing and placing instructions, 0 to 3.
        passes: names of llvmlite's passes, in the order in which they run.

    Raises:
        NativeError: when the text is wrong; it quotes the line.
    """
    with LOCK:
        machine = target_machine(target, level)
        return bytes(machine.emit_object(optimised(text, target, machine, passes)))


def assembly(text: str, target: Target, level: int = 2, passes: Sequence[str] = PASSES) -> str:
    """The machine code of a module in the processor's assembly language, to be read."""
    with LOCK:
        machine = target_machine(target, level)
        return str(machine.emit_assembly(optimised(text, target, machine, passes)))


@functools.cache
def target_machine(target: Target, level: int) -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    # LLVM's loaders take objects of the ELF kind on Windows.
    triple = target.triple + ("-elf" if "windows" in target.triple else "")
    # Position independent code of the small model addresses its constants in one instruction;
    # the loader lays an object out in one piece, so that they are near.
    return llvm.Target.from_triple(triple).create_target_machine(
        cpu=target.cpu,
        features=target.features,
        opt=level,
        reloc="pic",
        codemodel="small",
        jit=True,
    )


def optimised(
    text: str, target: Target, machine: llvm.TargetMachine, passes: Sequence[str]
) -> llvm.ModuleRef:
    """The module, checked, with the passes run over it."""
    text = with_conversions(text, target)
    try:
        # A context of its own: types and constants are freed with the module.
        module = llvm.parse_assembly(text, llvm.create_context())
        module.verify()
    except RuntimeError as error:
        raise NativeError(f"LLVM does not accept the text of a module: {error}") from None
    if passes:
        builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options())
        run = llvm.create_new_module_pass_manager()
        for name in passes:
            getattr(run, f"add_{name}_pass")()
        run.run(module, builder)
    return module


class Library:
    """Object code in memory, ready to be called.

    It must live as long as anybody may call into it: with it goes the memory of its code. Only
    at the end of Python the memory is left alone, for a thread may still be inside.

    Args:
        code: an object, as `object_code` gives for the host.
        names: the functions that will be asked for.
        symbols: addresses of functions that the code calls, by their names, beyond those of
            the C library.

    Raises:
        NativeError: when the object is damaged, has no such function, or calls one that is
            neither in it, nor in the C library, nor among the symbols.
    """

    def __init__(
        self, code: bytes, names: Sequence[str], symbols: Mapping[str, int] | None = None
    ) -> None:
        builder = llvm.JITLibraryBuilder().add_object_img(code)
        for name in names:
            builder.export_symbol(name)
        for name, address in (symbols or {}).items():
            builder.import_symbol(name, address)
        with LOCK:
            try:
                loaded = builder.link(loader(), f"library{next(NUMBERS)}")
            except RuntimeError as error:
                raise NativeError(f"LLVM cannot load object code: {error}") from None
        self._addresses = {name: int(loaded[name]) for name in names}
        weakref.finalize(self, unload, loaded).atexit = False

    def address(self, name: str) -> int:
        """Where a function begins; it stays there as long as the library lives."""
        return self._addresses[name]


def unload(loaded: llvm.ResourceTracker) -> None:
    with LOCK:
        loaded.close()


@functools.cache
def loader() -> llvm.LLJIT:
    # LLVM's newer linker knows no objects of Windows.
    return llvm.create_lljit_compiler(
        target_machine(host(), 2), use_jit_link=sys.platform != "win32", suppress_errors=True
    )

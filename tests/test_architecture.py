"""The house as it is built: who imports whom, how large files are, what an import costs."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import lunzi

ROOT = Path(lunzi.__file__).parent
TESTS = Path(__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# room -> rooms of lunzi that it may import, and `version` besides
MAY_IMPORT = {
    "core": set(),
    "messages": set(),
    "storage": set(),
    "version": set(),
    "nn": {"core"},
    "optim": {"core"},
    "data": {"core", "messages", "storage"},
    "report": {"core", "messages", "storage"},
    "files": {"core", "nn", "messages", "storage"},
    "compiler": {"core", "messages", "storage"},
    "network": {"core", "nn", "optim", "files", "compiler"},
    "train": {"core", "nn", "optim", "data", "compiler", "files", "messages", "storage", "report"},
}
MAY_IMPORT["recipes"] = set(MAY_IMPORT)
MAY_IMPORT["cli"] = set(MAY_IMPORT)
MAY_IMPORT["__main__"] = {"cli"}
MAY_IMPORT["__init__"] = {"core", "nn", "optim"}  # other names load when they are asked for

# room -> libraries that it may import; each room may import the standard library
LIBRARIES = {
    "core": {"numpy"},
    "nn": {"numpy"},
    "optim": {"numpy"},
    "data": {"numpy", "PIL"},
    "report": {"numpy", "PIL"},
    "files": {"numpy", "safetensors"},
    "compiler": {"numpy", "llvmlite"},
    "network": {"numpy"},
    "train": {"numpy", "rich"},
    "recipes": {"numpy", "PIL"},
    "cli": {"numpy", "rich", "typer"},
}

# Loaded only by those who use them, so that `import lunzi` stays light.
HEAVY = ("rich", "typer", "PIL", "matplotlib", "sklearn", "safetensors", "llvmlite")

# Libraries that may be missing: they are imported where they are used, and not needed before.
# So are those of our own modules that need one: see `needing_what_may_be_missing`.
OPTIONAL = {"llvmlite"}


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def nodes_that_run(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from nodes_that_run(node)


def modules_of(node: ast.AST) -> list[str]:
    """The modules that a node imports: `from a import b` is a.b where that is a module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are written in full"
        inner = [f"{node.module}.{alias.name}" for alias in node.names]
        return [name if name in MODULES else node.module for name in inner]
    return []


def name_of(path: Path) -> str:
    parts = ["lunzi", *path.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in FILES}


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {module for node in nodes_that_run(tree) for module in modules_of(node)}


def top(module: str) -> str:
    return module.partition(".")[0]


def needing_what_may_be_missing() -> set[str]:
    """The modules that cannot be loaded without an optional library."""
    at_once = {name: imported_at_once(path) for name, path in MODULES.items()}
    found: set[str] = set()
    while more := {
        name
        for name, modules in at_once.items()
        if name not in found and (set(map(top, modules)) & OPTIONAL or modules & found)
    }:
        found |= more
    return found


def imported_at_once(path: Path) -> set[str]:
    """The modules that are imported when this one is, not when a function of it is called."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    later = {id(node) for function in functions_of(tree) for node in ast.walk(function)}
    return {m for node in nodes_that_run(tree) if id(node) not in later for m in modules_of(node)}


def functions_of(tree: ast.AST) -> list[ast.AST]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def test_every_room_is_in_the_tables():
    assert {room_of(path) for path in FILES} == set(MAY_IMPORT)
    assert set(LIBRARIES) <= set(MAY_IMPORT)


def test_rooms_import_downwards():
    wrong = {}
    for path in FILES:
        own = {module for module in imported(path) if top(module) == "lunzi"}
        rooms = {room_of(MODULES[module]) for module in own}
        wrong[name_of(path)] = rooms - MAY_IMPORT[room_of(path)] - {room_of(path), "version"}
    assert not {name: rooms for name, rooms in wrong.items() if rooms}


def test_rooms_import_only_their_libraries():
    wrong = {}
    for path in FILES:
        allowed = LIBRARIES.get(room_of(path), set()) | sys.stdlib_module_names | {"lunzi"}
        wrong[name_of(path)] = {top(module) for module in imported(path)} - allowed - OPTIONAL
    assert not {name: libraries for name, libraries in wrong.items() if libraries}


def test_modules_do_not_import_each_other_in_a_circle():
    waiting = {name: imported(path) & set(MODULES) for name, path in MODULES.items()}
    while waiting:
        needed_by_one = set().union(*waiting.values())
        free = {name for name, needed in waiting.items() if not needed & set(waiting)}
        free |= set(waiting) - needed_by_one
        assert free, f"these import each other: {sorted(waiting)}"
        waiting = {name: needed for name, needed in waiting.items() if name not in free}


def test_nothing_is_imported_inside_a_function_but_what_may_be_missing():
    needing = needing_what_may_be_missing()
    wrong = []
    for path in FILES:
        for function in functions_of(ast.parse(path.read_text(encoding="utf-8"))):
            hidden = {name for node in ast.walk(function) for name in modules_of(node)} - needing
            if {top(name) for name in hidden} - OPTIONAL:
                wrong.append((name_of(path), function.lineno))
    assert not wrong


def test_only_inner_modules_of_the_compiler_need_what_may_be_missing():
    needing = needing_what_may_be_missing()
    assert "lunzi.compiler.executable" in needing
    assert all(name.startswith("lunzi.compiler.") for name in needing), needing
    assert not needing & {"lunzi.compiler.compile", "lunzi.compiler.thread_count"}


def test_no_file_is_too_long_to_read():
    lengths = {
        str(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in [*FILES, *TESTS.rglob("*.py")]
    }
    assert not {path: length for path, length in lengths.items() if length > 600}


def run(code: str) -> str:
    """What a fresh Python prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_lunzi_loads_nothing_heavy():
    loaded = run("import sys, lunzi; print(*sys.modules)").split()
    assert "lunzi.core.tensor" in loaded
    assert not {top(name) for name in loaded} & set(HEAVY)


def test_core_layers_and_optimisers_need_numpy_alone():
    run(f"""
import sys

class NumPyAlone:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {{"numpy", "lunzi", *sys.stdlib_module_names}}:
            raise ImportError(f"{{name}} is not to be needed")

sys.meta_path.insert(0, NumPyAlone())
import lunzi, lunzi.nn, lunzi.optim
for name in {[name for name in MODULES if name.split(".")[1:2] in (["core"], ["nn"], ["optim"])]}:
    __import__(name)
""")

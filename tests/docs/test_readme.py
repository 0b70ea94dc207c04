"""What the documents show is what happens: code, output, commands, links."""

import contextlib
import io
import re
import shlex
import shutil
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from lunzi.cli.application import run
from lunzi.messages import use_language

ROOT = Path(__file__).parents[2]
README, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *sorted((ROOT / "docs").glob("**/*.md")),
    *sorted((ROOT / "benchmarks").glob("*.md")),
]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
HOUSES = "rooms,district,price\n" + "\n".join(
    f"{rooms},{district},{rooms * 30 + 50 * (district == 'north')}"
    for rooms in range(1, 9)
    for district in ("north", "south", "east")
)

every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
both_readmes = pytest.mark.parametrize(
    ("path", "language"), [(README, "en"), (CHINESE, "zh")], ids=["en", "zh"]
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a document, and the `text` block right after it: its output."""

    language: str
    code: str
    output: str | None


def blocks(path: Path) -> list[Block]:
    document = path.read_text("utf-8")
    found = list(FENCED.finditer(document))
    outputs = {}
    for block, following in pairwise(found):
        between = document[block.end() : following.start()]
        if following[1] == "text" and not between.strip():
            outputs[block.start()] = following[2]
    return [Block(block[1], block[2], outputs.get(block.start())) for block in found]


def code(path: Path, language: str) -> list[str]:
    return [block.code for block in blocks(path) if block.language == language]


def words(text: str) -> list[str]:
    return text.split()


def without_figures(line: str) -> str:
    """A line of output without its numbers and shades, which hang on the weights and threads."""
    line = re.sub(r"[░▒▓█][ ░▒▓█]*", "░", line)
    line = re.sub(r"\d[\d.,]*", "0", line)
    return " ".join(line.replace("0 threads", "0 thread").split())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in, as a reader has it; the global random state is kept."""
    monkeypatch.chdir(tmp_path)
    state = np.random.get_state()
    yield tmp_path
    np.random.set_state(state)


@every_document
def test_python_of_a_document_prints_what_the_document_shows(path, folder):
    names: dict[str, object] = {}
    for block in blocks(path):
        if block.language == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(block.code, "example.py", "exec"), names)
            assert words(printed.getvalue()) == words(block.output or "")


@both_readmes
def test_commands_of_the_readme_print_what_the_readme_shows(path, language, folder, capsys):
    (folder / "houses.csv").write_text(HOUSES, "utf-8")
    shutil.copytree(README.parent / "examples", folder / "examples")
    for block in blocks(path):
        if block.language != "sh":
            continue
        for command in re.split(r"&&|\n", block.code):
            arguments = shlex.split(command)
            if arguments[:1] == ["lunzi"]:
                # The digits at full length, which compiles, and says so.
                is_quick = arguments[1] == "train" and not {"digits", "--resume"} & {*arguments}
                quick = ["--epochs", "2"] if is_quick else []
                with use_language(language):
                    assert run([*arguments[1:], *quick]) == 0, command
        printed = set(map(without_figures, capsys.readouterr().out.splitlines()))
        shown = [line for line in (block.output or "").splitlines() if line != "..."]
        assert set(map(without_figures, shown)) <= printed


def test_both_readmes_hold_the_same_code():
    def without_comments(text: str) -> str:
        return re.sub(r" *#.*", "", text)

    for language in ("python", "sh", "bat"):
        english, chinese = code(README, language), code(CHINESE, language)
        assert list(map(without_comments, english)) == list(map(without_comments, chinese))


@pytest.mark.parametrize("path", [README, CHINESE], ids=["en", "zh"])
@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("main job", "pip install . && lunzi train digits"),
        ("tests", 'pip install ".[test]" && pytest'),
    ],
)
def test_the_two_commands_stand_where_the_continuous_integration_finds_them(path, name, command):
    assert f"<!-- {name} -->\n```sh\n{command}\n```\n" in path.read_text("utf-8")


@every_document
def test_links_lead_somewhere(path):
    targets = [t for t in LINK.findall(path.read_text("utf-8")) if not t.startswith("http")]
    assert [t for t in targets if not (path.parent / t).exists()] == []

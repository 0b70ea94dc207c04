"""The help of each command, in both languages, at the width of the terminal."""

import re
import subprocess
import sys

import pytest
from rich.cells import cell_len

from lunzi.cli.commands import COMMANDS, command_function
from lunzi.version import __version__

both_languages = pytest.mark.parametrize("language", ["en", "zh"])
every_command = pytest.mark.parametrize("command", COMMANDS)
ENGLISH = re.compile(r"\b(Usage|Options|Arguments|Commands|Show|show|this|the|and|default)\b")


def test_without_a_command_the_help_is_shown(lunzi):
    assert lunzi() == lunzi("--help") == lunzi("--language", "en")
    assert lunzi().status == 0


def test_the_help_names_each_command(lunzi):
    out = lunzi("--help").out
    assert out.startswith("Usage: lunzi [OPTIONS] COMMAND")
    assert all(re.search(rf"^  {name}  +\S", out, re.MULTILINE) for name in COMMANDS)


@every_command
@both_languages
def test_each_command_explains_all_that_it_takes(lunzi, command, language):
    ended = lunzi(command, "--help", "--language", language)
    assert (ended.status, ended.err) == (0, "")
    for name in command_function(command).__annotations__:
        if name != "return":
            option = (
                rf"--{name}\b" if f"--{name}" in ended.out else r"^  (WHAT|RUN|FILE|任务|训练|文件)"
            )
            assert re.search(option, ended.out, re.MULTILINE), name
    assert len(ended.out.splitlines()) > 8


@both_languages
@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_no_line_is_wider_than_the_terminal(lunzi, command, width, language, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    arguments = ["--language", language] if command is None else [command, "--language", language]
    for line in lunzi(*arguments, "--help").out.splitlines():
        assert cell_len(line) <= min(width, 100)
        assert not line.strip().startswith(("，", "。", "；", "）"))


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_nothing_stays_english_in_chinese(lunzi, command):
    arguments = ["--language", "zh"] if command is None else [command, "--language", "zh"]
    out = lunzi(*arguments, "--help").out
    assert out.startswith("用法：")
    # A command may be called by an English word: `lunzi show`.
    names = "|".join(COMMANDS)
    assert not ENGLISH.search(re.sub(rf"^  ({names})\b|lunzi ({names})\b", "", out, flags=re.M))


@both_languages
def test_explanations_stand_below_each_other(lunzi, language):
    out = lunzi("train", "--help", "--language", language).out
    starts = {
        cell_len(match[1])
        for line in out.splitlines()
        if (match := re.match(r"(  --\S+(?: \S+)?  +)\S", line)) and "|regression" not in line
    }
    assert len(starts) == 1


@pytest.mark.parametrize(
    ("variables", "first"),
    [
        ({}, "Usage"),
        ({"LUNZI_LANGUAGE": "zh"}, "用法"),
        ({"LANG": "zh_CN.UTF-8"}, "用法"),
        ({"LANG": "zh_CN.UTF-8", "LUNZI_LANGUAGE": "en"}, "Usage"),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "Usage"),
    ],
)
def test_the_language_comes_from_the_variables(lunzi, monkeypatch, variables, first):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert lunzi("--help").out.startswith(first)


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("option", [["--language", "zh"], ["--language=zh"]])
def test_the_option_decides_wherever_it_stands(lunzi, monkeypatch, place, option):
    monkeypatch.setenv("LUNZI_LANGUAGE", "en")
    arguments = ["train", "--help"]
    arguments[place:place] = option
    assert lunzi(*arguments).out.startswith("用法")


def test_the_version_is_shown(lunzi):
    assert lunzi("--version").out == f"lunzi {__version__}\n"


def test_it_runs_as_a_module(call, folder):
    ended = call(["--version"], folder)
    assert (ended.status, ended.out, ended.err) == (0, f"lunzi {__version__}\n", "")


def test_the_help_comes_without_loading_what_only_training_needs(folder):
    program = (
        "import sys; from lunzi.cli.application import run; run(['--help']); "
        "print(*sys.modules, file=sys.stderr)"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    modules = set(loaded.stderr.split())
    assert "lunzi.cli.application" in modules
    assert not modules & {"lunzi.train", "lunzi.data", "lunzi.report", "PIL", "rich.console"}

"""The program as a whole: help, errors, exit codes, start-up."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inglenook.cli.main import COMMANDS, build_parser

NAMES = [name for group in COMMANDS.values() for name in group]


def test_help_lists_every_command_and_the_options_of_all(inglenook):
    """The first help fits on a screen and ends with examples."""
    done = inglenook("--help")

    assert done.code == 0
    assert done.err == ""
    assert all(f"  {name} " in done.out for name in NAMES)
    assert all(option in done.out for option in ("--library", "--home", "--json", "--quiet", "--version", "examples:"))


def test_no_command_prints_the_help(inglenook):
    """A first try of the bare name is answered with the commands."""
    assert inglenook().out == inglenook("--help").out


@pytest.mark.parametrize("name", NAMES)
def test_each_command_has_help_with_an_example(name: str):
    """`inglenook COMMAND --help` shows real command lines, and every argument has a line of help."""
    parser = build_parser().commands()[name].configured()
    parsers = list(parser.commands().values()) or [parser]

    for each in parsers:
        help_text = each.configured().format_help()
        assert f"  inglenook {name}" in help_text or "INGLENOOK_" in help_text
        assert all(action.help for action in [*each.options(), *each.positionals()])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["serch", "x"], "no command 'serch'; did you mean 'search'?"),
        (["search", "x", "--limt", "3"], "no option '--limt'; did you mean '--limit'?"),
        (
            ["search", "x", "--mode", "hybird"],
            "--mode is 'hybird'; did you mean 'hybrid'? choose hybrid, text or vector",
        ),
        (["search", "x", "--limit", "0"], "--limit: '0' is no whole number above 0"),
        (["search"], "the following arguments are required: query"),
        (["--libary", "x", "config"], "no option '--libary'; did you mean '--library'?"),
        (["config", "x"], "one argument too many: 'x'"),
        (["eval", "retreival"], "no command 'retreival'; did you mean 'retrieval'?"),
    ],
)
def test_a_wrong_word_is_a_usage_error_that_suggests(inglenook, words: list[str], message: str):
    """One line on stderr, exit code 2, the nearest known word."""
    done = inglenook(*words)

    assert done.code == 2
    assert done.err.startswith(f"inglenook: {message}")
    assert done.err.count("\n") == 1
    assert done.out == ""


def test_an_error_is_an_object_for_programs(program):
    """With `--json` an error too is one object on stdout; people still see the line."""
    done = program("search", "x", "--library", "nowhere", "--json")

    assert done.code == 3
    assert done.json["error"]["kind"] == "NotFoundError"
    assert done.json["error"]["exit_code"] == 3
    assert "nowhere" in done.json["error"]["message"]
    assert done.err.startswith("inglenook: ")


def test_a_fault_of_ours_is_one_line_and_its_trace_is_on_request(inglenook, tmp_path: Path):
    """No traceback without INGLENOOK_DEBUG; the message says whose fault it is."""
    (tmp_path / "inglenook_fault.py").write_text(
        "from inglenook.core import settings\n"
        "def broken(*_): raise ZeroDivisionError('a test')\n"
        "settings.load_settings = broken\n"
    )
    code = "import inglenook_fault, sys; from inglenook.cli.main import run; sys.exit(run(['config']))"

    def run(debug: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={**os.environ, "INGLENOOK_DEBUG": debug},
            capture_output=True,
            text=True,
            check=False,
        )

    plain, debug = run(""), run("1")

    assert plain.returncode == 70
    assert plain.stderr.startswith("inglenook: ZeroDivisionError: a test; this is a fault of inglenook")
    assert plain.stderr.count("\n") == 1
    assert "Traceback" in debug.stderr


def test_global_options_stand_before_or_after_the_command(inglenook, tmp_path: Path):
    """`--home` and `--json` work in both places."""
    before = inglenook("--home", str(tmp_path / "h"), "--json", "config")
    after = inglenook("config", "--home", str(tmp_path / "h"), "--json")

    assert before.out == after.out
    assert before.json["config_path"] == str(tmp_path / "h" / "config.toml")


def test_options_may_stand_between_arguments():
    """A person adds a file after an option without thinking of it."""
    found, _ = build_parser().parse_known_args(["add", "a", "--library", "work", "b"])

    assert found.paths == ["a", "b"]
    assert found.library == "work"


def test_a_reader_that_leaves_ends_the_program_quietly(inglenook, home: Path):
    """`inglenook config | head -1` prints no complaint."""
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m inglenook.cli.main config | true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stderr in ("", "change one: a flag, INGLENOOK_NAME in the environment, or ~/.inglenook/config.toml\n")
    assert done.stdout.strip() in ("0", "141")


def test_a_latin_terminal_shows_escapes_rather_than_fail(program):
    """A stream that cannot write Chinese gets escapes."""
    done = program("config", INGLENOOK_LIBRARY="质保", PYTHONIOENCODING="latin-1")

    assert done.code == 0
    assert "\\u8d28\\u4fdd" in done.out


def test_help_imports_nothing_heavy():
    """Neither the first help nor a command's own loads a library it does not need."""
    heavy = {
        "numpy",
        "torch",
        "rich",
        "faiss",
        "tantivy",
        "lxml",
        "huggingface_hub",
        "tokenizers",
        "sqlite3",
        "typer",
        "click",
    }
    for words in (["--help"], ["ask", "--help"], ["add", "--help"], ["eval", "answers", "--help"]):
        code = (
            "import sys\nfrom inglenook.cli.main import run\n"
            f"try: run({words!r})\nexcept SystemExit: pass\n"
            "print('\\n'.join(sys.modules), file=sys.stderr)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

        assert not set(done.stderr.split()) & heavy, words


def test_help_is_there_within_150_ms():
    """The best of five runs, process start included; in processor time, which other work on the machine does not change."""
    program = shutil.which("inglenook", path=str(Path(sys.executable).parent))
    command = [program, "--help"] if program else [sys.executable, "-m", "inglenook.cli.main", "--help"]
    took = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)

    assert min(took) < 0.150

"""The pages tell the truth: every command, option and setting is described, and the examples do what they show.

A `console` block in a page is run in a folder that holds `examples/documents`, in order, a page at a time. A line that starts with
`$ ` is a command, the lines below it are what stdout and stderr together must show, and `...` stands for anything. A comment
before a block changes that: `<!-- setup: COMMAND -->` runs something unseen, `<!-- not run: WHY -->` leaves the block out.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from inglenook.cli.main import COMMANDS, build_parser
from inglenook.cli.parser import Parser
from inglenook.core.errors import UsageError
from inglenook.core.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.glob("*.md"), *DOCS.glob("commands/*.md")])
PAGE_NAMES = [str(path.relative_to(ROOT)) for path in PAGES]
NAMES = [name for group in COMMANDS.values() for name in group]
GLOBAL = {"-h", "--help", "--library", "--home", "--json", "--quiet", "--version"}
BLOCK = re.compile(r"((?:^<!-- (?:setup|not run): .*? -->\n+)*)^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
NOTE = re.compile(r"<!-- (setup|not run): (.*?) -->")


@dataclass(frozen=True)
class Example:
    """A command of a page and what it must show."""

    command: str
    expected: str
    is_run: bool
    is_setup: bool = False


def examples(page: Path) -> list[Example]:
    found = []
    for notes, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        kinds = NOTE.findall(notes)
        found += [Example(text, "...", is_run=True, is_setup=True) for kind, text in kinds if kind == "setup"]
        is_run = not any(kind == "not run" for kind, _ in kinds)
        for piece in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
            command, _, expected = re.sub(r"\\\n", " ", piece).partition("\n")
            found.append(Example(command, expected, is_run=is_run))
    return found


def leaves() -> list[tuple[str, Parser]]:
    found = []
    for name, parser in build_parser().commands().items():
        inner = parser.configured().commands()
        found += [(name, each.configured()) for each in inner.values()] or [(name, parser)]
    return found


@pytest.mark.parametrize(("name", "parser"), leaves(), ids=lambda value: getattr(value, "prog", value))
def test_every_option_and_argument_is_on_the_page_of_its_command(name: str, parser: Parser):
    """A page per command, with each of its words."""
    page = (DOCS / "commands" / f"{name}.md").read_text(encoding="utf-8")
    options = {word for action in parser.options() for word in action.option_strings} - GLOBAL
    arguments = {str(action.metavar or action.dest) for action in parser.positionals() if not action.choices}
    choices = {str(c) for a in [*parser.options(), *parser.positionals()] for c in a.choices or ()}

    assert page.startswith(f"# inglenook {name}\n")
    assert not {word for word in options if f"`{word}" not in page}
    assert not {word for word in arguments if word.upper() not in page}
    assert not {word for word in choices if f"{word}`" not in page and f" {word}\n" not in page}


def test_no_page_describes_an_option_that_is_not_there():
    """An option in a page's table exists in that command."""
    known: dict[str, set[str]] = {}
    for name, parser in leaves():
        known.setdefault(name, set()).update(word for action in parser.options() for word in action.option_strings)
    invented = {
        (name, word)
        for name, words in known.items()
        for word in re.findall(r"^\| `(--[a-z-]+)", (DOCS / "commands" / f"{name}.md").read_text(), re.MULTILINE)
        if word not in words
    }

    assert not invented


def test_the_guide_links_every_command():
    """`docs/index.md` leads to each page, and every link in the pages leads to a file."""
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    broken = [
        (str(page.relative_to(ROOT)), target)
        for page in [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]

    assert not {name for name in NAMES if f"commands/{name}.md" not in index}
    assert not broken


@pytest.mark.parametrize("spec", fields(Settings), ids=lambda spec: spec.name)
def test_every_setting_is_on_the_config_page_with_its_default(spec):
    """The table of `docs/commands/config.md` is the dataclass."""
    page = (DOCS / "commands" / "config.md").read_text(encoding="utf-8").replace("`", "")

    assert f"| {spec.name} | {spec.default} | {spec.metadata['help']} |" in page


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_every_example_is_a_command_line_that_parses(page: Path):
    """Each `inglenook ...` in a console block has known words; one that shows a usage error has it for a reason."""
    wrong = []
    for example in examples(page):
        for command in re.split(r"[|;&]+", example.command):
            words = [w for w in shlex.split(command.split(">")[0]) if not re.fullmatch(r"[A-Z_]+=.*", w)]
            if words[:1] != ["inglenook"] or {"--help", "--version"} & set(words) or len(words) < 2:
                continue
            try:
                build_parser().parse_known_args(words[1:])
            except UsageError as error:
                if f"inglenook: {error}" not in example.expected:
                    wrong.append(f"{command}: {error}")

    assert wrong == []


def test_commands_show_an_example_that_runs():
    """Each command's page has at least one example."""
    assert not [name for name in NAMES if not examples(DOCS / "commands" / f"{name}.md")]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program on its own path."""
    folder = tmp_path_factory.mktemp("shell")
    program = folder / "inglenook"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m inglenook.cli.main "$@"\n')
    program.chmod(0o755)
    return folder


def run(command: str, shell: Path, sandbox: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INGLENOOK_")}
    environment |= {"PATH": f"{shell}:{environment['PATH']}", "HOME": str(sandbox), "SHELL": "/bin/bash"}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=sandbox,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=300,
    )
    return done.stdout.decode()


def matches(expected: str, shown: str) -> bool:
    pattern = ".*".join(re.escape(piece) for piece in expected.strip().split("..."))
    return re.fullmatch(pattern, shown.strip(), re.DOTALL) is not None


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_the_examples_of_a_page_do_what_it_shows(page: Path, shell: Path, tmp_path: Path):
    """What a reader would type gives what the page prints."""
    found = [example for example in examples(page) if example.is_run]
    if not found:
        pytest.skip("the page has no example to run")
    shutil.copytree(ROOT / "examples" / "documents", tmp_path / "examples" / "documents")
    wrong = []
    for example in found:
        shown = run(example.command, shell, tmp_path)
        if not matches(example.expected, shown):
            wrong.append(f"$ {example.command}\n{shown}")

    assert wrong == []


def test_a_wrong_example_would_be_noticed():
    """The comparison is exact between the dots."""
    assert matches("one\n...\nthree", "one\ntwo\nthree\n")
    assert not matches("one\n...\nthree", "one\ntwo\nfour\n")

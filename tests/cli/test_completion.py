"""Completion in the shells people use."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inglenook.cli.completion import SCRIPTS, candidates, script_path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["se"], ["search"]),
        (["re"], ["remove", "replay", "reembed"]),
        (["search", "--mo"], ["--mode"]),
        (["search", "--mode", ""], ["hybrid", "text", "vector"]),
        (["eval", ""], ["retrieval", "answers"]),
        (["completion", "in"], ["install"]),
        (["--libr"], ["--library"]),
        (["completion", "install", "--shell", "z"], ["zsh"]),
    ],
)
def test_candidates_are_what_the_parser_would_take(words: list[str], expected: list[str]):
    """Commands, options and choices come from the real parser."""
    assert list(candidates(words)) == expected


def test_library_names_come_from_the_home_folder(home: Path, tmp_path: Path):
    """`--library` completes the libraries that exist, in the home that `--home` names."""
    (home / "libraries" / "work").mkdir(parents=True)
    (tmp_path / "other" / "libraries" / "novels").mkdir(parents=True)

    assert list(candidates(["search", "--library", ""])) == ["work"]
    assert list(candidates(["--home", str(tmp_path / "other"), "search", "--library", ""])) == ["novels"]


@pytest.mark.parametrize("shell", list(SCRIPTS))
def test_each_shell_accepts_its_script(shell: str, tmp_path: Path):
    """The script parses in the shell it is for, where that shell is installed."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "script"
    script.write_text(SCRIPTS[shell])

    assert subprocess.run([shell, "-n", str(script)], capture_output=True, check=False).returncode == 0


def test_bash_completes_through_the_script(tmp_path: Path, home: Path):
    """A real bash, asked for `inglenook search --mode h`, answers `hybrid`."""
    program = tmp_path / "inglenook"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m inglenook.cli.main "$@"\n')
    program.chmod(0o755)
    asked = (
        f"PATH={tmp_path}:$PATH; {SCRIPTS['bash']}\n"
        "COMP_WORDS=(inglenook search --mode h); COMP_CWORD=3; _inglenook; printf '%s\\n' \"${COMPREPLY[@]}\""
    )

    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)

    assert done.stdout == "hybrid\n"


def test_install_writes_where_the_shell_looks(inglenook, tmp_path: Path):
    """The file is the script, in the person's own folder."""
    done = inglenook("completion", "install", "--json", HOME=str(tmp_path), SHELL="/bin/bash")

    path = script_path("bash", tmp_path)
    assert done.json == {"shell": "bash", "path": str(path), "installed": True, "script": SCRIPTS["bash"]}
    assert path.read_text() == SCRIPTS["bash"]


def test_an_unknown_shell_is_a_usage_error(inglenook):
    """The message names the known ones."""
    done = inglenook("completion", "show", SHELL="/bin/tcsh")

    assert done.code == 2
    assert "the shell 'tcsh' is not known here; name one with --shell bash, zsh or fish" in done.err

"""Runs the real program: as a child with pipes, or on a pseudo-terminal."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROGRAM = [sys.executable, "-m", "inglenook.cli.main"]


@dataclass(frozen=True)
class Done:
    """What one run of the program left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one object that `--json` prints."""
        return json.loads(self.out)


Run = Callable[..., Done]


def environment_of(home: Path, extra: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("INGLENOOK_", "NO_COLOR"))}
    return {**kept, "INGLENOOK_HOME": str(home), "TERM": "xterm-256color", **extra}


@pytest.fixture
def inglenook(home: Path, tmp_path: Path) -> Run:
    """Run the program with pipes: `inglenook("config", "--json").json`."""

    def run(*words: str | bytes, cwd: Path = tmp_path, stdin: str = "", **extra: str) -> Done:
        done = subprocess.run(
            [*PROGRAM, *words],
            input=stdin.encode(),
            capture_output=True,
            cwd=cwd,
            env=environment_of(home, extra),
            check=False,
            timeout=120,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def on_terminal(home: Path, tmp_path: Path) -> Run:
    """Run the program on a pseudo-terminal of 80 columns; stdout and stderr arrive together in `out`."""

    def run(*words: str | bytes, cwd: Path = tmp_path, **extra: str) -> Done:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
        child = subprocess.Popen(
            [*PROGRAM, *words], stdin=theirs, stdout=theirs, stderr=theirs, cwd=cwd, env=environment_of(home, extra)
        )
        os.close(theirs)
        seen = b""
        try:
            while piece := os.read(ours, 65536):
                seen += piece
        except OSError:  # the child closed its end
            pass
        os.close(ours)
        return Done(child.wait(), seen.decode().replace("\r\n", "\n"), "")

    return run

"""Runs the program: within this process, as a child with pipes, or on a pseudo-terminal."""

import fcntl
import io
import json
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from inglenook.cli.main import run

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
def inglenook(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line within this process, which spares the start of Python: `inglenook("config", "--json").json`."""
    assert home.parent == tmp_path

    def run_here(*words: str, **extra: str) -> Done:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            for name, value in extra.items():
                patch.setenv(name, value)
            try:
                code = run(words)
            except SystemExit as end:  # --help and --version
                code = int(end.code or 0)
        return Done(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))

    return run_here


@pytest.fixture
def program(home: Path, tmp_path: Path) -> Run:
    """Run the real program as a child with pipes."""

    def run_child(*words: str | bytes, **extra: str) -> Done:
        environment = environment_of(home, extra)
        done = subprocess.run(
            [*PROGRAM, *words], capture_output=True, cwd=tmp_path, env=environment, check=False, timeout=120
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run_child


def heed_interrupts() -> None:
    """Undo what a shell does to a background job: a suite that runs in one would start children deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def start(home: Path, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Start the program and go on: the caller talks to it and ends it."""
    children = []

    def begin(*words: str) -> subprocess.Popen:
        child = subprocess.Popen(
            [*PROGRAM, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=environment_of(home, {}),
            preexec_fn=heed_interrupts,  # noqa: PLW1509 - no threads here, and it calls no lock
        )
        children.append(child)
        return child

    yield begin
    for child in children:
        if child.poll() is None:
            child.kill()
        child.communicate()


@pytest.fixture
def on_terminal(home: Path, tmp_path: Path) -> Run:
    """Run the program on a pseudo-terminal of 80 columns; stdout and stderr arrive together in `out`."""

    def run_there(*words: str | bytes, **extra: str) -> Done:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
        child = subprocess.Popen(
            [*PROGRAM, *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=tmp_path,
            env=environment_of(home, extra),
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

    return run_there


WARRANTY = """# Washing machine

## Delivery

The machine was delivered on 12 March 2024 by two friendly people.

## Warranty

The warranty of the washing machine ends on 12 March 2027. It covers the motor and the pump.
"""
FEES = "# 物业须知\n\n物业费应在每月五号之前缴纳。逾期将加收滞纳金。\n"
HOSTILE = "The lighthouse keeper \x1b[2J\x1b]0;owned\x07 of Port Amber is called Hanna Weld.\n"
ODD_NAME = b"caf\xe9 \x1b[31m.txt"


@dataclass(frozen=True)
class Shelf:
    """A home with a library of small real files, added by the program itself."""

    warranty = WARRANTY
    fees = FEES
    hostile = HOSTILE
    odd_name = ODD_NAME

    home: Path
    folder: Path
    report: Any
    """What `add --json` printed."""


@pytest.fixture(scope="session")
def shelf_master(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """The one shelf that the others are copies of."""
    base = tmp_path_factory.mktemp("shelf")
    folder = base / "papers"
    (folder / "house").mkdir(parents=True)
    (folder / "house" / "warranty.md").write_text(WARRANTY)
    (folder / "house" / "物业.md").write_text(FEES)
    (folder / "lease.txt").write_text("The lease of the flat was signed by Ada Quill on 3 May 2021.\n")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n<< /Type /Cat")
    Path(os.fsdecode(bytes(folder) + b"/" + ODD_NAME)).write_text(HOSTILE)
    words = [*PROGRAM, "add", str(folder), "--meta", "owner=ada", "--json"]
    done = subprocess.run(words, capture_output=True, env=environment_of(base / "home", {}), check=True)
    return Shelf(base / "home", folder, json.loads(done.stdout))


@pytest.fixture
def shelf(shelf_master: Shelf, home: Path) -> Shelf:
    """The shelf in this test's own home; the documents themselves are shared and must not be changed."""
    shutil.copytree(shelf_master.home, home)
    return Shelf(home, shelf_master.folder, shelf_master.report)

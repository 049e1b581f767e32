"""`inglenook watch`: followed folders kept up to date until it is stopped."""

import signal
import threading
from typing import TYPE_CHECKING

from inglenook.cli.parser import Parser, add_examples
from inglenook.cli.passages import short_path
from inglenook.cli.reports import report_json, summarize
from inglenook.cli.session import OK, Session
from inglenook.cli.terminal import Piece

if TYPE_CHECKING:
    from inglenook.library.records import AddReport


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    add_examples(parser, "inglenook watch", "inglenook watch --library work --json >> changes.jsonl")


def run(session: Session) -> int:
    """Watch, and report each round of changes; Ctrl-C is how a person ends it."""
    terminal, stop = session.terminal, threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    def tell(report: "AddReport") -> None:
        if terminal.is_json:
            terminal.json(report_json(report))
            terminal.out.flush()
            return
        for path, reason in report.failed:
            terminal.warn(Piece("failed  ", "red"), short_path(path), f": {reason}")
        summarize(terminal, report, session.settings.library)

    with session.open_library() as library:
        terminal.status("watching; Ctrl-C ends it")
        library.watch(stop, tell)
    return OK

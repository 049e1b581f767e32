"""`inglenook watch`: followed folders kept up to date until it is stopped."""

import signal
import threading
from typing import TYPE_CHECKING

from inglenook.cli.parser import Parser, add_examples
from inglenook.cli.reports import report_json, summarize
from inglenook.cli.session import OK, Session

if TYPE_CHECKING:
    from inglenook.library.records import AddReport


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    add_examples(parser, "inglenook watch", "inglenook watch --library work --json >> changes.jsonl")

"""`inglenook sync`: followed folders brought up to date: changed files replaced, deleted files removed."""

from inglenook.cli.parser import Parser, add_examples
from inglenook.cli.progress import FileProgress
from inglenook.cli.reports import finish
from inglenook.cli.session import Session


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    parser.add_argument("--strict", action="store_true", help="exit with 1 when any file failed")
    add_examples(parser, "inglenook sync", "inglenook sync --library work --json")


def run(session: Session) -> int:
    """Sync and report."""
    with session.open_library() as library, FileProgress(session.terminal) as progress:
        report = library.sync(on_progress=progress)
    return finish(session, report)

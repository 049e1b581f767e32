"""`inglenook add`: files and folders into a library; a second time, only what changed."""

from inglenook.cli.filters import add_label_option, labels
from inglenook.cli.parser import Parser, add_examples
from inglenook.cli.progress import FileProgress
from inglenook.cli.reports import finish
from inglenook.cli.session import Session


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, or a folder to take whole and to follow")
    add_label_option(parser, "a label to filter by; may be repeated")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when any file failed")
    add_examples(
        parser,
        "inglenook add ~/notes report.pdf",
        "inglenook add ~/contracts --library work --meta client=acme",
        "inglenook add ~/notes --json",
    )


def run(session: Session) -> int:
    """Add and report."""
    arguments = session.arguments
    metadata = labels(arguments.meta) or None
    with session.open_library(create=True) as library, FileProgress(session.terminal) as progress:
        report = library.add(arguments.paths, metadata=metadata, on_progress=progress)
    return finish(session, report)

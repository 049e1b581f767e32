"""`inglenook remove`: take documents out of a library; the files themselves stay."""

from inglenook.cli.commands.documents import document_json
from inglenook.cli.parser import Parser, add_examples
from inglenook.cli.passages import short_path
from inglenook.cli.session import OK, Session
from inglenook.cli.terminal import counted


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    parser.add_argument(
        "documents", nargs="+", metavar="DOCUMENT", help="a path, a folder, or a number in `inglenook documents`"
    )
    add_examples(parser, "inglenook remove report.pdf", "inglenook remove ~/notes 3 7", "inglenook remove 3 --json")


def run(session: Session) -> int:
    """Remove and name what was removed."""
    with session.open_library() as library:
        removed = library.remove(session.arguments.documents)
    if session.terminal.is_json:
        session.terminal.json({"removed": [document_json(record) for record in removed]})
        return OK
    for record in removed:
        session.terminal.status("removed ", short_path(record.path))
    session.terminal.line(f"{counted(len(removed), 'document')} removed; the files are still where they were")
    return OK

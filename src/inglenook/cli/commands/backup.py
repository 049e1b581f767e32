"""`inglenook backup`: a whole, checked copy of a library, taken while it is in use."""

from pathlib import Path

from inglenook.cli.parser import Parser, add_examples
from inglenook.cli.passages import short_path
from inglenook.cli.session import OK, Session
from inglenook.cli.terminal import Piece, size


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    parser.add_argument("path", type=Path, help="the file to write; it must not exist")
    add_examples(parser, "inglenook backup /mnt/stick/notes.db", "inglenook backup work.db --library work --json")


def run(session: Session) -> int:
    """Write the copy."""
    path = session.arguments.path.expanduser().absolute()
    with session.open_library(read_only=True) as library:
        library.backup(path)
    written = path.stat().st_size
    if session.terminal.is_json:
        session.terminal.json({"path": str(path), "size_bytes": written})
        return OK
    session.terminal.line("wrote ", Piece(short_path(str(path)), "bold"), f", {size(written)}")
    session.terminal.status(
        f"to restore it, copy it to {short_path(str(session.settings.libraries_path))}/NAME/library.db"
    )
    return OK

"""`inglenook export`: everything a library knows, as JSON lines that other programs can read."""

from pathlib import Path

from inglenook.cli.parser import Parser, add_examples
from inglenook.cli.passages import short_path
from inglenook.cli.session import OK, Session
from inglenook.cli.terminal import Piece, size


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    parser.add_argument("path", type=Path, help="the file to write")
    add_examples(parser, "inglenook export notes.jsonl", "inglenook export work.jsonl --library work --json")


def run(session: Session) -> int:
    """Write the export."""
    path = session.arguments.path.expanduser().absolute()
    with session.open_library(read_only=True) as library:
        library.export(path)
    written = path.stat().st_size
    if session.terminal.is_json:
        session.terminal.json({"path": str(path), "size_bytes": written})
    else:
        session.terminal.line("wrote ", Piece(short_path(str(path)), "bold"), f", {size(written)}")
    return OK

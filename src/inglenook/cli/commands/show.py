"""`inglenook show`: one document, and the text that was extracted from it: what citations quote."""

from inglenook.cli.commands.documents import document_json
from inglenook.cli.parser import Parser, add_examples, natural
from inglenook.cli.passages import short_path
from inglenook.cli.session import OK, Session
from inglenook.cli.terminal import Piece, counted, file_url


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    parser.add_argument("document", help="its path, or its number in `inglenook documents`")
    parser.add_argument("--from", dest="start", type=natural, default=0, metavar="CHAR", help="first character, from 0")
    parser.add_argument(
        "--to", dest="end", type=natural, metavar="CHAR", help="the character after the last; default: the end"
    )
    add_examples(
        parser,
        "inglenook show report.pdf",
        "inglenook show 3 --from 1200 --to 1450",
        "inglenook show report.pdf > report.txt",
    )


def run(session: Session) -> int:
    """Print the document's record on stderr and its text on stdout."""
    arguments, terminal = session.arguments, session.terminal
    with session.open_library(read_only=True) as library:
        record = library.document(arguments.document)
        text = library.read_text(record.id, arguments.start, arguments.end)
    if terminal.is_json:
        place = {"char_start": arguments.start, "char_end": arguments.start + len(text), "text": text}
        terminal.json({**document_json(record), **place})
        return OK
    facts = [record.format, record.language, f"{record.size_bytes:,} bytes", counted(record.chunks, "passage")]
    terminal.status(Piece(short_path(record.path), "bold", file_url(record.path)), f"  {record.title or ''}")
    terminal.status(Piece(", ".join(fact for fact in facts if fact), "dim"))
    terminal.status()
    terminal.body(text if text.endswith("\n") or not terminal.is_out_live else text + "\n")
    return OK

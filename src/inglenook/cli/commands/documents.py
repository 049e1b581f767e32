"""`inglenook documents`: what a library holds."""

from typing import TYPE_CHECKING

from inglenook.cli.filters import add_filter_options, filters_from
from inglenook.cli.parser import Parser, add_examples
from inglenook.cli.passages import short_path
from inglenook.cli.session import OK, Session
from inglenook.cli.terminal import Piece, counted, file_url

if TYPE_CHECKING:
    from inglenook.library import DocumentRecord


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    add_filter_options(parser)
    add_examples(
        parser,
        "inglenook documents",
        "inglenook documents --type pdf --after 2024-01-01",
        "inglenook documents --path '*/contracts/*' --json",
    )


def run(session: Session) -> int:
    """List the documents."""
    with session.open_library(read_only=True) as library:
        records = library.documents(filters_from(session.arguments))
    terminal = session.terminal
    if terminal.is_json:
        terminal.json({"documents": [document_json(record) for record in records]})
        return OK
    width = len(str(max((record.id for record in records), default=0)))
    for record in records:
        title = f"  {record.title}" if record.title else ""
        terminal.line(
            Piece(f"{record.id:>{width}}  ", "cyan"),
            Piece(short_path(record.path), "bold", file_url(record.path)),
            title,
            Piece(f"  {record.format}, {counted(record.chunks, 'passage')}", "dim"),
        )
    terminal.status(f"{counted(len(records), 'document')} in library {session.settings.library}")
    return OK


def document_json(record: "DocumentRecord") -> dict[str, object]:
    """Return the keys that `docs/json.md` promises."""
    return {
        "id": record.id,
        "path": record.path,
        "title": record.title,
        "format": record.format,
        "language": record.language,
        "size_bytes": record.size_bytes,
        "content_hash": record.content_hash,
        "version": record.version,
        "chunks": record.chunks,
        "added_at": record.added_at,
        "modified_at": record.modified_at,
        "metadata": dict(record.metadata),
    }

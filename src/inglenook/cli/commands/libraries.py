"""`inglenook libraries`: which libraries there are."""

from inglenook.cli.parser import Parser, add_examples
from inglenook.cli.passages import short_path
from inglenook.cli.session import OK, Session
from inglenook.cli.terminal import Piece, counted, size


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    add_examples(parser, "inglenook libraries", "inglenook libraries --home /mnt/stick/inglenook --json")


def run(session: Session) -> int:
    """List them; the default one is marked."""
    from inglenook.library import list_libraries

    terminal, chosen = session.terminal, session.settings.library
    found = list_libraries(session.settings)
    if terminal.is_json:
        rows = [
            {
                "name": info.name,
                "path": info.path,
                "documents": info.documents,
                "chunks": info.chunks,
                "size_bytes": info.size_bytes,
                "problem": info.problem,
                "is_default": info.name == chosen,
            }
            for info in found
        ]
        terminal.json({"libraries": rows})
        return OK
    for info in found:
        mark = "*" if info.name == chosen else " "
        contents = f"{counted(info.documents or 0, 'document')}, {counted(info.chunks or 0, 'passage')}"
        state = info.problem or f"{contents}, {size(info.size_bytes)}"
        terminal.line(f"{mark} ", Piece(info.name, "bold"), f"  {state}  ", Piece(short_path(info.path), "dim"))
    if not found:
        terminal.status("no library yet; make one: inglenook add FOLDER")
    return OK

"""`inglenook search`: the passages that fit a query best."""

from typing import TYPE_CHECKING

from inglenook.cli.filters import add_filter_options, filters_from
from inglenook.cli.parser import Parser, add_examples, positive
from inglenook.cli.passages import passage, place
from inglenook.cli.session import NOTHING_FOUND, OK, Session
from inglenook.cli.terminal import Piece

if TYPE_CHECKING:
    from inglenook.core.types import Hit

_EXCERPT_CHARS = 400


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    parser.add_argument("query", nargs="+", help="the words to look for")
    parser.add_argument(
        "--mode",
        choices=["hybrid", "text", "vector"],
        default="hybrid",
        help="text: by words; vector: by meaning; hybrid: both (default)",
    )
    parser.add_argument("--limit", type=positive, default=10, metavar="N", help="how many passages (default: 10)")
    add_filter_options(parser)
    parser.add_argument("--full", action="store_true", help="print whole passages, not excerpts")
    parser.add_argument("--strict", action="store_true", help="exit with 5 when nothing is found")
    add_examples(
        parser,
        "inglenook search warranty",
        'inglenook search "heat pump" --mode text --type pdf',
        "inglenook search 保修 --path '*/contracts/*' --limit 3",
        "inglenook search invoice --after 2024-01-01 --meta client=acme --json",
    )


def run(session: Session) -> int:
    """Search and print."""
    arguments, terminal = session.arguments, session.terminal
    query = " ".join(arguments.query)
    with session.open_library() as library:
        result = library.search(query, limit=arguments.limit, mode=arguments.mode, filters=filters_from(arguments))
    if result.note:
        terminal.status(Piece(result.note, "yellow"))
    if terminal.is_json:
        hits = [hit_json(hit) for hit in result.hits]
        terminal.json({"query": query, "mode": result.mode, "hits": hits, "note": result.note})
    elif not result.hits:
        terminal.status("nothing found")
    else:
        _show(session, query, result.hits)
    return NOTHING_FOUND if arguments.strict and not result.hits else OK


def hit_json(hit: "Hit") -> dict[str, object]:
    """Return the keys that `docs/json.md` promises."""
    return {
        "rank": hit.rank,
        "score": round(hit.score, 6),
        "path": hit.path,
        "title": hit.title,
        "page": hit.page,
        "line_start": hit.line_start,
        "line_end": hit.line_end,
        "heading": list(hit.heading),
        "text": hit.text,
        "char_start": hit.char_start,
        "char_end": hit.char_end,
        "document_id": hit.document_id,
        "language": hit.language,
    }


def _show(session: Session, query: str, hits: "list[Hit]") -> None:
    from inglenook.library.words import highlight

    terminal = session.terminal
    limit = None if session.arguments.full else _EXCERPT_CHARS
    for hit in hits:
        if hit.rank > 1:
            terminal.line()
        heading = [Piece(f"  {' > '.join(hit.heading)}", "dim")] if hit.heading else []
        where = place(hit.path, hit.page, hit.line_start, hit.line_end)
        terminal.line(Piece(f"{hit.rank:>2}  ", "cyan"), *where, *heading)
        passage(terminal, hit.text, highlight(hit.text, query), style="match", limit=limit)

"""`inglenook ask`: a question answered from the documents, each sentence with a citation that was checked."""

from typing import TYPE_CHECKING

from inglenook.cli.filters import add_filter_options, filters_from
from inglenook.cli.parser import Parser, add_examples, positive
from inglenook.cli.passages import passage, place
from inglenook.cli.session import NOTHING_FOUND, OK, Session
from inglenook.cli.terminal import Piece, Terminal

if TYPE_CHECKING:
    from inglenook.core.types import Answer, Citation


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    parser.add_argument("question", nargs="+", help="the question; quotes are not needed where the shell allows")
    parser.add_argument("--limit", type=positive, default=None, metavar="N", help="how many passages to read")
    add_filter_options(parser)
    parser.add_argument("--strict", action="store_true", help="exit with 5 when the documents do not support an answer")
    add_examples(
        parser,
        'inglenook ask "when does the warranty end?"',
        'inglenook ask "质保期什么时候结束？"',
        'inglenook ask "who signed the lease?" --type pdf --after 2024-01-01',
        'inglenook ask "when does the warranty end?" --json',
    )


def run(session: Session) -> int:
    """Answer and print."""
    from inglenook.answer import ask

    arguments = session.arguments
    options = {} if arguments.limit is None else {"limit": arguments.limit}
    with session.open_library() as library:
        answer = ask(" ".join(arguments.question), library, filters=filters_from(arguments), **options)
    if session.terminal.is_json:
        session.terminal.json(answer_json(answer))
    else:
        show_answer(session.terminal, answer)
    return NOTHING_FOUND if arguments.strict and not answer.supported else OK


def answer_json(answer: "Answer") -> dict[str, object]:
    """Return the keys that `docs/json.md` promises."""
    return {
        "question": answer.question,
        "answer": answer.text,
        "short": answer.short,
        "supported": answer.supported,
        "confidence": round(answer.confidence, 4),
        "citations": [citation_json(citation) for citation in answer.citations],
        "seconds": round(answer.seconds, 4),
        "answer_id": answer.answer_id,
    }


def citation_json(citation: "Citation") -> dict[str, object]:
    """Return one citation; `quote` is the document's extracted text at [char_start, char_end)."""
    return {
        "number": citation.number,
        "path": citation.path,
        "page": citation.page,
        "line_start": citation.line_start,
        "line_end": citation.line_end,
        "char_start": citation.char_start,
        "char_end": citation.char_end,
        "quote": citation.quote,
        "document_id": citation.document_id,
        "document_hash": citation.document_hash,
        "span_start": citation.span_start,
        "span_end": citation.span_end,
    }


def show_answer(terminal: Terminal, answer: "Answer") -> None:
    """Print an answer as a person reads it."""
    for line in answer.text.splitlines():
        terminal.line(Piece(line, "" if answer.supported else "yellow"))
    for citation in answer.citations:
        terminal.line()
        terminal.line(
            Piece(f"[{citation.number}] ", "cyan"),
            *place(citation.path, citation.page, citation.line_start, citation.line_end),
        )
        has_span = citation.span_start is not None and citation.span_end is not None
        spans = [(citation.span_start or 0, citation.span_end or 0)] if has_span else []
        passage(terminal, citation.quote, spans, style="match")
    replay = f" · again: inglenook replay {answer.answer_id}" if answer.answer_id else ""
    sure = f" · confidence {answer.confidence:.0%}" if answer.supported else ""
    terminal.status(Piece(f"{answer.seconds:.2f} s{sure}{replay}", "dim"))

"""What `add`, `sync` and `watch` report when they are done: a summary line, or the object for programs."""

from typing import TYPE_CHECKING

from inglenook.cli.session import FAILED, OK, Session
from inglenook.cli.terminal import Piece, Terminal, counted

if TYPE_CHECKING:
    from inglenook.library.records import AddReport


def report_json(report: "AddReport") -> dict[str, object]:
    """Return the keys that `docs/json.md` promises."""
    return {
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "removed": report.removed,
        "failed": [{"path": str(path), "reason": reason} for path, reason in report.failed],
        "documents": report.documents,
        "chunks": report.chunks,
        "seconds": round(report.seconds, 4),
        "moved": report.moved,
        "embedded": report.embedded,
        "note": report.note,
    }


def finish(session: Session, report: "AddReport") -> int:
    """Print the report and return the exit code."""
    if session.terminal.is_json:
        session.terminal.json(report_json(report))
    else:
        summarize(session.terminal, report, session.settings.library)
    is_any_taken = report.added + report.updated + report.unchanged + report.moved + report.removed > 0
    return FAILED if report.failed and (session.arguments.strict or not is_any_taken) else OK


def summarize(terminal: Terminal, report: "AddReport", library: str) -> None:
    """Print the summary line, and the note beneath it."""
    counts = (
        (report.added, "added", "green"),
        (report.updated, "updated", "green"),
        (report.moved, "moved", "green"),
        (report.removed, "removed", "yellow"),
        (report.unchanged, "unchanged", ""),
        (len(report.failed), "failed", "red"),
    )
    pieces: list[str | Piece] = []
    for count, word, style in counts:
        if count:
            pieces += [", " if pieces else "", Piece(f"{count:,} {word}", style)]
    holds = f"library {library} holds {counted(report.documents, 'document')}, {counted(report.chunks, 'passage')}"
    terminal.line(*(pieces or ["nothing to do"]), f" in {report.seconds:.1f} s; {holds}")
    if report.note:
        terminal.status(Piece(report.note, "yellow"))

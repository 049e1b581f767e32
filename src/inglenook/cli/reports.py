"""What `add`, `sync` and `watch` say about the files they took: one line a file that matters, then a summary."""

from typing import TYPE_CHECKING

from inglenook.cli.passages import short_path
from inglenook.cli.session import FAILED, OK, Session
from inglenook.cli.terminal import Piece, Terminal

if TYPE_CHECKING:
    from inglenook.library import AddReport


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
    }


def finish(session: Session, report: "AddReport", *, is_strict: bool) -> int:
    """Print the report and return the exit code."""
    if session.terminal.is_json:
        session.terminal.json(report_json(report))
    else:
        summarize(session.terminal, report, session.settings.library)
    is_any_taken = report.added + report.updated + report.unchanged + report.removed > 0
    return FAILED if report.failed and (is_strict or not is_any_taken) else OK


def summarize(terminal: Terminal, report: "AddReport", library: str) -> None:
    """Print the summary line."""
    counts = (
        (report.added, "added", "green"),
        (report.updated, "updated", "green"),
        (report.removed, "removed", "yellow"),
        (report.unchanged, "unchanged", ""),
        (len(report.failed), "failed", "red"),
    )
    pieces: list[str | Piece] = []
    for count, word, style in counts:
        if count:
            pieces += [", " if pieces else "", Piece(f"{count:,} {word}", style)]
    terminal.line(
        *(pieces or ["nothing to do"]),
        f" in {report.seconds:.1f} s; library {library} holds {report.documents:,} documents, {report.chunks:,} passages",
    )


def show_failures(terminal: Terminal, report: "AddReport") -> None:
    """Print one line for each file that failed."""
    for path, reason in report.failed:
        terminal.warn(Piece("failed ", "red"), short_path(str(path)), f": {reason}")

"""Follow folders: sync when the system says that something changed, and once a minute in case it did not say so.

It knows when to look, never what to do: that is `sync`, which works out the changes from the files themselves, so a lost,
doubled or reordered notification does no harm.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import watchfiles

from inglenook.core.errors import StoreBusyError
from inglenook.library.records import AddReport

QUIET_MS = 800
"""A burst of changes is gathered until it pauses, at most this long."""
PATIENCE_MS = 60_000
"""Without any notification (network drives, a single file that was replaced) folders are looked at this often."""


def watch(
    sync: Callable[[], AddReport],
    followed: Callable[[], list[str]],
    stop: threading.Event,
    on_report: Callable[[AddReport], None],
    patience_ms: int = PATIENCE_MS,
) -> None:
    """Call `sync` now and after each change beneath the followed paths until `stop` is set.

    Args:
        sync: brings the library into step.
        followed: returns the paths to watch; asked again after every round.
        stop: ends the watch within a tenth of a second, or when the running sync is done.
        on_report: gets the first report, and then each one that tells of a change or a new failure.
        patience_ms: look this often even when nothing is reported.
    """
    told: list[tuple[str, str]] | None = None
    while not stop.is_set():
        paths = [path for path in followed() if os.path.lexists(path)]
        told = _round(sync, on_report, told)
        if not paths:
            stop.wait(patience_ms / 1000)
            continue
        for _ in watchfiles.watch(
            *paths,
            watch_filter=_visible_in(paths),
            debounce=QUIET_MS,
            stop_event=stop,
            rust_timeout=patience_ms,
            yield_on_timeout=True,
            raise_interrupt=True,
            ignore_permission_denied=True,
        ):
            if stop.is_set():
                return
            told = _round(sync, on_report, told)
            if paths != [path for path in followed() if os.path.lexists(path)]:
                break


def _round(
    sync: Callable[[], AddReport], on_report: Callable[[AddReport], None], told: list[tuple[str, str]] | None
) -> list[tuple[str, str]] | None:
    """Sync, tell what is new, and return the failures told so far; None before the first report."""
    try:
        report = sync()
    except StoreBusyError:
        return told  # another process is adding; the next round takes up what it leaves
    is_changed = report.added + report.updated + report.removed + report.moved + report.embedded > 0
    if told is None or is_changed or report.failed != told:
        on_report(report)
    return report.failed


def _visible_in(roots: list[str]) -> Callable[[watchfiles.Change, str], bool]:
    """Return what says whether a changed path is neither hidden nor in a hidden folder beneath the followed path."""

    def is_visible(_: watchfiles.Change, path: str) -> bool:
        root = max((root for root in roots if path.startswith(root)), key=len, default="/")
        return not any(name.startswith(".") for name in Path(path[len(root) :]).parts)

    return is_visible

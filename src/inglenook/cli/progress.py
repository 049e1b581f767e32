"""Progress on stderr: a line for each file that matters, and on a terminal a bar with rates and the time left.

The bar is one line, redrawn in place; nothing is drawn before there is something to say, nor where nobody looks.
"""

import time
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Self

from inglenook.cli.passages import short_path
from inglenook.cli.terminal import Piece, Terminal, counted, display_width, escape

if TYPE_CHECKING:
    from inglenook.library.records import Progress

_REDRAW_S = 0.1
_WINDOW_S = 15.0
_BAR_COLUMNS = 24
_FILE_STYLES = {"added": "green", "updated": "green", "moved": "green", "removed": "yellow", "failed": "red"}


class Bar:
    """A line on stderr that says how far the work is; a context manager that leaves the screen clean.

    Args:
        terminal: where it is drawn; a pipe, `--quiet` and `--json` get none.
        unit: what is counted: files, passages, queries, MB.
        side_unit: what else is counted, for a second rate; empty for nothing.
    """

    def __init__(self, terminal: Terminal, unit: str, side_unit: str = "") -> None:
        self._terminal = terminal
        self._units = (unit, side_unit)
        self._is_drawn = terminal.is_err_live and not terminal.is_quiet and not terminal.is_json
        self._drawn_at = 0.0
        self._side_done = 0
        self._seen: deque[tuple[float, int, int]] = deque([(time.monotonic(), 0, 0)])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def update(self, done: int, total: int, side_done: int = 0, label: str = "") -> None:
        """Say how far the work is; `side_done` adds to the second count."""
        self._side_done += side_done
        now = time.monotonic()
        if not self._is_drawn or now - self._drawn_at < _REDRAW_S:
            return
        self._drawn_at = now
        self._seen.append((now, done, self._side_done))
        while now - self._seen[0][0] > _WINDOW_S:
            self._seen.popleft()
        self._terminal.err.write(f"\r\x1b[K{self._line(done, total, label)}")
        self._terminal.err.flush()

    def clear(self) -> None:
        """Take the bar off the screen."""
        if self._drawn_at:
            self._terminal.err.write("\r\x1b[K")
            self._terminal.err.flush()
            self._drawn_at = 0.0

    def _line(self, done: int, total: int, label: str) -> str:
        (start, done_then, side_then), (end, done_now, side_now) = self._seen[0], self._seen[-1]
        passed = max(end - start, 1e-6)
        rate = (done_now - done_then) / passed
        unit, side_unit = self._units
        filled = _BAR_COLUMNS * done // max(total, 1)
        parts = [f"{'━' * filled}{'·' * (_BAR_COLUMNS - filled)} {done:,}/{total:,} {unit}", f"{rate:,.0f} {unit}/s"]
        if side_unit:
            parts.append(f"{(side_now - side_then) / passed:,.0f} {side_unit}/s")
        if rate > 0:
            parts.append(f"{duration((total - done) / rate)} left")
        line = "  ".join([*parts, escape(label)])
        columns = self._terminal.err_columns - 1
        while display_width(line) > columns:
            line = line[:-1]
        return line


class FileProgress:
    """Tells a person what becomes of each file: pass it as `on_progress`."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._bar = Bar(terminal, "files", "passages")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.clear()

    def __call__(self, event: "Progress") -> None:
        """Write the line of a file, and move the bar."""
        if event.state in _FILE_STYLES and not self._terminal.is_json:
            self._bar.clear()
            self._line(event)
        self._bar.update(event.done, event.total, event.chunks, short_path(event.path) if event.path else "")

    def _line(self, event: "Progress") -> None:
        word = Piece(f"{event.state:<8}", _FILE_STYLES[event.state])
        if event.state == "failed":
            self._terminal.warn(word, short_path(event.path), f": {event.reason}")
            return
        passages = Piece(f"  {counted(event.chunks, 'passage')}", "dim") if event.chunks else ""
        self._terminal.status(word, short_path(event.path), passages)


def duration(seconds: float) -> str:
    """Return `9 s`, `2:05 min` or `1:02 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"

"""What reaches the screen: results on stdout, status on stderr, and nothing that could command a terminal.

Documents, titles and file names are foreign: each piece of text is escaped here, so that colour and link sequences are the
only ones that a terminal ever sees. JSON keeps the text exactly as it is. Colour and links appear on a terminal only;
`NO_COLOR` (no-color.org) turns colour off. Links follow OSC 8 (Egmont Koblinger's note "Hyperlinks in terminal emulators").
"""

import json
import os
import re
import shutil
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote_from_bytes

# C0 and C1 controls, line and paragraph separators, the marks that reverse the reading direction, lone surrogates (which
# is how Python holds the bytes of a file name that are not UTF-8).
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSAFE_IN_BODY = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")

STYLES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
    "match": "1;33",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a line with a style and perhaps a link; its text is escaped when it is written."""

    text: str
    style: str = ""
    url: str = ""


def escape(text: str, *, is_body: bool = False) -> str:
    r"""Return the text with every control character made visible (`\x1b`); a body keeps its line ends and tabs."""
    return (_UNSAFE_IN_BODY if is_body else _UNSAFE).sub(_visible, text)


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00  # the byte that surrogateescape stands for
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def to_json(value: Any) -> str:
    r"""Return one line of JSON: text as it is, with lone surrogates as `\udcXX` so that the line is valid UTF-8."""
    line = json.dumps(value, ensure_ascii=False, allow_nan=False, default=str)
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


def file_url(path: str, page: int | None = None) -> str:
    """Return a `file://` address of any path, whatever its bytes; a PDF opens at its page."""
    fragment = f"#page={page}" if page and path.lower().endswith(".pdf") else ""
    return f"file://{quote_from_bytes(os.fsencode(Path(path).absolute()))}{fragment}"


def counted(count: int, noun: str) -> str:
    """Return `1 passage`, `1,200 passages`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def size(num_bytes: int) -> str:
    """Return `21 kB`, `3.4 MB`, `1.2 GB`, by thousands."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if num_bytes >= scale:
            return f"{num_bytes / scale:.1f} {unit}"
    return f"{num_bytes / 1e3:.0f} kB"


def display_width(text: str) -> int:
    """Return how many columns the text takes: two for a wide character, none for a combining one."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class Terminal:
    """The two streams of one command.

    Args:
        out: where results go.
        err: where status, progress and errors go.
        environment: read for `NO_COLOR` and `TERM`.
        is_json: results are JSON; nothing else goes to `out`.
        is_quiet: status is dropped; errors and warnings are not.
    """

    def __init__(
        self,
        out: TextIO,
        err: TextIO,
        environment: Mapping[str, str],
        *,
        is_json: bool = False,
        is_quiet: bool = False,
    ) -> None:
        self.out, self.err = out, err
        self.is_json, self.is_quiet = is_json, is_quiet
        is_capable = environment.get("TERM") != "dumb"
        has_colour = not environment.get("NO_COLOR")
        self.is_out_live = out.isatty() and is_capable
        self.is_err_live = err.isatty() and is_capable
        self._colours = {id(out): self.is_out_live and has_colour, id(err): self.is_err_live and has_colour}
        self._links = {id(out): self.is_out_live, id(err): self.is_err_live}

    @property
    def columns(self) -> int | None:
        """The width to wrap results at; None where `out` is no terminal, so that tools see whole lines."""
        return shutil.get_terminal_size().columns if self.is_out_live else None

    @property
    def err_columns(self) -> int:
        """The width of the terminal that `err` is."""
        return shutil.get_terminal_size().columns

    def line(self, *pieces: str | Piece) -> None:
        """Write one line of a result."""
        self._write(self.out, pieces)

    def body(self, text: str) -> None:
        """Write document text: escaped on a terminal, exact where it goes to a file or another program."""
        self.out.write(escape(text, is_body=True) if self.out.isatty() else _SURROGATE.sub(_visible, text))

    def json(self, value: Any) -> None:
        """Write a result for programs."""
        self.out.write(to_json(value) + "\n")

    def status(self, *pieces: str | Piece) -> None:
        """Write one line of status, unless quiet or for a program."""
        if not self.is_quiet and not self.is_json:
            self._write(self.err, pieces)

    def warn(self, *pieces: str | Piece) -> None:
        """Write one line that even a quiet person should see."""
        self._write(self.err, pieces)

    def render(self, pieces: tuple[str | Piece, ...], stream: TextIO) -> str:
        """Return one line for `stream`: escaped, styled and linked as far as the stream allows."""
        return "".join(self._render_one(p if isinstance(p, Piece) else Piece(p), id(stream)) for p in pieces)

    def _render_one(self, piece: Piece, stream_id: int) -> str:
        text = escape(piece.text)
        if piece.style and text and self._colours.get(stream_id):
            text = f"\x1b[{STYLES[piece.style]}m{text}\x1b[0m"
        if piece.url and self._links.get(stream_id):
            text = f"\x1b]8;;{piece.url}\x1b\\{text}\x1b]8;;\x1b\\"
        return text

    def _write(self, stream: TextIO, pieces: tuple[str | Piece, ...]) -> None:
        stream.write(self.render(pieces, stream) + "\n")
        stream.flush()

"""The parser: reads documents in a child process that has no network, no files and bounded memory and time.

One child serves many files (starting it costs about 0.1 s) and is started again when a file takes it down; that file is
reported and the next one works. The parent opens each file and hands over the open descriptor, checks every frame that
comes back, and notices when a file changes while it is read. Formats are known only to `readers/`.
"""

import contextlib
import os
import signal
import stat
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from inglenook.core import errors
from inglenook.core.errors import LimitError, ReadError
from inglenook.core.settings import Settings
from inglenook.core.types import Block, BlockKind, DocumentInfo, Part
from inglenook.library.readers.child import ChildProcess
from inglenook.library.readers.frames import FrameError
from inglenook.library.readers.ocr import ocr_program

TEXT_FLOOR_CHARS, TEXT_RATIO = 50_000_000, 100
"""A file may give this many characters, plus this many for each of its bytes: more is a bomb."""
SETTLE_SECONDS = 0.02
"""A file written this recently is left to settle, so that a later write cannot carry the same modification time."""
_ERRORS = {kind.__name__: kind for kind in (errors.EncryptedError, errors.UnsupportedError, LimitError, ReadError)}
_KINDS = {kind.value: kind for kind in BlockKind}
_T = TypeVar("_T")


@dataclass(slots=True)
class _OpenFile:
    path: Path
    descriptor: int
    stamp: tuple[int, int, int, int]
    is_sent: bool = False

    @property
    def size(self) -> int:
        return self.stamp[2]

    def has_changed(self) -> bool:
        """Say whether the file, or what its path names, is no longer what was opened."""
        try:
            return not _stamp(os.fstat(self.descriptor)) == self.stamp == _stamp(self.path.stat())
        except OSError:
            return True


class Parser:
    """Parses any number of files through one confined child process; not for several threads at once.

    >>> with Parser(Settings()) as parser:                                    # doctest: +SKIP
    ...     stream = parser.parse(Path("report.pdf"))
    ...     text = "".join(part.text for part in stream)
    ...     print(stream.info.title, stream.content_hash)
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._child: ChildProcess | None = None
        self._ahead: deque[_OpenFile] = deque()
        self._stream: ParseStream | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the walls around the child (see `readers/sandbox.py`); starts it when it is not running."""
        return self._running().layers

    def prefetch(self, path: Path) -> None:
        """Let the child read this file as soon as it is done with the one before; `parse(path)` must come next.

        Errors wait for `parse`. How far the child runs ahead is bounded by the pipe between the two.
        """
        with contextlib.suppress(ReadError):
            self._ahead.append(_open(path))
            if self._child is not None:
                self._send_ahead(self._child)

    def parse(self, path: Path) -> "ParseStream":
        """Start reading a file; iterate over the result for its Parts.

        Raises:
            ReadError: here or while iterating: the file cannot be read; its subclasses and `reason` say why.
        """
        if self._stream is not None and not self._stream.is_over:
            self._stream.close()
            self.drop_child()  # it is in the middle of an answer that nobody wants
        while self._ahead and self._ahead[0].path != path:
            skipped = self._ahead.popleft()
            os.close(skipped.descriptor)
            if skipped.is_sent:
                self.drop_child()
        if not self._ahead:
            self._ahead.append(_open(path))
        self._send_ahead(self._running())
        self._stream = ParseStream(self, self._running(), self._ahead.popleft())
        return self._stream

    def drop_child(self) -> int:
        """End the child, whatever it does, and return its exit code; the next file starts a fresh one."""
        code = 0
        if self._child is not None:
            code = self._child.end()
            self._child = None
        for file in self._ahead:
            file.is_sent = False
        return code

    def close(self) -> None:
        """End the child and let go of every file."""
        if self._stream is not None:
            self._stream.close()
        self.drop_child()
        while self._ahead:
            os.close(self._ahead.popleft().descriptor)

    def _running(self) -> ChildProcess:
        if self._child is None or not self._child.is_alive():
            self.drop_child()
            self._child = ChildProcess(
                memory_mb=self.settings.parser_memory_mb,
                seconds=self.settings.parser_seconds,
                may_run=ocr_program() is not None,
            )
        return self._child

    def _send_ahead(self, child: ChildProcess) -> None:
        for file in self._ahead:
            if not file.is_sent:
                # The child needs no more of the name than what tells the format.
                file.is_sent = child.send(
                    f"document{file.path.suffix.encode(errors='replace').decode()}", file.descriptor
                )


class ParseStream:
    """The Parts of one file, in order; `info` and `content_hash` after the last one."""

    def __init__(self, parser: Parser, child: ChildProcess, file: _OpenFile) -> None:
        self.path = file.path
        self.is_over = False
        self._parser = parser
        self._child = child
        self._file = file
        self._info: DocumentInfo | None = None
        self._content_hash = ""
        self._parts = self._read()

    def __iter__(self) -> Iterator[Part]:
        return self._parts

    def __next__(self) -> Part:
        return next(self._parts)

    @property
    def info(self) -> DocumentInfo:
        """What the reader knows of the document besides its text."""
        assert self._info is not None, f"{self.path}: info is known after the last part"
        return self._info

    @property
    def content_hash(self) -> str:
        """BLAKE2b-256 of the file's bytes, hex."""
        assert self._info is not None, f"{self.path}: the hash is known after the last part"
        return self._content_hash

    def close(self) -> None:
        """Let go of the file."""
        self.is_over = True
        if self._file.descriptor >= 0:
            os.close(self._file.descriptor)
            self._file.descriptor = -1

    def _read(self) -> Iterator[Part]:
        limit = TEXT_FLOOR_CHARS + TEXT_RATIO * self._file.size
        end = 0
        try:
            while True:
                message = self._receive()
                if "part" in message:
                    part = unpack_part(message["part"], end)
                    end = part.char_end
                    if end > limit:
                        self._parser.drop_child()
                        raise LimitError(self.path, f"gives more than {limit} characters of text; it looks like a bomb")
                    yield part
                elif "done" in message:
                    self._finish(message)
                    return
                elif "error" in message:
                    self._fail(message)
        except FrameError as error:
            self._parser.drop_child()
            raise ReadError(self.path, f"made the parser answer with garbage ({error}); it may be hostile") from error
        except ReadError:
            self.close()
            raise

    def _receive(self) -> dict[str, Any]:
        settings = self._parser.settings
        try:
            return self._child.receive(settings.parser_seconds)
        except TimeoutError:
            self._parser.drop_child()
            reason = f"gave nothing to read for {settings.parser_seconds} s and was given up; parser_seconds sets this"
            raise LimitError(self.path, reason) from None
        except EOFError:
            raise _death(self.path, self._parser.drop_child(), settings.parser_memory_mb) from None

    def _finish(self, message: dict[str, Any]) -> None:
        info = unpack_info(message["done"])
        content_hash = _checked(message.get("hash"), str)
        size = _checked(message.get("size"), int)
        if message.get("fresh"):
            self._parser.drop_child()
        if size != self._file.size or self._file.has_changed():
            raise ReadError(self.path, "changed while it was read; add it again when it is complete")
        self._info, self._content_hash = info, content_hash
        self.close()

    def _fail(self, message: dict[str, Any]) -> None:
        if message.get("fresh"):
            self._parser.drop_child()
        if self._file.has_changed():
            raise ReadError(self.path, "changed while it was read; add it again when it is complete")
        kind = _ERRORS.get(str(message["error"]), ReadError)
        raise kind(self.path, str(message.get("reason"))[:2000])


def unpack_part(values: Any, char_start: int) -> Part:
    """Return the Part that a frame holds, every value checked.

    Raises:
        FrameError: it does not follow on from `char_start`, or its blocks are out of order or out of range.
    """
    try:
        start, text, rows, headings = values
        if start != char_start or not isinstance(text, str):
            raise FrameError(f"a part starts at {start!r}, not {char_start}")
        paths = [tuple(_checked(title, str) for title in path) for path in headings]
        blocks = []
        at = char_start
        for kind, first, last, page, line_start, line_end, path in rows:
            if not at <= _checked(first, int) < _checked(last, int) <= char_start + len(text):
                raise FrameError(f"a block at [{first}, {last}) is out of order")
            at = last
            places = (_place(page), _place(line_start), _place(line_end))
            blocks.append(Block(_KINDS[kind], first, last, *places, paths[_checked(path, int)]))
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise FrameError(f"a part is malformed: {error}") from error
    return Part(char_start, text, tuple(blocks))


def unpack_info(values: Any) -> DocumentInfo:
    """Return the DocumentInfo that a frame holds, every value checked.

    Raises:
        FrameError: it is malformed.
    """
    try:
        names = ("title", "language", "created", "page_kind")
        optional = {name: None if values[name] is None else _checked(values[name], str) for name in names}
        metadata = {_checked(key, str): _checked(value, str) for key, value in values["metadata"].items()}
        return DocumentInfo(format=_checked(values["format"], str), metadata=metadata, **optional)
    except (TypeError, KeyError, AttributeError) as error:
        raise FrameError(f"the document's description is malformed: {error}") from error


def _checked(value: Any, kind: type[_T]) -> _T:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise FrameError(f"{value!r:.50} is no {kind.__name__}")
    return value


def _place(value: Any) -> int | None:
    return None if value is None else _checked(value, int)


def _open(path: Path) -> _OpenFile:
    """Open a regular file without waiting; anything else is refused before it is opened."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ReadError(path, f"is {_describe(found.st_mode)}, not a file")
        age = time.time() - found.st_mtime
        if 0 <= age < SETTLE_SECONDS:
            time.sleep(SETTLE_SECONDS - age)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except FileNotFoundError:
        raise ReadError(path, "does not exist, or its link leads nowhere") from None
    except PermissionError:
        raise ReadError(path, "may not be read; give yourself the right to read it") from None
    except (OSError, ValueError) as error:
        raise ReadError(path, f"cannot be opened: {getattr(error, 'strerror', None) or error}") from error
    opened = os.fstat(descriptor)
    if not stat.S_ISREG(opened.st_mode):
        os.close(descriptor)
        raise ReadError(path, f"is {_describe(opened.st_mode)}, not a file")
    return _OpenFile(path, descriptor, _stamp(opened))


def _stamp(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _describe(mode: int) -> str:
    for test, name in ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket")):
        if test(mode):
            return name
    return "a device"


def _death(path: Path, code: int, memory_mb: int) -> ReadError:
    """Return the error for a file during which the child ended."""
    if code >= 0:
        return ReadError(path, f"ended the parser (exit code {code}); the file is damaged or hostile")
    name = signal.Signals(-code).name
    if -code == signal.SIGALRM:
        return LimitError(path, "gave nothing to read for too long and was given up; parser_seconds sets this")
    if -code == signal.SIGKILL:
        return LimitError(path, "had its parser killed, by the system for want of memory or by a person; try again")
    reason = f"crashed the parser ({name}): it is damaged, or needs more than {memory_mb} MB (parser_memory_mb)"
    return LimitError(path, reason) if -code in (signal.SIGABRT, signal.SIGTRAP) else ReadError(path, reason)

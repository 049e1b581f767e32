"""The file that a reader reads: its bytes, its decoded text, and the facts that the reader finds in it.

Knows files and encodings; knows no format and no process. One pass over all bytes comes first, for the content hash and
the question whether they are UTF-8; it costs about a second a gigabyte and makes the answer certain.
"""

import codecs
import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import BinaryIO

from inglenook.core.errors import LimitError, ReadError
from inglenook.library.readers.encoding import Scan, detect

READ_BYTES = 1 << 18
HEAD_BYTES = 1 << 16


@dataclass(slots=True)
class Facts:
    """What a reader learns besides the text; readers fill it in while they read."""

    title: str | None = None
    language: str | None = None
    created: str | None = None
    page_kind: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


class Source:
    """One open file.

    Attributes:
        file: the bytes; readers may seek.
        name: the file's name as far as a reader needs it (its suffix counts).
        size: in bytes.
        content_hash: BLAKE2b-256 of the bytes, hex.
        facts: filled in by the reader.
        progress: called by readers of slow formats at each step, so that silence means a hang.
    """

    def __init__(self, file: BinaryIO, name: str, *, progress: Callable[[], None] = lambda: None) -> None:
        self.file = file
        self.name = PurePath(name)
        self.facts = Facts()
        self.progress = progress
        self.size, self.content_hash, self._scan = _scan(file, progress)
        self.head = self._read_head()
        self._declared: str | None = None

    @property
    def suffix(self) -> str:
        """The suffix in lower case, with its dot."""
        return self.name.suffix.lower()

    def fail(self, reason: str) -> ReadError:
        """Return the error that says why this file cannot be read."""
        return ReadError(self.name.name, reason)

    def check_size(self, limit_mb: int, what: str) -> None:
        """Refuse a file that must be held in memory and is too large for it.

        Raises:
            LimitError: the file is larger than `limit_mb` megabytes.
        """
        if self.size > limit_mb << 20:
            reason = f"{what} of {self.size >> 20} MB; at most {limit_mb} MB is read, so split it"
            raise LimitError(self.name.name, reason)

    def encoding(self) -> str:
        """Return the codec of a text file.

        Raises:
            ReadError: the bytes are not text.
        """
        name = detect(self._scan, self._declared)
        if name is None:
            raise self.fail("holds binary data, not text; give it the suffix of its format")
        return name

    def declare_encoding(self, name: str) -> None:
        """Note the encoding that the document itself states; it is used when the bytes do not contradict it."""
        self._declared = name

    def text(self) -> Iterator[str]:
        r"""Yield the decoded text in bounded stretches, newlines as `\n`; bytes that fit no character give U+FFFD."""
        encoding = self.encoding()
        self.facts.metadata.setdefault("encoding", encoding.removesuffix("-sig"))
        decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("replace"), translate=True)
        self.file.seek(0)
        while data := self.file.read(READ_BYTES):
            stretch = decoder.decode(data)
            if stretch:
                yield stretch
            self.progress()
        stretch = decoder.decode(b"", final=True)
        if stretch:
            yield stretch

    def read_text(self, limit_mb: int, what: str) -> str:
        """Return the whole decoded text of a file that must be held in memory."""
        self.check_size(limit_mb, what)
        return "".join(self.text())

    def read_bytes(self, limit_mb: int, what: str) -> bytes:
        """Return all bytes of a file that must be held in memory."""
        self.check_size(limit_mb, what)
        self.file.seek(0)
        return self.file.read()

    def _read_head(self) -> bytes:
        self.file.seek(0)
        return self.file.read(HEAD_BYTES)


def _scan(file: BinaryIO, progress: Callable[[], None]) -> tuple[int, str, Scan]:
    """Read all bytes once: (size, hash, what they say of the encoding)."""
    digest = hashlib.blake2b(digest_size=32)
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    is_utf8 = True
    size = 0
    sample = b""
    file.seek(0)
    while data := file.read(READ_BYTES):
        digest.update(data)
        if is_utf8:
            try:
                decoder.decode(data)
            except UnicodeDecodeError as error:
                is_utf8 = False
                if size or error.start > HEAD_BYTES // 2:
                    at = max(0, error.start - HEAD_BYTES // 4)
                    sample = data[at : at + HEAD_BYTES]
        if not sample:
            sample = data[:HEAD_BYTES]
        size += len(data)
        progress()
    if is_utf8:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            is_utf8 = False
    return size, digest.hexdigest(), Scan(is_utf8, sample)

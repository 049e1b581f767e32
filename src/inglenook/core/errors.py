"""The one tree of errors.

    InglenookError
    ├── UsageError            a wrong option, name or value given by the person or the calling program (exit code 2)
    │   └── QueryError        a search filter or query that cannot be read
    ├── NotFoundError         a library, document, answer or model that does not exist (exit code 3)
    ├── ReadError             one file could not be read as a document; carries `path` and `reason`
    │   ├── EncryptedError        it asks for a password
    │   ├── UnsupportedError      no reader for its format, or the optional package is absent
    │   └── LimitError            it passes a limit on size, depth, ratio, memory or time
    ├── ModelError            a model file is damaged, truncated or of an unknown family
    ├── EncoderMissingError   no sentence encoder is installed; text search still works
    ├── StoreError            the library on disk: locked, full, damaged, newer than this program
    │   ├── StoreBusyError        another process holds the write lock
    │   ├── StoreFullError        the disk has no room
    │   └── StoreDamagedError     a check of the stored bytes failed
    └── InternalError         a fault of ours; the message says so

Messages give the fact, both values and the next step, in lower case.
"""

from pathlib import Path


class InglenookError(Exception):
    """The root: catch this to catch every error that the package raises on purpose."""

    exit_code = 1


class UsageError(InglenookError):
    """A wrong option, name or value."""

    exit_code = 2


class QueryError(UsageError):
    """A search filter or query that cannot be read."""


class NotFoundError(InglenookError):
    """A library, document, answer or model that does not exist."""

    exit_code = 3


class ReadError(InglenookError):
    """One file could not be read as a document.

    Attributes:
        path: the file.
        reason: what went wrong and what to do, without the path.
    """

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = Path(path)
        self.reason = reason


class EncryptedError(ReadError):
    """The file asks for a password."""


class UnsupportedError(ReadError):
    """No reader for this format, or the optional package for it is absent."""


class LimitError(ReadError):
    """The file passes a limit on size, depth, ratio, memory or time."""


class ModelError(InglenookError):
    """A model file is damaged, truncated or of an unknown family."""


class EncoderMissingError(InglenookError):
    """No sentence encoder is installed; text search still works."""


class StoreError(InglenookError):
    """The library on disk cannot do what was asked."""

    exit_code = 4


class StoreBusyError(StoreError):
    """Another process holds the write lock."""


class StoreFullError(StoreError):
    """The disk has no room."""


class StoreDamagedError(StoreError):
    """A check of the stored bytes failed."""


class InternalError(InglenookError):
    """A fault of ours."""

    exit_code = 70

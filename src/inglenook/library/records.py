"""What the library tells its callers: records of documents, passages, progress and results. No behaviour, no storage."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """One stored document."""

    id: int
    path: str
    """Absolute; bytes that are no UTF-8 stand as lone surrogates, as `os.fsdecode` gives them."""
    title: str | None
    format: str
    language: str | None
    size_bytes: int
    content_hash: str
    """BLAKE2b-256 of the file's bytes, hex."""
    version: int
    """1 when added, one more with each changed content."""
    chunks: int
    added_at: str
    """ISO 8601, UTC."""
    modified_at: str
    """When the file was last modified, ISO 8601, UTC."""
    metadata: Mapping[str, str]
    """What the file says of itself, and over it the labels given to `add`."""
    created: str | None = None
    page_kind: str | None = None


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A passage with the fields of its document, as a search result needs them."""

    id: int
    document_id: int
    path: str
    title: str | None
    format: str
    language: str | None
    content_hash: str
    version: int
    page: int | None
    line_start: int | None
    line_end: int | None
    heading: tuple[str, ...]
    char_start: int
    char_end: int
    text: str
    context: str


@dataclass(frozen=True, slots=True)
class Space:
    """A set of vectors that one encoder made."""

    id: int
    encoder: str
    """The encoder's identity: name, revision and whatever changes its vectors."""
    name: str
    """What loads the encoder again: a model name or a folder."""
    dimensions: int
    state: str
    """`building`, `active` or `retired`."""


@dataclass(frozen=True, slots=True)
class Root:
    """A file or folder that `sync` and `watch` follow."""

    id: int
    path: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Progress:
    """What `on_progress` is told.

    `state` is `found` (the walk is over: `total` is known), then per file `unchanged`, `added`, `updated`, `moved`,
    `removed` or `failed`. A file is named `added` or `updated` only when it is durably stored. `embedded` tells of
    passages that got vectors later than their text; `done` and `total` then count passages.
    """

    state: str
    path: str = ""
    done: int = 0
    """Files dealt with so far."""
    total: int = 0
    chunks: int = 0
    """Passages of this file."""
    size_bytes: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AddReport:
    """What `add` and `sync` did."""

    added: int
    updated: int
    unchanged: int
    removed: int
    failed: list[tuple[str, str]]
    """(path, reason) of each file that could not be read; the rest went on."""
    documents: int
    """Documents in the library now."""
    chunks: int
    """Passages in the library now."""
    seconds: float
    moved: int = 0
    """Documents whose file was renamed: they keep their ids, and nothing is read or embedded."""
    embedded: int = 0
    """Passages that were embedded: only new and changed ones."""
    note: str | None = None
    """What a person should know, such as that no encoder is installed; None when there is nothing."""


@dataclass(frozen=True, slots=True)
class LibraryInfo:
    """One library on this machine."""

    name: str
    path: str
    documents: int | None
    """None when the library cannot be opened; `problem` says why."""
    chunks: int | None
    size_bytes: int
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that `doctor` looked at."""

    name: str
    state: str
    """`ok`, `warning` or `error`."""
    message: str


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """What `doctor` found, and what it repaired."""

    checks: list[Check]
    repaired: list[str] = field(default_factory=list)

    @property
    def is_healthy(self) -> bool:
        """Whether no check ended in an error."""
        return all(check.state != "error" for check in self.checks)

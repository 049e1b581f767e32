"""`Library`: the one door to a person's documents.

A library is a folder: `library.db` (the truth, see `docs/store.md`) and `index/` (derived, may be deleted at any time).
This module opens, closes and hands on; what is behind each verb lives in the module of that name.
"""

import os
import re
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from inglenook.core.errors import EncoderMissingError, InglenookError, NotFoundError, UsageError
from inglenook.core.settings import Settings, load_settings
from inglenook.library.derived import DerivedIndexes
from inglenook.library.embedding import Embedder, Encoder, open_space
from inglenook.library.filters import Filters
from inglenook.library.ingest import FileParser, Ingest, OnProgress, ParserFactory
from inglenook.library.probe import known_ability
from inglenook.library.records import AddReport, DoctorReport, DocumentRecord, LibraryInfo
from inglenook.library.search import Rerank, Searcher, SearchResult
from inglenook.library.store import Store
from inglenook.library.walk import is_beneath

STORE_NAME = "library.db"
INDEX_NAME = "index"
_NAME = re.compile(r"[^\W_.-][\w .-]{0,99}")
LoadEncoder = Callable[[str, Settings], Encoder]


def load_sentence_encoder(name: str, settings: Settings) -> Encoder:
    """Return the installed sentence encoder of this name.

    Raises:
        EncoderMissingError: it is not installed.
        ModelError: its files are damaged.
    """
    from inglenook.embed.sentences import SentenceEncoder  # heavy: only where something is embedded

    return SentenceEncoder.load(name, settings.models_path, settings.precision, settings.threads)


class Library:
    """An open library; a context manager. Searching is for any thread, writing for one at a time.

    >>> with Library.open("notes", create=True) as library:                   # doctest: +SKIP
    ...     library.add([Path("~/notes")])
    ...     library.search("when does the warranty end?").hits[0].path
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        name: str,
        *,
        parser_factory: ParserFactory | None = None,
        load_encoder: LoadEncoder = load_sentence_encoder,
    ) -> None:
        self.store = store
        self.settings = settings
        self.name = name
        self._parser_factory = parser_factory or _default_parser
        self._load_encoder = load_encoder
        self._encoders: dict[str, Encoder | None] = {}
        self._lock = threading.Lock()
        self.encoder_problem: str | None = None
        """Why there is no encoder, once that is known."""
        self.indexes = DerivedIndexes(store, self.folder / INDEX_NAME, read_only=store.read_only)
        self._make_searcher()

    @classmethod
    def open(
        cls,
        name: str | None = None,
        settings: Settings | None = None,
        *,
        create: bool = False,
        read_only: bool = False,
        parser_factory: ParserFactory | None = None,
        load_encoder: LoadEncoder = load_sentence_encoder,
    ) -> Self:
        """Return the library called `name`.

        Args:
            name: its name; the one that the settings name when None.
            settings: the settings in force; those of the environment and the configuration file when None.
            create: make it when it is not there.
            read_only: refuse to write. A library whose folder may not be written opens so by itself.
            parser_factory: what reads files, in place of the confined child process.
            load_encoder: (name, settings) -> the sentence encoder, in place of the installed ones.

        Raises:
            NotFoundError: there is none of this name.
            StoreError: it is damaged, newer than this program, or cannot be made.
        """
        settings = settings or load_settings()[0]
        name = name or settings.library
        path = library_path(name, settings)
        try:
            store = Store.open(path, create=create, read_only=read_only)
        except NotFoundError as error:
            known = ", ".join(info.name for info in list_libraries(settings, look_inside=False)) or "none yet"
            raise NotFoundError(f"no library {name!r}; known: {known}. `inglenook add PATH` makes one") from error
        return cls(store, settings, name, parser_factory=parser_factory, load_encoder=load_encoder)

    @property
    def folder(self) -> Path:
        """The folder that holds the library."""
        return self.store.path.parent

    @property
    def read_only(self) -> bool:
        """Whether writing is refused."""
        return self.store.read_only

    def close(self) -> None:
        """Close the library's file."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Documents in

    def add(
        self,
        paths: Iterable[Path | str],
        *,
        metadata: Mapping[str, str] | None = None,
        on_progress: OnProgress | None = None,
    ) -> AddReport:
        """Add files and folders and follow them from now on; of what was added before, take only what changed.

        Args:
            paths: files (whatever their suffix) and folders (of which hidden files and unknown suffixes are passed over).
            metadata: labels for every document there; replaces labels given before.
            on_progress: told what happens to each file, a stored one only after its commit.

        Raises:
            StoreBusyError: another process keeps writing.
            StoreFullError: the disk is full; what was reported before is stored.
        """
        absolute = list(dict.fromkeys(os.path.abspath(os.path.expanduser(path)) for path in paths))  # noqa: PTH100, PTH111 - bytes-safe, links kept
        for path in absolute:
            if os.path.lexists(path):
                self.store.follow(path, metadata)
        return self._ingest(absolute, on_progress)

    def sync(self, on_progress: OnProgress | None = None) -> AddReport:
        """Bring the library into step with every followed file and folder.

        Changed files are read again, deleted ones removed, new ones added; renamed ones keep their ids.
        """
        return self._ingest([root.path for root in self.store.roots], on_progress)

    def watch(self, stop: threading.Event, on_report: Callable[[AddReport], None]) -> None:
        """Sync now and whenever followed folders change, until `stop` is set; `on_report` gets every run that did anything."""
        from inglenook.library.watch import watch

        watch(self.sync, lambda: [root.path for root in self.store.roots], stop, on_report)

    def remove(self, refs: Iterable[str | int | Path]) -> list[DocumentRecord]:
        """Take documents out and return what they were; a followed folder does not bring them back, `add` does.

        Args:
            refs: document ids, paths, or folders.

        Raises:
            NotFoundError: a reference that names nothing; then nothing is removed.
        """
        chosen: dict[int, DocumentRecord] = {}
        folders: list[str] = []
        for ref in refs:
            found = self._resolve(ref)
            chosen |= {record.id: record for record in found}
            if not isinstance(ref, int) and not str(ref).isdigit():
                folders.append(_absolute(ref))
        roots = [root.id for root in self.store.roots if any(is_beneath(root.path, folder) for folder in folders)]
        roots += [root.id for root in self.store.roots if root.path in {record.path for record in chosen.values()}]
        self.store.remove_documents(chosen, exclude=[*folders, *(record.path for record in chosen.values())])
        self.store.unfollow(roots)
        return sorted(chosen.values(), key=lambda record: record.path)

    # Documents out

    def search(
        self,
        query: str,
        *,
        limit: int = 10,
        mode: str = "hybrid",
        filters: Filters | None = None,
        second_look: Rerank | None = None,
    ) -> SearchResult:
        """Return the best passages for a query; see `Searcher.search`."""
        return self._searcher.search(query, limit=limit, mode=mode, filters=filters, second_look=second_look)

    def documents(self, filters: Filters | None = None) -> list[DocumentRecord]:
        """Return the documents that pass the filters, by path."""
        where, values = filters.to_sql() if filters else ("", [])
        return self.store.documents(where or "1", values)

    def document(self, ref: str | int | Path) -> DocumentRecord:
        """Return one document by id or path.

        Raises:
            NotFoundError: it is not here.
            UsageError: the path is a folder with several documents.
        """
        found = self._resolve(ref)
        if len(found) > 1:
            raise UsageError(f"{ref} is a folder with {len(found)} documents; name one of them")
        return found[0]

    def read_text(self, document_id: int, char_start: int = 0, char_end: int | None = None) -> str:
        """Return the extracted text at [char_start, char_end), checked against its hash."""
        return self.store.read_text(document_id, char_start, char_end)

    def export(self, path: Path) -> None:
        """Write every document with its text as JSON lines; see `docs/store.md`."""
        from inglenook.library.export import export

        export(self.store, path)

    def backup(self, path: Path) -> None:
        """Write a checked copy of `library.db` while others may read and write; see `docs/store.md`."""
        from inglenook.library.export import backup

        backup(self.store, path)

    # Answers

    def record_answer(self, record: dict[str, Any]) -> str:
        """Keep an answer with its trace and return its id."""
        return self.store.record_answer(record)

    def answer_record(self, answer_id: str) -> dict[str, Any]:
        """Return a kept answer."""
        return self.store.answer_record(answer_id)

    # Upkeep

    def doctor(self, *, repair: bool = False) -> DoctorReport:
        """Check every stored byte and everything that answers need; with `repair`, rebuild what can be rebuilt."""
        from inglenook.library.doctor import examine

        return examine(self, repair=repair)

    def reembed(self, encoder_name: str, on_progress: OnProgress | None = None) -> None:
        """Embed everything with another encoder beside the present vectors, then switch to it in one step.

        Interrupted, it goes on where it stopped when called again.
        """
        from inglenook.library.reembed import reembed

        encoder = self._load_encoder(encoder_name, self.settings)
        reembed(self.store, encoder, self._ability(encoder), on_progress)
        self._make_searcher()
        self._searcher.refresh()

    def rollback_encoder(self) -> str:
        """Switch back to the vectors of the encoder before and return its name.

        Raises:
            NotFoundError: there was none before.
        """
        from inglenook.library.reembed import rollback

        name = rollback(self.store)
        self._make_searcher()
        return name

    @property
    def encoder(self) -> Encoder | None:
        """The encoder that made this library's vectors (or the one in the settings, before there are any).

        None where it is not installed; `encoder_problem` then says what to do.
        """
        active = self.store.active_space
        name = active.name if active else self.settings.encoder
        with self._lock:
            if name not in self._encoders:
                try:
                    self._encoders[name] = self._load_encoder(name, self.settings)
                except EncoderMissingError as error:
                    self.encoder_problem = str(error)
                    self._encoders[name] = None
            return self._encoders[name]

    def make_parser(self) -> FileParser:
        """Return what reads files, not yet started."""
        return self._parser_factory(self.settings)

    def rebuild_indexes(self) -> None:
        """Throw the derived search indexes away and build them from the store."""
        shutil.rmtree(self.indexes.folder, ignore_errors=True)
        self.indexes = DerivedIndexes(self.store, self.folder / INDEX_NAME, read_only=self.store.read_only)
        self._make_searcher()
        self._searcher.refresh()

    # Inside

    def _make_searcher(self) -> None:
        self._searcher = Searcher(self.store, self.indexes, lambda: self.encoder)

    def _ingest(self, paths: list[str], on_progress: OnProgress | None) -> AddReport:
        generation = self.store.generation
        report = Ingest(self.store, self.settings, self._parser_factory, self._embedder, on_progress).run(paths)
        if self.store.generation != generation:
            self._searcher.refresh()
        return report

    def _embedder(self) -> tuple[Embedder | None, str | None]:
        """Return what embeds new passages, or None and what a person should know."""
        encoder = self.encoder
        if encoder is None:
            return None, f"passages are stored without vectors: {self.encoder_problem}"
        space = open_space(self.store, encoder)
        if space is None:
            active = self.store.active_space
            made_by = active.encoder if active else "another encoder"
            return None, (
                f"passages are stored without vectors: this library's were made by {made_by}, the encoder at hand is "
                f"{encoder.identity}; `inglenook reembed` brings them together"
            )
        return Embedder(encoder, space, self._ability(encoder)), None

    def _ability(self, encoder: Encoder) -> dict[str, float]:
        return known_ability(encoder, self.indexes.folder / "ability")

    def _resolve(self, ref: str | int | Path) -> list[DocumentRecord]:
        """Return the documents that an id, path or folder names, at least one."""
        if isinstance(ref, int) or str(ref).isdigit():
            return [self.store.document(int(str(ref)))]
        path = _absolute(ref)
        record = self.store.document_at(path)
        if record is not None:
            return [record]
        prefix = os.fsencode(path.rstrip("/") + "/")
        found = self.store.documents("substr(path_bytes, 1, ?) = ?", (len(prefix), prefix))
        if not found:
            raise NotFoundError(f"no document at {ref}; `inglenook documents` lists them")
        return found


def library_path(name: str, settings: Settings) -> Path:
    """Return where the library of this name keeps its file.

    Raises:
        UsageError: the name cannot be a folder's.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"library name {name!r}: use letters, digits, spaces, dots, dashes and underscores, a letter first"
        )
    return settings.libraries_path / name / STORE_NAME


def list_libraries(settings: Settings, *, look_inside: bool = True) -> list[LibraryInfo]:
    """Return the libraries of this home, by name; without `look_inside` their counts are None."""
    found = []
    for path in sorted(settings.libraries_path.glob(f"*/{STORE_NAME}")):
        counts: tuple[int | None, int | None] = (None, None)
        problem = None
        if look_inside:
            try:
                store = Store.open(path, read_only=True)
                counts = store.counts()
                store.close()
            except InglenookError as error:
                problem = str(error)
        size = sum(file.stat().st_size for file in path.parent.rglob("*") if file.is_file())
        found.append(LibraryInfo(path.parent.name, str(path.parent), *counts, size, problem))
    return found


def _default_parser(settings: Settings) -> Any:
    from inglenook.library.parse import Parser

    return Parser(settings)


def _absolute(path: str | int | Path) -> str:
    return os.path.abspath(os.path.expanduser(str(path)))  # noqa: PTH100, PTH111 - bytes-safe, links kept

"""Which files a path stands for, and which of them changed: a walk that reads names and states, never contents."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from inglenook.library.readers import KNOWN_SUFFIXES
from inglenook.library.staging import FileState


@dataclass(slots=True)
class Walk:
    """What lies beneath the followed paths."""

    files: dict[str, FileState] = field(default_factory=dict)
    """By absolute path, in the order of the walk."""
    failed: list[tuple[str, str]] = field(default_factory=list)
    """(path, reason) of what could not be looked at; nothing beneath it counts as deleted."""
    gone: list[str] = field(default_factory=list)
    """Paths that do not exist, while the folder they would be in does."""


def walk_paths(paths: list[str], excluded: set[str], is_stopped: Callable[[], bool] = lambda: False) -> Walk:
    """Return the files at and beneath absolute paths.

    A file that is named is always taken. In a folder, hidden files and folders, office lock files and unknown suffixes
    are passed over; links to folders are followed, each folder once.
    """
    walk = Walk()
    seen: set[tuple[int, int]] = set()
    for path in paths:
        if is_stopped():
            break
        try:
            found = Path(path).stat()
        except OSError as error:
            _note_missing(walk, path, error)
            continue
        if stat.S_ISDIR(found.st_mode):
            for file in _files_beneath(path, excluded, seen, walk.failed):
                walk.files.setdefault(file.path, file)
        else:
            walk.files.setdefault(path, FileState.of(path, found))
    return walk


def _note_missing(walk: Walk, path: str, error: OSError) -> None:
    if Path(path).parent.is_dir() and isinstance(error, FileNotFoundError | NotADirectoryError):
        walk.gone.append(path)
    else:
        walk.failed.append((path, f"cannot be looked at ({error.strerror}); what was added from it is kept"))


def _files_beneath(
    folder: str, excluded: set[str], seen: set[tuple[int, int]], failed: list[tuple[str, str]]
) -> Iterator[FileState]:
    pending = [folder]
    while pending:
        folder = pending.pop()
        try:
            state = Path(folder).stat()
            if (state.st_dev, state.st_ino) in seen:
                continue
            seen.add((state.st_dev, state.st_ino))
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            failed.append((folder, f"cannot be looked at ({error.strerror}); what was added from it is kept"))
            continue
        folders = []
        for entry in listed:
            if entry.name.startswith((".", "~$")) or entry.path in excluded:
                continue
            try:
                if entry.is_dir():
                    folders.append(entry.path)
                elif _is_known(entry.name) and entry.is_file():
                    yield FileState.of(entry.path, entry.stat())
            except OSError as error:
                failed.append((entry.path, f"cannot be looked at ({error.strerror})"))
        pending += reversed(folders)


def _is_known(name: str) -> bool:
    return f".{name.rpartition('.')[2].lower()}" in KNOWN_SUFFIXES


def is_beneath(path: str, folder: str) -> bool:
    """Say whether `path` is `folder` or lies beneath it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")

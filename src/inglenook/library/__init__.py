"""The documents of a person: reading, cutting, keeping and finding them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inglenook.library.library import Library as Library
    from inglenook.library.library import list_libraries as list_libraries
    from inglenook.library.records import AddReport as AddReport
    from inglenook.library.records import DoctorReport as DoctorReport
    from inglenook.library.records import DocumentRecord as DocumentRecord
    from inglenook.library.records import LibraryInfo as LibraryInfo
    from inglenook.library.records import Progress as Progress

_PUBLIC = {
    "AddReport": "records",
    "DoctorReport": "records",
    "DocumentRecord": "records",
    "Library": "library",
    "LibraryInfo": "records",
    "Progress": "records",
    "list_libraries": "library",
}


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Readers: one file per format, each turning bytes into Parts. See `docs/readers.md`.

`sniff` finds a file's format; `reader_for` gives the function that reads it. A reader is `read(source) -> Iterator[Part]`
and fills `source.facts` while it reads. Readers run in the parser child only (`library/parse.py`).
"""

from collections.abc import Callable, Iterator
from importlib import import_module

from inglenook.core.types import Part
from inglenook.library.readers.sniff import KNOWN_SUFFIXES, sniff
from inglenook.library.readers.source import Source

__all__ = ["KNOWN_SUFFIXES", "READERS", "Source", "reader_for", "sniff"]

READERS = {
    "txt": "plain",
    "md": "markdown",
    "rst": "rst",
    "code": "code",
    "csv": "table",
    "json": "json_text",
    "jsonl": "json_text",
    "html": "html",
    "pdf": "pdf",
    "docx": "docx",
    "pptx": "pptx",
    "xlsx": "sheet",
    "xls": "sheet",
    "ods": "sheet",
    "epub": "epub",
    "ipynb": "notebook",
    "eml": "mail",
    "mbox": "mail",
    "rtf": "rtf",
    "odt": "opendocument",
    "odp": "opendocument",
    "fb2": "fictionbook",
}
"""Format -> the module beneath this package that reads it; imported when the first such file comes."""


def reader_for(name: str) -> Callable[[Source], Iterator[Part]]:
    """Return the function that reads this format."""
    read: Callable[[Source], Iterator[Part]] = import_module(f"{__name__}.{READERS[name]}").read
    return read

"""XML from strangers, and the zip files it comes in: no DTD, no entities, no network, bounded sizes.

`elements` streams a document element by element; `SafeZip` refuses archives that unpack to far more than they weigh.
Knows no document format.
"""

import zipfile
from collections.abc import Iterator, Sequence
from typing import IO, Any

from inglenook.core.errors import EncryptedError, LimitError, ReadError
from inglenook.library.readers.source import Source

MAX_MEMBERS = 10_000
RATIO_FLOOR_BYTES, MAX_RATIO = 16 << 20, 100
"""An archive may unpack to the floor, or to this many times its size; office files stay below 40."""
MAX_UNPACKED_BYTES = 2 << 30
MAX_DEPTH = 500


class SafeZip:
    """The members of a zip file, read within limits.

    Raises:
        LimitError: too many members, or they would unpack to too much.
        EncryptedError: its members ask for a password.
        ReadError: it is damaged.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        try:
            self._archive = zipfile.ZipFile(source.file)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise source.fail(f"is a damaged zip file, or cut short: {error}") from error
        infos = self._archive.infolist()
        name = source.name.name
        if len(infos) > MAX_MEMBERS:
            raise LimitError(
                name, f"holds {len(infos)} members; at most {MAX_MEMBERS} are read; it looks like a zip bomb"
            )
        unpacked = sum(info.file_size for info in infos)
        if unpacked > min(MAX_UNPACKED_BYTES, max(RATIO_FLOOR_BYTES, MAX_RATIO * source.size)):
            reason = f"unpacks from {source.size} to {unpacked} bytes; more than {MAX_RATIO} to 1 looks like a zip bomb"
            raise LimitError(name, reason)
        if any(info.flag_bits & 1 for info in infos):
            raise EncryptedError(name, "is encrypted; save a copy without a password and add that")
        self.names = {info.filename: info for info in infos}

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def open(self, name: str) -> IO[bytes]:
        """Open a member; it yields at most the size that the archive declares."""
        try:
            return self._archive.open(name)
        except (KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
            raise self._source.fail(f"lacks or cannot unpack its member {name}: {error}") from error

    def read(self, name: str) -> bytes:
        """Return a member's bytes."""
        with self.open(name) as member:
            try:
                return member.read()
            except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, ValueError) as error:
                raise self._source.fail(f"has a damaged member {name}: {error}") from error
            except Exception as error:  # zlib.error and its like have no common base
                raise self._source.fail(f"has a damaged member {name}: {error}") from error


def elements(
    file: IO[bytes], source: Source, tags: Sequence[str] | None = None, *, starts: bool = False
) -> Iterator[tuple[str, Any]]:
    """Yield ("start" | "end", element) while the XML is parsed; the caller clears what it has used.

    Raises:
        ReadError: malformed XML, or one with a document type, whose entities could be anything.
    """
    from lxml import etree  # loaded when the first document needs it

    events = ("start", "end") if starts else ("end",)
    try:
        walk = etree.iterparse(
            file, events=events, tag=tags, resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False,
            remove_comments=True, remove_pis=True,
        )  # fmt: skip
        checked = False
        for event, element in walk:
            if not checked:
                checked = True
                if element.getroottree().docinfo.internalDTD is not None:
                    raise source.fail("has an XML document type, which no office program writes; it may be hostile")
            yield event, element
    except etree.XMLSyntaxError as error:
        raise source.fail(f"has damaged XML: {error.msg}") from error
    except ReadError:
        raise


def tree(data: bytes, source: Source) -> Any:
    """Return the root element of a small XML text, under the same rules."""
    import io

    root = None
    for _, element in elements(io.BytesIO(data), source):
        root = element
    return root

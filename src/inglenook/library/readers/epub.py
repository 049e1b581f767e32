"""E-books (EPUB 2 and 3): the chapters in reading order, each a page, read as HTML.

Only the container, the package file and the chapters are opened; pictures, fonts and scripts never are.
"""

import posixpath
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from inglenook.core.errors import EncryptedError
from inglenook.core.types import Part
from inglenook.library.readers.blocks import Piece, assemble
from inglenook.library.readers.html import html_pieces
from inglenook.library.readers.office import local
from inglenook.library.readers.source import Facts, Source
from inglenook.library.readers.xml import SafeZip, tree

_FONT_METHODS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_DECLARED = re.compile(rb"""<\?xml[^>]*encoding=["']([\w-]+)["']""")


def read(source: Source) -> Iterator[Part]:
    """Yield the chapters of the spine."""
    archive = SafeZip(source)
    _refuse_locked(archive, source)
    source.facts.page_kind = "chapter"
    return assemble(_pieces(archive, source))


def _pieces(archive: SafeZip, source: Source) -> Iterator[Piece]:
    container = tree(archive.read("META-INF/container.xml"), source)
    package_name = next((node.get("full-path", "") for node in container.iter("{*}rootfile")), "")
    package = tree(archive.read(package_name), source)
    _take_metadata(package, source.facts)
    folder = posixpath.dirname(package_name)
    items = {node.get("id"): node for node in package.iter("{*}item")}
    chapter = 0
    for reference in package.iter("{*}itemref"):
        item = items.get(reference.get("idref"))
        if item is None or "html" not in item.get("media-type", "html") or "nav" in item.get("properties", "").split():
            continue
        name = posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
        if name not in archive:
            continue
        chapter += 1
        yield from html_pieces([_decode(archive.read(name))], Facts(), whole=True, page=chapter)
        source.progress()


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    found = _DECLARED.match(data[:200])
    try:
        return data.decode(found.group(1).decode() if found else "utf-8-sig", errors="replace")
    except LookupError:
        return data.decode("utf-8-sig", errors="replace")


def _take_metadata(package: Any, facts: Facts) -> None:
    for node in package.iter():
        value = " ".join((node.text or "").split())[:500] if isinstance(node.tag, str) else ""
        name = local(node.tag)
        if not value or "purl.org/dc" not in str(node.tag):
            continue
        if name == "title" and facts.title is None:
            facts.title = value
        elif name == "language":
            facts.language = value[:2].lower() if re.match(r"[A-Za-z]{2}(-|$)", value) else None
        elif name == "date" and re.match(r"\d{4}(-\d\d){0,2}", value):
            facts.created = facts.created or value[:10]
        elif name in ("creator", "publisher", "subject", "identifier"):
            facts.metadata.setdefault({"creator": "author"}.get(name, name), value)


def _refuse_locked(archive: SafeZip, source: Source) -> None:
    """Fonts may be scrambled in a free book; anything else encrypted means copy protection."""
    name = "META-INF/encryption.xml"
    if name not in archive:
        return
    methods = [node.get("Algorithm", "") for node in tree(archive.read(name), source).iter("{*}EncryptionMethod")]
    if any(method not in _FONT_METHODS for method in methods):
        raise EncryptedError(source.name.name, "is copy-protected; only books without protection can be read")

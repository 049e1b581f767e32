"""What the three Office Open XML formats share: relationships and core properties (ECMA-376 parts 1 and 2)."""

import posixpath
import re
from typing import Any

from inglenook.core.errors import ReadError
from inglenook.library.readers.source import Source
from inglenook.library.readers.xml import SafeZip, tree


def local(tag: Any) -> str:
    """Return a tag without its namespace (Strict and Transitional files differ only in that)."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: Any, name: str) -> str | None:
    """Return an attribute by its local name."""
    for key, value in element.attrib.items():
        if local(key) == name:
            return str(value)
    return None


def relationships(archive: SafeZip, part: str, source: Source) -> dict[str, tuple[str, str]]:
    """Return relationship id -> (last word of its type, target member) for a part; `""` is the package."""
    folder, base = posixpath.split(part)
    name = posixpath.join(folder, "_rels", f"{base}.rels")
    if name not in archive:
        return {}
    found = {}
    for relation in tree(archive.read(name), source):
        if local(relation.tag) != "Relationship" or relation.get("TargetMode") == "External":
            continue
        target = relation.get("Target", "")
        full = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
        found[relation.get("Id", "")] = (relation.get("Type", "").rpartition("/")[2], full)
    return found


def main_part(archive: SafeZip, source: Source, fallback: str) -> str:
    """Return the member that is the document."""
    for kind, target in relationships(archive, "", source).values():
        if kind == "officeDocument" and target in archive:
            return target
    if fallback in archive:
        return fallback
    raise source.fail(f"lacks its main part {fallback}; it is damaged")


def take_core_properties(archive: SafeZip, source: Source) -> None:
    """Read title, author and date from `docProps/core.xml` into the source's facts; a damaged one is passed over."""
    if "docProps/core.xml" not in archive:
        return
    try:
        root = tree(archive.read("docProps/core.xml"), source)
    except ReadError:
        return
    for element in root if root is not None else ():
        value = " ".join((element.text or "").split())[:500]
        name = local(element.tag)
        if not value:
            continue
        if name == "title":
            source.facts.title = value
        elif name == "created" and re.match(r"\d{4}-\d\d-\d\d", value):
            source.facts.created = value[:10]
        elif name in ("creator", "subject", "keywords", "description", "lastModifiedBy"):
            source.facts.metadata[{"creator": "author"}.get(name, name)] = value

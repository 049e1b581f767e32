"""Mail: one message (.eml) or a box of them (.mbox). Subject, who, when, the text; attachments are named, not opened.

Parsed by the standard library after RFC 5322 and MIME. Of alternatives the plain text is taken, else the HTML.
"""

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

from inglenook.core.types import BlockKind, Part
from inglenook.library.readers.blocks import Piece, assemble
from inglenook.library.readers.html import html_pieces
from inglenook.library.readers.source import Facts, Source

MAX_MB = 64
MAX_PARTS = 1000
_SHOWN = ("From", "To", "Cc", "Date")
_FROM_LINE = re.compile(rb"From \S.*\d{4}\s*$")


def read(source: Source) -> Iterator[Part]:
    """Yield the message, or each message of a box as a page."""
    start = source.head.lstrip(b"\xef\xbb\xbf\r\n")
    if start.startswith(b"From "):
        source.facts.page_kind = "message"
        return assemble(_box(source))
    message = _parse(source.read_bytes(MAX_MB, "a message"))
    return assemble(_message(message, source, None))


def _box(source: Source) -> Iterator[Piece]:
    for number, data in enumerate(_split_box(source), 1):
        source.progress()
        yield from _message(_parse(data), source, number)


def _split_box(source: Source) -> Iterator[bytes]:
    """Yield each message's bytes; one longer than the limit loses its tail, which is an attachment's."""
    source.file.seek(0)
    held: list[bytes] = []
    size = 0
    after_blank = True
    for line in iter(lambda: source.file.readline(1 << 16), b""):
        if after_blank and line.startswith(b"From ") and _FROM_LINE.match(line):
            if held:
                yield b"".join(held)
            held, size = [], 0
        elif size < MAX_MB << 20:
            held.append(line)
            size += len(line)
        after_blank = not line.strip()
    if held:
        yield b"".join(held)


def _parse(data: bytes) -> EmailMessage:
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def _header(message: EmailMessage, name: str) -> str:
    try:
        value = str(message.get(name, ""))
    except (ValueError, IndexError, AttributeError, TypeError):  # the parser stumbles over some malformed headers
        value = str(dict(message.raw_items()).get(name, ""))
    return " ".join(value.encode("utf-8", "replace").decode().split())[:1000]


def _message(message: EmailMessage, source: Source, page: int | None) -> Iterator[Piece]:
    subject = _header(message, "Subject")
    if page is None:
        _take_facts(message, subject, source.facts)
    yield Piece(BlockKind.HEADING, subject or "(no subject)", page)
    shown = [f"{name}: {value}" for name in _SHOWN if (value := _header(message, name))]
    yield Piece(BlockKind.PARAGRAPH, "\n".join(shown), page)
    attachments = []
    for count, part in enumerate(_texts(message)):
        if count >= MAX_PARTS:
            break
        name = part.get_filename()
        if name or part.get_content_maintype() != "text":
            attachments.append(name or part.get_content_type())
        elif part.get_content_subtype() == "html":
            yield from html_pieces([_content(part)], Facts(), whole=True, page=page)
        else:
            for paragraph in re.split(r"\n[ \t]*\n", _content(part)):
                yield Piece(BlockKind.PARAGRAPH, paragraph.strip("\n"), page)
    for name in attachments:
        yield Piece(BlockKind.LIST_ITEM, f"Attachment: {' '.join(name.split())}", page)


def _texts(message: EmailMessage) -> Iterator[EmailMessage]:
    """Yield the leaves, of alternatives only the preferred one; no recursion."""
    stack = [message]
    while stack:
        part = stack.pop()
        if not part.is_multipart():
            yield part
            continue
        children = [child for child in part.iter_parts() if isinstance(child, EmailMessage)]
        if part.get_content_subtype() == "alternative" and children:
            plain = [
                child for child in children if child.get_content_type() == "text/plain" and _content(child).strip()
            ]
            children = plain[:1] or children[-1:]
        stack.extend(reversed(children))


def _content(part: EmailMessage) -> str:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    for charset in (part.get_content_charset(), "utf-8"):
        try:
            return data.decode(charset or "utf-8").replace("\r\n", "\n")
        except (LookupError, UnicodeDecodeError):
            continue
    return data.decode("cp1252", errors="replace").replace("\r\n", "\n")


def _take_facts(message: EmailMessage, subject: str, facts: Facts) -> None:
    facts.title = subject or None
    for name in ("From", "To", "Cc"):
        if value := _header(message, name):
            facts.metadata[name.lower()] = value[:500]
    try:
        facts.created = parsedate_to_datetime(_header(message, "Date")).date().isoformat()
    except (ValueError, TypeError, IndexError):
        facts.created = None

"""Which format a file is in: by its content first, by its suffix where content cannot tell.

Knows magic numbers, zip members and the look of a few text formats; opens no document beyond that.
"""

import re
import zipfile
from pathlib import PurePath
from typing import BinaryIO

from inglenook.core.errors import EncryptedError, ReadError, UnsupportedError

CODE_SUFFIXES = frozenset(
    [
        ".py",
        ".pyi",
        ".pyx",
        ".c",
        ".h",
        ".cc",
        ".cpp",
        ".cxx",
        ".hpp",
        ".hh",
        ".cu",
        ".m",
        ".mm",
        ".java",
        ".kt",
        ".kts",
        ".scala",
        ".groovy",
        ".gradle",
        ".cs",
        ".fs",
        ".vb",
        ".go",
        ".rs",
        ".swift",
        ".js",
        ".jsx",
        ".mjs",
        ".cjs",
        ".ts",
        ".tsx",
        ".vue",
        ".svelte",
        ".rb",
        ".php",
        ".pl",
        ".pm",
        ".lua",
        ".r",
        ".jl",
        ".dart",
        ".ex",
        ".exs",
        ".erl",
        ".hs",
        ".ml",
        ".mli",
        ".clj",
        ".lisp",
        ".el",
        ".sh",
        ".bash",
        ".zsh",
        ".fish",
        ".ps1",
        ".bat",
        ".cmd",
        ".sql",
        ".proto",
        ".thrift",
        ".graphql",
        ".asm",
        ".s",
        ".v",
        ".vhd",
        ".sv",
        ".zig",
        ".nim",
        ".pas",
        ".f90",
        ".f",
        ".css",
        ".scss",
        ".less",
        ".yaml",
        ".yml",
        ".toml",
        ".ini",
        ".cfg",
        ".conf",
        ".properties",
        ".xml",
        ".xsd",
        ".xsl",
        ".cmake",
        ".mk",
        ".dockerfile",
        ".tf",
        ".nix",
        ".tex",
        ".bib",
    ]
)
TEXT_SUFFIXES = {
    ".txt": "txt", ".text": "txt", ".log": "txt", ".asc": "txt", ".srt": "txt", ".vtt": "txt", ".org": "txt", ".adoc": "txt",
    ".md": "md", ".markdown": "md", ".mdown": "md", ".mkd": "md", ".mdx": "md", ".qmd": "md", ".rmd": "md",
    ".rst": "rst", ".rest": "rst",
    ".html": "html", ".htm": "html", ".xhtml": "html", ".xht": "html",
    ".csv": "csv", ".tsv": "csv", ".tab": "csv",
    ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".ipynb": "ipynb",
    ".eml": "eml", ".mbox": "mbox", ".mbx": "mbox", ".rtf": "rtf", ".fb2": "fb2",
}  # fmt: skip
BINARY_SUFFIXES = frozenset(
    [
        ".pdf",
        ".docx",
        ".docm",
        ".dotx",
        ".pptx",
        ".pptm",
        ".ppsx",
        ".xlsx",
        ".xlsm",
        ".xlsb",
        ".xls",
        ".ods",
        ".odt",
        ".ott",
        ".odp",
        ".otp",
        ".epub",
    ]
)
KNOWN_SUFFIXES = CODE_SUFFIXES | BINARY_SUFFIXES | frozenset(TEXT_SUFFIXES)
"""The suffixes that a walk over a folder takes; a file named by the person is read whatever its suffix."""

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "a PNG image"), (b"\xff\xd8\xff", "a JPEG image"), (b"GIF8", "a GIF image"), (b"BM", "a BMP image"),
    (b"II*\0", "a TIFF image"), (b"MM\0*", "a TIFF image"), (b"\x1f\x8b", "a gzip archive"), (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"), (b"\x28\xb5\x2f\xfd", "a zstd archive"), (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a rar archive"), (b"\x7fELF", "a program"), (b"MZ", "a program"), (b"\xca\xfe\xba\xbe", "a Java class"),
    (b"SQLite format 3\0", "an SQLite database"), (b"OggS", "an audio file"), (b"ID3", "an audio file"),
    (b"fLaC", "an audio file"), (b"wOFF", "a font"), (b"AT&T", "a DjVu file"), (b"!BDN", "an Outlook store"),
)  # fmt: skip
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,4000}?-->\s*)*<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)
_MAIL_HEADER = re.compile(
    rb"^(?:received|from|to|cc|subject|date|message-id|mime-version|return-path|delivered-to|reply-to|content-type|"
    rb"x-[a-z-]+|dkim-signature|sender|references|in-reply-to):[ \t]?\S",
    re.IGNORECASE | re.MULTILINE,
)
_MAIL_TOP = re.compile(rb"(?:[!-9;-~]+:[^\n]*\r?\n(?:[ \t][^\n]*\r?\n)*){3}")
_OPC = {"word/": "docx", "ppt/": "pptx", "xl/": "xlsx"}
_ODF = {
    b"application/epub+zip": "epub",
    b"application/vnd.oasis.opendocument.text": "odt",
    b"application/vnd.oasis.opendocument.presentation": "odp",
    b"application/vnd.oasis.opendocument.spreadsheet": "ods",
}


def sniff(file: BinaryIO, name: str) -> str:
    """Return the format of an open file: a key of the readers' registry.

    Raises:
        UnsupportedError: it is of a known format that has no reader, such as an image or a legacy `.doc`.
        EncryptedError: it is an encrypted office file.
        ReadError: it is empty, or a damaged zip file.
    """
    file.seek(0)
    head = file.read(1 << 16)
    suffix = PurePath(name).suffix.lower()
    if not head:
        raise ReadError(name, "is empty; there is nothing to read")
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _sniff_zip(file, name)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _sniff_ole(file, name)
    for magic, what in _MAGIC:
        if head.startswith(magic) and (len(magic) > 2 or not head[:64].isascii() or b"\0" in head[:64]):
            raise UnsupportedError(name, f"is {what}; no reader takes its format")
    if head[4:8] == b"ftyp" or (head[:4] == b"RIFF" and head[8:12] in (b"WAVE", b"AVI ", b"WEBP")):
        raise UnsupportedError(name, "is an image, audio or video file; no reader takes its format")
    return _sniff_text(head, suffix)


def _sniff_text(head: bytes, suffix: str) -> str:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"{\\rtf"):
        return "rtf"
    by_suffix = TEXT_SUFFIXES.get(suffix) or ("code" if suffix in CODE_SUFFIXES else None)
    if b"<FictionBook" in head[:2048]:
        return "fb2"
    if by_suffix in (None, "txt", "html") or suffix in (".xml", *BINARY_SUFFIXES):
        if _HTML.match(start):
            return "html"
        if by_suffix != "html" and _MAIL_TOP.match(start) and len(_MAIL_HEADER.findall(head[:4096])) >= 3:
            return "eml"
        if by_suffix != "html" and start.startswith(b"From ") and len(_MAIL_HEADER.findall(head[:4096])) >= 2:
            return "mbox"
    if by_suffix == "eml" and start.startswith(b"From "):
        return "mbox"
    if by_suffix == "ipynb" and not start.startswith(b"{"):
        return "txt"
    if by_suffix == "rtf":
        return "txt"
    return by_suffix or "txt"


def _sniff_zip(file: BinaryIO, name: str) -> str:
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.namelist()
            if "mimetype" in members and archive.getinfo("mimetype").file_size < 200:
                found = _ODF.get(archive.read("mimetype").strip())
                if found is not None:
                    return found
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise ReadError(name, f"is a damaged zip file, or cut short: {error}") from error
    for folder, found in _OPC.items():
        if any(member.lower().startswith(folder) for member in members):
            return found
    if "META-INF/container.xml" in members:
        return "epub"
    if "content.xml" in members:
        return {".ods": "ods", ".odp": "odp"}.get(PurePath(name).suffix.lower(), "odt")
    raise UnsupportedError(name, "is a zip archive, not a document; unpack it and add its files")


def _sniff_ole(file: BinaryIO, name: str) -> str:
    file.seek(0)
    data = file.read(256 << 20)
    streams = {
        word: word.encode("utf-16-le") in data
        for word in (
            "EncryptedPackage",
            "Workbook",
            "Book",
            "WordDocument",
            "PowerPoint Document",
            "__properties_version",
        )
    }
    if streams["EncryptedPackage"]:
        raise EncryptedError(name, "is encrypted; save a copy without a password and add that")
    if streams["WordDocument"]:
        raise UnsupportedError(name, "is in the old binary Word format; save it as .docx and add that")
    if streams["PowerPoint Document"]:
        raise UnsupportedError(name, "is in the old binary PowerPoint format; save it as .pptx and add that")
    if streams["Workbook"] or streams["Book"]:
        return "xls"
    if streams["__properties_version"]:
        raise UnsupportedError(name, "is an Outlook message; save it as .eml and add that")
    raise UnsupportedError(name, "is a compound file of an unknown kind; save it in a current format")

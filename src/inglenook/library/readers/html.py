"""HTML and XHTML: the main content as headings, paragraphs, lists, tables and code.

libxml2's HTML parser (through lxml) calls us for each tag, so no tree is built and nesting of any depth is only a
counter. Navigation, scripts, forms and what a page hides are left out; where a page marks its main part, that part is
the document. Shared by EPUB and mail. Knows no process and no file beyond its Source.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from inglenook.core.types import BlockKind, Part
from inglenook.library.readers.blocks import Piece, assemble
from inglenook.library.readers.source import Facts, Source

MAX_MB = 64
SKIPPED = frozenset(
    [
        "script",
        "style",
        "template",
        "svg",
        "math",
        "canvas",
        "object",
        "embed",
        "iframe",
        "noscript",
        "nav",
        "aside",
        "form",
        "button",
        "select",
        "textarea",
        "datalist",
        "audio",
        "video",
        "map",
        "head",
        "dialog",
    ]
)
_BOILERPLATE_ROLES = frozenset(
    ["navigation", "banner", "contentinfo", "complementary", "search", "menu", "menubar", "toolbar"]
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BREAKING = frozenset(
    [
        "address",
        "article",
        "blockquote",
        "body",
        "center",
        "dd",
        "details",
        "dir",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "header",
        "hgroup",
        "hr",
        "html",
        "legend",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
        "ul",
        "caption",
    ]
) | frozenset(_HEADINGS)
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "param"]
)
_SPACE = re.compile(r"[ \t\r\n\f]+")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(slots=True)
class _MarkedPiece:
    piece: Piece
    in_main: bool
    in_margin: bool


class HtmlCollector:
    """The target of the parser's events; `pieces` gives the content afterwards.

    Args:
        facts: title, date and description go here.
        whole: take everything, as in an e-book or a mail, where nothing is navigation.
    """

    def __init__(self, facts: Facts, *, whole: bool = False, page: int | None = None) -> None:
        self.facts = facts
        self._whole = whole
        self._page = page
        self._found: list[_MarkedPiece] = []
        self._text: list[str] = []
        self._skip_depth = 0
        self._skip_tag = ""
        self._main_depth = self._margin_depth = self._pre_depth = self._table_depth = 0
        self._marks: list[tuple[str, str]] = []
        self._kind = BlockKind.PARAGRAPH
        self._level = 1
        self._row: list[str] | None = None
        self._row_is_header = True
        self._rows_seen = 0
        self._title: list[str] | None = None

    # The four names below are what lxml calls.
    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take an opening tag."""
        tag = tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""
        if self._skip_depth:
            self._skip_depth += tag == self._skip_tag
            if tag == "title" and self._skip_tag == "head" and not self.facts.title:
                self._title = []
            elif tag == "meta":
                self._meta(attributes)
            return
        if tag not in _VOID and self._is_skipped(tag, attributes):
            if tag != "head":
                self._flush()
            self._skip_depth, self._skip_tag = 1, tag
            return
        self._open_content(tag, attributes)

    def _open_content(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag in _BREAKING:
            self._flush()
        if tag == "br":
            self._text.append("\n" if self._pre_depth else "\v")
        elif tag == "img":
            self._text.append(f" {attributes.get('alt', '')} ")
        elif tag in ("td", "th") and self._row is not None:
            self._end_cell()
            self._row_is_header = self._row_is_header and tag == "th"
        elif tag == "tr":
            self._end_row()
            self._row, self._row_is_header = [], True
        elif tag == "table":
            self._table_depth += 1
            self._rows_seen = 0
        elif tag == "pre":
            self._pre_depth += 1
            self._kind = BlockKind.CODE
        elif tag in _HEADINGS and self._row is None:
            self._kind, self._level = BlockKind.HEADING, _HEADINGS[tag]
        elif tag == "li" and self._row is None:
            self._kind = BlockKind.LIST_ITEM
        self._mark(tag, attributes)

    def end(self, tag: str) -> None:
        """Take a closing tag."""
        tag = tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""
        if self._skip_depth:
            if tag == "title" and self._title is not None:
                self.facts.title = " ".join("".join(self._title).split())[:300] or None
                self._title = None
            self._skip_depth -= tag == self._skip_tag
            return
        if tag in ("td", "th"):
            self._end_cell()
        elif tag == "tr":
            self._end_row()
        elif tag == "table":
            self._end_row()
            self._table_depth = max(0, self._table_depth - 1)
        if tag in _BREAKING:
            self._flush()
        if tag == "pre":
            self._pre_depth = max(0, self._pre_depth - 1)
        while self._marks and self._marks[-1][0] == tag:
            self._unmark(self._marks.pop()[1])
            break

    def data(self, text: str) -> None:
        """Take text."""
        if self._title is not None:
            self._title.append(text)
        elif not self._skip_depth:
            self._text.append(text)

    def close(self) -> None:
        """Take the end of the document."""
        self._end_row()
        self._flush()

    def pieces(self) -> Iterator[Piece]:
        """Yield the document's pieces: the marked main part when it holds a fair share of the text, else all but margins."""
        total = sum(len(found.piece.text) for found in self._found)
        inside = sum(len(found.piece.text) for found in self._found if found.in_main)
        only_main = not self._whole and inside > 200 and inside > 0.2 * total
        body = sum(len(found.piece.text) for found in self._found if not found.in_margin)
        drop_margins = not self._whole and body > 0.2 * total
        for found in self._found:
            if (found.in_main or not only_main) and not (drop_margins and found.in_margin and not found.in_main):
                yield found.piece

    def _is_skipped(self, tag: str, attributes: Mapping[str, str]) -> bool:
        if self._whole and tag in ("nav", "aside", "form"):
            return False
        if tag in SKIPPED or "hidden" in attributes or attributes.get("aria-hidden") == "true":
            return tag not in ("html", "body")
        if not self._whole and attributes.get("role") in _BOILERPLATE_ROLES:
            return tag not in ("html", "body")
        style = attributes.get("style")
        return style is not None and _HIDDEN.search(style) is not None and tag not in ("html", "body")

    def _mark(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag in ("main", "article") or attributes.get("role") == "main":
            self._main_depth += 1
            self._marks.append((tag, "main"))
        elif tag in ("header", "footer") and not self._main_depth:
            self._margin_depth += 1
            self._marks.append((tag, "margin"))
        elif self._marks and tag == self._marks[-1][0]:
            self._marks.append((tag, ""))

    def _unmark(self, what: str) -> None:
        if what == "main":
            self._main_depth -= 1
        elif what == "margin":
            self._margin_depth -= 1

    def _end_cell(self) -> None:
        if self._row is not None:
            text = self._take_text()
            if text:
                self._row.append(text)

    def _end_row(self) -> None:
        if self._row is None:
            return
        self._end_cell()
        row, self._row = self._row, None
        if row:
            first = self._rows_seen == 0
            self._rows_seen += 1
            kind = BlockKind.TABLE_HEADER if first and self._row_is_header and len(row) > 1 else BlockKind.TABLE_ROW
            self._add(kind, " | ".join(row))

    def _flush(self) -> None:
        if self._row is not None:
            if self._text:
                self._text.append(" ")
            return
        text = self._take_text()
        if text:
            self._add(self._kind, text)
        self._kind = BlockKind.CODE if self._pre_depth else BlockKind.PARAGRAPH

    def _take_text(self) -> str:
        raw = "".join(self._text)
        self._text.clear()
        if self._pre_depth and self._row is None:
            return raw.strip("\n") if raw.strip() else ""
        lines = (_SPACE.sub(" ", line).strip() for line in raw.split("\v"))
        return (" " if self._row is not None else "\n").join(line for line in lines if line)

    def _add(self, kind: BlockKind, text: str) -> None:
        piece = Piece(kind, text, self._page, self._level)
        self._found.append(_MarkedPiece(piece, self._main_depth > 0, self._margin_depth > 0))

    def _meta(self, attributes: Mapping[str, str]) -> None:
        name = (attributes.get("name") or attributes.get("property") or "").lower()
        value = attributes.get("content") or ""
        if name in ("date", "dc.date", "dcterms.created", "article:published_time") and _DATE.match(value):
            self.facts.created = value[:10]
        elif name in ("author", "description", "keywords") and value:
            self.facts.metadata[name] = value[:500]


def html_pieces(
    stretches: Iterable[str], facts: Facts, *, whole: bool = False, page: int | None = None
) -> Iterator[Piece]:
    """Yield the pieces of an HTML text.

    >>> [piece.text for piece in html_pieces(["<h1>Tea</h1><nav>Home</nav><p>Boil  water."], Facts())]
    ['Tea', 'Boil water.']
    """
    from lxml import etree  # loaded when the first document needs it

    collector = HtmlCollector(facts, whole=whole, page=page)
    parser = etree.HTMLParser(target=collector, no_network=True)
    for stretch in stretches:
        parser.feed(stretch.replace("\0", "\ufffd"))
    parser.close()
    return collector.pieces()


def html_text(source: Source) -> Iterator[str]:
    """Yield the decoded text of an HTML file, whose `meta charset` is believed when there is no byte order mark."""
    found = _CHARSET.search(source.head[:4096])
    if found is not None:
        source.declare_encoding(found.group(1).decode("ascii", "replace"))
    return source.text()


def read(source: Source) -> Iterator[Part]:
    """Yield the main content."""
    source.check_size(MAX_MB, "a web page")
    return assemble(html_pieces(html_text(source), source.facts))

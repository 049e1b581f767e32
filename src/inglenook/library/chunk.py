"""Parts to Chunks: cut by structure, filled up to a token budget, streaming.

A passage never crosses a page or a heading and never mixes the end of a table with what follows it. Neighbouring blocks
under one heading share a passage while they fit. A block that does not fit is cut at sentence ends (code: at line ends);
only a sentence that does not fit by itself is cut by length, and only those cuts overlap.

It knows no tokenizer (`count_tokens` is handed in) and no storage.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from inglenook.core.types import Block, BlockKind, Chunk, Part
from inglenook.library.sentences import split_sentences

CountTokens = Callable[[Sequence[str]], Sequence[int]]
OVERLAP = 0.1
"""Share of the budget that two pieces of one cut sentence have in common."""
MAX_GAP_CHARS = 400
"""More than this between two blocks is no white space or mark-up, and a passage does not swallow it."""
MAX_CONTEXT_CHARS = 200
MAX_HEADER_CHARS = 300
_TABLE = (BlockKind.TABLE_HEADER, BlockKind.TABLE_ROW)
_UNSPACED = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)


def estimate_tokens(texts: Sequence[str]) -> list[int]:
    """Return about how many tokens each text has, without a tokenizer: one a Chinese character, one for four others."""
    counts = []
    for text in texts:
        unspaced = 0 if text.isascii() else len(_UNSPACED.findall(text))
        counts.append(unspaced + -(-(len(text) - unspaced) // 4))
    return counts


def chunk_parts(
    parts: Iterable[Part], title: str | None = None, count_tokens: CountTokens = estimate_tokens, budget: int = 200
) -> Iterator[Chunk]:
    """Yield the passages of a document in order.

    Args:
        parts: the document's text, in order.
        title: stands in every passage's context, unless the passage says it itself.
        count_tokens: texts -> their numbers of tokens.
        budget: tokens of a passage at most, its context not counted.
    """
    cutter = _Cutter(title, count_tokens, budget)
    for part in parts:
        yield from cutter.add(part)
    yield from cutter.finish()


@dataclass(slots=True)
class _Open:
    """The passage that is being filled."""

    blocks: list[Block] = field(default_factory=list)
    tokens: int = 0
    table_header: str = ""

    @property
    def has_body(self) -> bool:
        return any(block.kind is not BlockKind.HEADING for block in self.blocks)


class _Cutter:
    def __init__(self, title: str | None, count_tokens: CountTokens, budget: int) -> None:
        self._title = title or ""
        self._count_tokens = count_tokens
        self._budget = budget
        self._open = _Open()
        self._text = ""
        self._text_start = 0
        self._table_header = ""

    def add(self, part: Part) -> Iterator[Chunk]:
        keep_from = self._open.blocks[0].char_start if self._open.blocks else part.char_start
        self._text = self._text[keep_from - self._text_start :] + part.text
        self._text_start = keep_from
        blocks = [block for block in part.blocks if self._slice(block.char_start, block.char_end).strip()]
        counts = self._count_tokens([self._slice(block.char_start, block.char_end) for block in blocks])
        for block, count in zip(blocks, counts, strict=True):
            self._note_table(block)
            if count <= self._budget:
                yield from self._place(block, count)
            else:
                yield from self._cut(block)

    def finish(self) -> Iterator[Chunk]:
        if self._open.blocks:
            yield self._close()

    def _slice(self, start: int, end: int) -> str:
        return self._text[start - self._text_start : end - self._text_start]

    def _note_table(self, block: Block) -> None:
        if block.kind is BlockKind.TABLE_HEADER:
            self._table_header = self._slice(block.char_start, block.char_end).strip()[:MAX_HEADER_CHARS]
        elif block.kind is not BlockKind.TABLE_ROW:
            self._table_header = ""

    def _place(self, block: Block, tokens: int) -> Iterator[Chunk]:
        """Put a block that fits into the open passage, or close that one and begin another."""
        if self._open.blocks and self._must_close(block, tokens):
            yield self._close()
        if not self._open.blocks:
            self._open.table_header = self._table_header if block.kind is BlockKind.TABLE_ROW else ""
        self._open.blocks.append(block)
        self._open.tokens += tokens

    def _must_close(self, block: Block, tokens: int) -> bool:
        last = self._open.blocks[-1]
        if self._open.tokens + tokens > self._budget or block.page != last.page:
            return True
        if block.char_start - last.char_end > MAX_GAP_CHARS or block.char_start < last.char_end:
            return True
        if not self._open.has_body:
            return False
        if block.kind is BlockKind.HEADING or block.heading != last.heading:
            return True
        return block.kind is BlockKind.TABLE_HEADER or (last.kind in _TABLE and block.kind not in _TABLE)

    def _cut(self, block: Block) -> Iterator[Chunk]:
        """Place the sentences (or lines of code) of a block that does not fit."""
        text = self._slice(block.char_start, block.char_end)
        spans = _lines(text) if block.kind is BlockKind.CODE else split_sentences(text)
        counts = self._count_tokens([text[start:end] for start, end in spans])
        for (start, end), count in zip(spans, counts, strict=True):
            piece = _piece(block, text, start, end)
            if count <= self._budget:
                yield from self._place(piece, count)
            else:
                yield from self._cut_by_length(piece, text[start:end], count)

    def _cut_by_length(self, block: Block, text: str, tokens: int) -> Iterator[Chunk]:
        """Cut what has no structure left, at white space where there is some, each piece overlapping the one before."""
        size = max(16, len(text) * self._budget // tokens)
        start = 0
        while start < len(text):
            end = _word_start(text, start + size, size // 4) if start + size < len(text) else len(text)
            yield from self._place(_piece(block, text, start, end), self._budget)
            if end == len(text):
                return
            start = max(start + 1, _word_start(text, end - int(size * OVERLAP), size // 8))

    def _close(self) -> Chunk:
        """Return the open passage and begin an empty one."""
        blocks, header = self._open.blocks, self._open.table_header
        self._open = _Open()
        start, end = blocks[0].char_start, blocks[-1].char_end
        text = self._slice(start, end)
        end -= len(text) - len(text.rstrip())
        start += len(text) - len(text.lstrip())
        num_headings = next((i for i, b in enumerate(blocks) if b.kind is not BlockKind.HEADING), len(blocks))
        heading = blocks[-1].heading
        line_ends = [block.line_end for block in blocks if block.line_end is not None]
        return Chunk(
            char_start=start,
            char_end=end,
            text=text.strip(),
            page=blocks[0].page,
            line_start=blocks[0].line_start,
            line_end=max(line_ends) if line_ends else None,
            heading=heading,
            context=self._context(heading[: len(heading) - num_headings] if num_headings else heading, text, header),
        )

    def _context(self, headings: tuple[str, ...], text: str, header: str) -> str:
        """Return the title and the headings above, without what the passage begins with or says twice."""
        names: list[str] = []
        for name in (self._title, *headings):
            name = " ".join(name.split())  # noqa: PLW2901 - one line each
            if name and name not in names and not text.lstrip("#*= \t").startswith(name):
                names.append(name)
        context = " › ".join(names)[:MAX_CONTEXT_CHARS].rstrip()
        return "\n".join(line for line in (context, header) if line)


def _piece(block: Block, text: str, start: int, end: int) -> Block:
    """Return the part of a block at [start, end) of its text, with the lines it stands on where they can be counted."""
    line_start, line_end = block.line_start, block.line_end
    if line_start is not None and line_end is not None and text.count("\n") == line_end - line_start:
        line_start += text.count("\n", 0, start)
        line_end = line_start + text.count("\n", start, end)
    place = block.char_start
    return replace(block, char_start=place + start, char_end=place + end, line_start=line_start, line_end=line_end)


def _lines(text: str) -> list[tuple[int, int]]:
    spans = []
    start = 0
    for line in text.splitlines(keepends=True):
        end = start + len(line)
        if line.strip():
            spans.append((start, start + len(line.rstrip())))
        start = end
    return spans


def _word_start(text: str, place: int, reach: int) -> int:
    """Return the start of a word at most `reach` before `place`, or `place` where words are not spaced."""
    space = max(text.rfind(mark, place - reach, place) for mark in " \n\t，、,;")
    return place if space < 0 else space + 1

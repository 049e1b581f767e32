"""Where sentences begin and end, in English and Chinese text.

Rules, no model: Chinese marks end a sentence by themselves; a full stop ends one only where what stands before it is no
abbreviation, initial, number or list mark and what follows looks like a beginning. Blank lines, list items, headings and
table rows end one too. Covers text that mixes both languages. Does not cover scripts with other marks (Thai, Hindi),
which come back as paragraphs.
"""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CLOSERS = r"[\"'”’」』）)\]】》〉}]*"
_CJK = r"\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff00-\uffef"
_ITEM = r"[ \t]*(?:[-*+•·▪◦–—][ \t]|\(?\d{1,3}[.)、][ \t]?|\(?[a-z]\)[ \t]|[（(]?[一二三四五六七八九十]{1,3}[）)、]|#{1,6}[ \t]|\||```)"
_BREAK = re.compile(
    rf"(?P<wide>[。！？；｡︒]+[…!?]*{_CLOSERS}|…{{2,}}{_CLOSERS}|…{_CLOSERS}(?=\s|$))"
    rf"|(?P<mark>[.!?]+{_CLOSERS})(?=\s|$|[{_CJK}])"
    r"|(?P<gap>\n[ \t\r]*\n\s*|\f)"
    rf"|(?P<line>\n(?={_ITEM})|(?<=\|)\n)"
)
_HEADING = re.compile(r"[ \t]*#{1,6}[ \t][^\n]*\n")
_WORD_BEFORE = re.compile(r"[^\s(\[{\"“‘「（]*\Z")
_NEXT = re.compile(r"[\s\"'“‘(\[「『（]*([^\s]+)")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]\Z")
"""Initials and dotted short forms without their last dot: J, U.S, Ph.D is in the list below."""
_BEFORE_NAME = _words(
    "mr mrs ms dr prof rev hon st sr mt ft gen col maj capt lt sgt cpl pvt adm cmdr gov sen rep pres supt det messrs mme "
    "mlle vs v cf e.g i.e eg ie viz ca approx incl excl esp al ed eds trans resp"
)
_BEFORE_NUMBER = _words(
    "no nos fig figs eq eqs sec secs vol vols pp p ch chap art arts tab ex ref refs para paras app appx ver nr ln pt"
)
_MAY_END = _words(
    "inc ltd co corp bros llc plc jr etc est dept univ assn ave blvd rd ph.d m.d b.a m.a a.m p.m u.s u.k u.n e.u "
    "jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun min max avg hr hrs"
)
_STARTERS = _words(
    "the a an in on at by for from to of and but or so if when while where after before since although however it its he "
    "she they we i you this that these those there here his her their our my your as with what who why how which no yes "
    "all some many most each both not then thus one two once during because according"
)


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Return the half-open offsets of the sentences of `text`, in order, without white space at their ends.

    Every character that is not white space lies in exactly one sentence.

    >>> [text[a:b] for text in ["Dr. Li paid $3.50. 真的吗？是的。"] for a, b in split_sentences(text)]
    ['Dr. Li paid $3.50.', '真的吗？', '是的。']
    """
    sentences: list[tuple[int, int]] = []
    start = 0
    for match in _BREAK.finditer(text):
        if match["mark"] is not None and not _ends(text, start, match):
            continue
        _append(sentences, text, start, match.end())
        start = match.end()
    _append(sentences, text, start, len(text))
    return sentences


def _append(sentences: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    """Append [start, end) without its white space, a Markdown heading line on its own."""
    heading = _HEADING.match(text, start, end)
    if heading and heading.end() < end:
        _append(sentences, text, start, heading.end() - 1)
        start = heading.end()
    piece = text[start:end]
    stripped = piece.strip()
    if stripped:
        start += len(piece) - len(piece.lstrip())
        sentences.append((start, start + len(stripped)))


def _ends(text: str, start: int, match: re.Match[str]) -> bool:
    """Say whether an ASCII mark that white space, Chinese or the end follows is the end of a sentence."""
    mark = match["mark"]
    following = _NEXT.match(text, match.end(), match.end() + 60)
    if following is None:
        return True
    word = following[1]
    if word[0].islower():
        return False
    if not mark.startswith(".") or mark.startswith(".."):
        return True
    before = _WORD_BEFORE.search(text, max(start, match.start() - 40), match.start())
    is_first = " " not in text[start : match.start()].strip()
    return _ends_after(before.group() if before else "", word, is_first=is_first)


def _ends_after(before: str, following: str, *, is_first: bool) -> bool:
    """Say whether a full stop between these two words ends a sentence."""
    folded = before.casefold()
    if folded in _BEFORE_NAME:
        return False
    if folded in _BEFORE_NUMBER:
        return not following[0].isdigit()
    if is_first and (before.isdigit() or len(before) == 1) and before.isascii():
        return False  # the mark of a list item: 1. or a.
    if folded in _MAY_END or _DOTTED.match(before):
        return following.strip(".,;:!?\"'”’)").casefold() in _STARTERS or not following[0].isalnum()
    return True

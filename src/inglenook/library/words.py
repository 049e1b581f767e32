"""The search analyser: text to the terms that the text index counts, and where a query's terms stand in a text.

One analyser serves documents and queries. A term is:

- a word: NFKC, casefolded, Snowball English stem (other alphabets pass through unstemmed);
- an identifier (`getUserName`, `user_name`, `os.path`, `e-mail`): each of its words and the whole without its joints;
- a Han character and each pair of neighbours, folded from traditional to simplified, so a query in either script finds both;
- a pair of neighbouring kana or hangul characters (a lone one stands for itself).

It knows nothing of stop words: BM25 gives a word that is everywhere next to no weight.
Traditional-to-simplified pairs: OpenCC's TSCharacters table (Apache-2.0), first choice per character.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import chain, pairwise
from pathlib import Path

import Stemmer

_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KANA_HANGUL = "\u3041-\u3096\u309d-\u30ff\u31f0-\u31ff\u1100-\u11ff\uac00-\ud7af"
# A run of letters and digits with what may join them inside: it's, os.path, user-name, 10,000; and C++, C#, F#.
_CHUNK = re.compile(r"[Cc]\+\+|[CcFf]#|\w+(?:(?:['’.\-]|(?<=\d),(?=\d{3}))\w+)*")
_RUN = re.compile(f"[{_HAN}]+|[{_KANA_HANGUL}]+|[^{_HAN}{_KANA_HANGUL}]+")
_UNSPACED = re.compile(f"[{_HAN}{_KANA_HANGUL}]")
_HAN_RUN = re.compile(f"[{_HAN}]")
_JOINTS = re.compile(r"[^\w]+|_+")
_HUMPS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]+(?![a-z])|[A-Z]?[^A-Z]+")
_MAX_TERM = 64  # longer runs are encoded data; their first characters are enough to find them
_CACHE_SIZE = 200_000


class _Forms(dict[str, tuple[str, ...]]):
    """Chunk of text -> its terms, remembered; Han, kana and hangul runs rarely return and are not kept."""

    def __init__(self) -> None:
        super().__init__()
        self._stem = Stemmer.Stemmer("english", 0).stemWord

    def __missing__(self, chunk: str) -> tuple[str, ...]:
        if _UNSPACED.search(chunk):
            return tuple(chain.from_iterable(self._run(run) for run in _RUN.findall(chunk)))
        forms = tuple(self._word(chunk))
        if len(self) >= _CACHE_SIZE:
            self.clear()
        self[chunk] = forms
        return forms

    def _run(self, run: str) -> list[str]:
        if _HAN_RUN.match(run):
            folded = run.translate(_simplified())
            return [*folded, *(a + b for a, b in pairwise(folded))]
        if _UNSPACED.match(run):
            return [a + b for a, b in pairwise(run)] or [run]
        return self._word(run)

    def _word(self, chunk: str) -> list[str]:
        if chunk.isalpha():
            if chunk.islower() or chunk[1:].islower() or chunk.isupper():
                return [self._stem(chunk.casefold()[:_MAX_TERM])]
        elif chunk.isdigit():
            return [chunk[:_MAX_TERM]]
        chunk = chunk.replace("’", "'")
        if chunk.endswith(("'s", "'S")):
            chunk = chunk[:-2]
        if "'" in chunk and chunk.replace("'", "").isalpha():
            return [self._stem(chunk.casefold()[:_MAX_TERM])]
        if chunk[-1:] in "+#":
            return [chunk.casefold()]
        parts = [hump for part in _JOINTS.split(chunk) for hump in _HUMPS.findall(part)]
        terms = [self._stem(part.casefold()[:_MAX_TERM]) for part in parts]
        if len(parts) > 1:
            terms.append(self._stem("".join(parts).casefold()[:_MAX_TERM]))
        return terms


@cache
def _simplified() -> dict[int, int]:
    traditional, simplified = (
        Path(__file__).with_name("traditional_simplified.txt").read_text(encoding="utf-8").splitlines()
    )
    return str.maketrans(traditional, simplified)


_forms = _Forms()


def analyze(text: str) -> list[str]:
    """Return the terms of `text` in order, repeats included.

    >>> analyze("The warranties' end: getUserName()")
    ['the', 'warranti', 'end', 'get', 'user', 'name', 'getusernam']
    >>> analyze("訂單 2024")
    ['订', '单', '订单', '2024']
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return list(chain.from_iterable(map(_forms.__getitem__, _CHUNK.findall(text))))


def script_of(text: str) -> str:
    """Return the script most of `text` is written in: `han` where Han, kana or hangul lead, else `latin`.

    A Han character carries about as much as half an English word, hence the weight of three letters.
    """
    if text.isascii():
        return "latin"
    unspaced = len(_UNSPACED.findall(text))
    letters = sum(character.isalpha() for character in text) - unspaced
    return "han" if 3 * unspaced > letters else "latin"


def highlight(text: str, query: str) -> list[tuple[int, int]]:
    """Return the half-open spans of `text` that carry a term of `query`, in order, not overlapping.

    A single Han character counts only when the query has it alone: pairs mark words, lone characters mark everything.
    """
    wanted = set(analyze(query))
    pairs = {term for term in wanted if len(term) > 1 and _HAN_RUN.match(term)}
    wanted -= {character for pair in pairs for character in pair}
    spans: list[tuple[int, int]] = []
    for start, end in _hits(text, wanted):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def _hits(text: str, wanted: set[str]) -> Iterator[tuple[int, int]]:
    for match in _CHUNK.finditer(text):
        for run in _RUN.finditer(match.group()):
            start = match.start() + run.start()
            if _UNSPACED.match(run.group()):
                yield from _pair_hits(run.group(), start, wanted)
            elif not wanted.isdisjoint(_terms(run.group())):
                yield start, start + len(run.group())


def _pair_hits(run: str, start: int, wanted: set[str]) -> Iterator[tuple[int, int]]:
    for place in range(len(run)):
        for length in (1, 2):
            piece = run[place : place + length]
            if len(piece) == length and wanted.intersection(_terms(piece)[-1:]):
                yield start + place, start + place + length


def _terms(piece: str) -> tuple[str, ...]:
    return _forms[unicodedata.normalize("NFKC", piece)]

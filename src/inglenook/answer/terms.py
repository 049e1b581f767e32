"""Words of a question or a sentence as the reader compares them: a key, a place, and whether it carries content.

A Latin-script word becomes its lower-cased, accent-free English stem; a number stays whole; a Han character is a term of
its own, folded from traditional to simplified. Knows nothing of documents or of the search index (whose analyser may change without touching trained weights).
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

import Stemmer

_TERM = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[0-9]+(?:[.,:][0-9]+)*|[^\W\d_]+(?:['’][^\W\d_]+)*", re.UNICODE)
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that ask, join or point but name nothing: not finding them in a passage says nothing against it.
FUNCTION_WORDS = _words(
    """a an the of in on at by to for from with without into onto upon over under about as than then and or but nor if
    that this these those there here it its he she him her his hers they them their we us our you your i me my
    is are was were be been being am do does did done doing has have had having can could will would shall should may
    might must not no so such very also just only too who whom whose what which when where why how many much long often
    name s t 's one some any each both all other another between during within because while
    et al etc per via"""
)
# Characters that do the same in Chinese.
FUNCTION_HAN = frozenset(
    "的了在是和与與及或也都就而之其這这那哪谁誰何什么麼甚嗎吗呢吧啊請请問问個个為为於于被把由從从到對对以有幾几多少怎樣样一上下中"
)


@dataclass(frozen=True, slots=True)
class Term:
    """One word or Han character: its comparison key and its place in the text."""

    key: str
    start: int
    end: int
    is_content: bool


@cache
def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english")


@lru_cache(maxsize=65536)
def word_key(word: str) -> str:
    """Return the comparison key of one word: NFKD without marks, lower case, English stem."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c)).lower()
    plain = plain.replace("’", "'").removesuffix("'s")
    return str(_stemmer().stemWord(plain)) if plain.isascii() and plain.isalpha() else plain


@cache
def _simplified() -> dict[int, int]:
    table = files("inglenook.library").joinpath("traditional_simplified.txt").read_text(encoding="utf-8")
    traditional, simplified = table.splitlines()
    return str.maketrans(traditional, simplified)


def simplify(text: str) -> str:
    """Return `text` with each traditional Han character replaced by its simplified form: same length, same offsets."""
    return text.translate(_simplified())


def terms(text: str) -> list[Term]:
    """Return the terms of `text` in order."""
    found = []
    for match in _TERM.finditer(simplify(text)):
        word = match.group()
        if _HAN.match(word):
            found.append(Term(word, match.start(), match.end(), word not in FUNCTION_HAN))
        else:
            lowered = word.lower()
            found.append(Term(word_key(word), match.start(), match.end(), lowered not in FUNCTION_WORDS))
    return found


def has_han(text: str) -> bool:
    """Return whether any Han character stands in `text`."""
    return _HAN.search(text) is not None


def is_chinese(text: str) -> bool:
    """Return whether Han characters make up at least a fifth of the letters: enough to read it as Chinese."""
    num_han = len(_HAN.findall(text))
    num_latin = sum(c.isalpha() for c in text) - num_han
    return num_han > 0 and num_han * 4 >= num_latin

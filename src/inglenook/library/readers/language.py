"""Which language a text is in: by its script, and for Latin letters by stop words. English, Chinese and a few others.

A cheap rule that is right on a paragraph and silent when unsure; knows nothing of documents.
"""

import re
from collections import Counter

SAMPLE_CHARS = 1 << 15
_HAN = re.compile("[\u4e00-\u9fff\u3400-\u4dbf]")
_KANA = re.compile("[\u3041-\u30ff]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_ARABIC = re.compile("[\u0620-\u06ff]")
_WORD = re.compile(r"[^\W\d_]+")
_STOP_WORDS = {
    "en": "the of and to in is that for it with as on be are this was by at from or an not you have which we if but they",
    "de": "der die und das den von zu mit sich des ist im dem nicht ein eine als auch es an werden aus er hat dass sie nach",
    "fr": "le la les et des du un une est dans que qui pour pas sur au par avec ce il sont plus cette ses mais ou nous vous",
    "es": "el la los las de y en que un una por con del se para es al lo como su más pero sus este ha esta o muy hay",
    "it": "il di che la e un per non una del sono le si da con della dei come ha più gli ma nel questo alla anche lo",
    "pt": "o de que e do da em um para não uma os no se na por mais as dos como mas ao das à seu sua ou ser quando",
    "nl": "de het een van en in is dat op te zijn met voor niet aan er om ook als maar bij door uit naar wordt deze",
}
_BY_WORD: dict[str, tuple[str, ...]] = {}
for _code, _words in _STOP_WORDS.items():
    for _word in _words.split():
        _BY_WORD[_word] = (*_BY_WORD.get(_word, ()), _code)


class LanguageCount:
    """Collects the first characters of a text and guesses."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._room = SAMPLE_CHARS

    def add(self, text: str) -> None:
        """Take more text; what passes the sample's size is ignored."""
        if self._room > 0:
            self._texts.append(text[: self._room])
            self._room -= len(text)

    def guess(self) -> str | None:
        """Return an ISO 639-1 code, or None when nothing is clear."""
        return guess_language("\n".join(self._texts))


def guess_language(text: str) -> str | None:
    """Return the ISO 639-1 code of most of the text, or None.

    >>> guess_language("The boiler is serviced once a year, and the landlord pays for it.")
    'en'
    >>> guess_language("物业费每月五号之前缴纳。")
    'zh'
    """
    words = _WORD.findall(text)
    letters = sum(map(len, words))
    if not letters:
        return None
    kana, hangul, han = (len(pattern.findall(text)) for pattern in (_KANA, _HANGUL, _HAN))
    # A Han character carries about as much as three letters of a word.
    if 3 * (kana + han) > 0.3 * (letters + 2 * (kana + han)):
        return "ja" if kana > 0.1 * (kana + han) else "zh"
    if hangul > 0.3 * letters:
        return "ko"
    if len(_CYRILLIC.findall(text)) > 0.5 * letters:
        return "ru"
    if len(_ARABIC.findall(text)) > 0.5 * letters:
        return "ar"
    counts: Counter[str] = Counter()
    for word in words:
        counts.update(_BY_WORD.get(word.lower(), ()))
    ranked = counts.most_common(2)
    if not ranked or ranked[0][1] < 0.08 * len(words):
        return None
    if len(ranked) > 1 and ranked[1][1] > 0.8 * ranked[0][1]:
        return None
    return ranked[0][0]

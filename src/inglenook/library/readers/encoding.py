"""Which character encoding a text file is in.

The order: byte order marks; strict UTF-8; UTF-16 without a mark; then a legacy encoding by the characters it would give.
Chinese, Japanese and Korean are told apart by how many of a language's commonest characters appear, which works on one
short sentence; for the rest charset-normalizer decides, and Windows-1252 when it cannot. Knows bytes only.
"""

import codecs
import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# The commonest characters of running text, from general knowledge of the languages; each list only has to tell a right
# decoding from a wrong one, whose characters are rare ones.
_SIMPLIFIED = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去"
    "法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点"
    "正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿"
    "原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德"
    "资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交"
    "请规费缴号前小区通知用户说明服务时间"
)
_TRADITIONAL = frozenset(
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家種事成方多經麼去"
    "法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日軍者意無力它與長把機十民第公此已工使情明性知全三又關點"
    "正業外將兩高間由問很最重並物手應戰向頭文體政美相見被利什二等產或新己制身果加西斯月話合回特代內信表化老給世位次度門任常先海通教兒"
    "原東聲提立及比員解水名真論處走義各入幾口認條平系氣題活爾更別打女變四神總何電數安少報才結反受目太量再感建務做接必場件計管期市直德"
    "資命山金指克許統區保至隊形社便空決治展馬科司五基眼書非則聽白卻界達光放強即像難且權思王象完設式色路記南品住告類求據程北邊死張該交"
)
_PUNCTUATION = frozenset("，。、：；！？「」『』（）《》“”")
_KANA = re.compile("[\u3041-\u3093\u30a1-\u30f6\u30fc]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
# What the web means by these names (WHATWG Encoding Standard): the larger set.
_SUPERSETS = {
    "gb2312": "gb18030", "gbk": "gb18030", "hz": "gb18030", "big5": "big5hkscs", "shift_jis": "cp932", "euc_kr": "cp949",
    "iso8859-1": "cp1252", "ascii": "cp1252",
}  # fmt: skip
_TEXT_CODECS = frozenset(
    ["gb18030", "big5hkscs", "cp932", "euc_jp", "cp949", "koi8-r", "koi8-u", "iso2022_jp", "cp866", "mac-roman"]
    + [f"cp{number}" for number in range(1250, 1259)]
    + [f"iso8859-{number}" for number in range(2, 17)]
)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
ENOUGH = 0.25
"""A right decoding has at least this share of common characters; wrong ones stay below 0.15 on the test texts."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What one pass over all bytes of a file says about its encoding."""

    is_utf8: bool
    sample: bytes
    """The head of the file, or, of a file that is not UTF-8, the bytes around the first ones that are not ASCII."""


def detect(scan: Scan, declared: str | None = None) -> str | None:
    """Return the codec's name for a file, or None when it is not text.

    Args:
        scan: what the bytes say.
        declared: what the document says; taken when it is not UTF-8 and the declared codec can read it.
    """
    sample = scan.sample
    for mark, name in BOMS:
        if sample.startswith(mark):
            return name
    wide = _detect_wide(sample)
    if wide is not None:
        return wide
    if _looks_binary(sample):
        return _detect_wide_han(sample)
    if scan.is_utf8:
        return "utf-8"
    if declared is not None:
        with contextlib.suppress(LookupError):
            name = _SUPERSETS.get(codecs.lookup(declared).name, codecs.lookup(declared).name)
            if name in _TEXT_CODECS and _decode(sample, name) is not None:
                return name
    return _mostly_utf8(sample) or _detect_east_asian(sample) or _detect_wide_han(sample) or _detect_other(sample)


def _looks_binary(sample: bytes) -> bool:
    if b"\0" in sample:
        return True
    return len(_CONTROL.findall(sample)) > len(sample) // 50


def _detect_wide(sample: bytes) -> str | None:
    """UTF-16 without a mark, in Western letters: every other byte is zero."""
    if len(sample) < 4:
        return None
    even, odd = sample[0::2].count(0) * 2, sample[1::2].count(0) * 2
    size = len(sample)
    if odd > 0.6 * size and even < 0.05 * size:
        return "utf-16-le"
    if even > 0.6 * size and odd < 0.05 * size:
        return "utf-16-be"
    return None


def _detect_wide_han(sample: bytes) -> str | None:
    """UTF-16 without a mark, in Chinese: no zero bytes, but common characters."""
    even = sample[: len(sample) // 2 * 2]
    for name in ("utf-16-le", "utf-16-be"):
        text = _decode(even, name)
        if text is not None and _share(text, _SIMPLIFIED | _TRADITIONAL) > ENOUGH:
            return name
    return None


def _mostly_utf8(sample: bytes) -> str | None:
    """UTF-8 with a few broken bytes: damaged, not another encoding."""
    text = sample.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    good = sum(1 for character in text if character > "\x7f") - broken
    return "utf-8" if good > 9 * broken else None


def _detect_east_asian(sample: bytes) -> str | None:
    best, best_score = None, ENOUGH
    for name, score in _EAST_ASIAN:
        text = _decode(sample, name)
        if text is None:
            continue
        value = score(text)
        if value > best_score:
            best, best_score = name, value
    return best


def _decode(sample: bytes, name: str) -> str | None:
    """Decode strictly, but let the sample end inside a character."""
    try:
        return codecs.getincrementaldecoder(name)("strict").decode(sample, final=False)
    except UnicodeDecodeError:
        return None


def _share(text: str, common: frozenset[str]) -> float:
    """The share of common characters among those that are not ASCII and not punctuation."""
    wide = [character for character in text if character > "\x7f" and character not in _PUNCTUATION]
    return sum(character in common for character in wide) / len(wide) if wide else 0.0


def _ratio(pattern: re.Pattern[str], text: str) -> float:
    wide = sum(character > "\x7f" for character in text)
    return len(pattern.findall(text)) / wide if wide else 0.0


_EAST_ASIAN: tuple[tuple[str, Callable[[str], float]], ...] = (
    ("gb18030", partial(_share, common=_SIMPLIFIED)),
    ("big5hkscs", partial(_share, common=_TRADITIONAL)),
    ("cp932", partial(_ratio, _KANA)),
    ("euc_jp", partial(_ratio, _KANA)),
    ("cp949", partial(_ratio, _HANGUL)),
)


def _detect_other(sample: bytes) -> str:
    from charset_normalizer import from_bytes  # heavy, and rarely needed

    best = from_bytes(sample[:16384]).best()
    if best is not None and best.encoding not in ("utf_8", "ascii", "gb18030", "big5", "big5hkscs", "johab"):
        codec = codecs.lookup(best.encoding).name
        if codec not in ("iso8859-1", "latin-1") and _latin_letters(sample) < 0.5:
            return codec
    return "cp1252" if _decode(sample, "cp1252") is not None else "latin-1"


def _latin_letters(sample: bytes) -> float:
    """The share of ASCII letters among letters: high in Western text, whose few accented bytes many codecs explain."""
    ascii_letters = sum(chr(byte).isalpha() for byte in sample if byte < 128)
    high = sum(byte >= 128 for byte in sample)
    return ascii_letters / (ascii_letters + high) if ascii_letters + high else 1.0

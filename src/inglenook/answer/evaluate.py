"""`eval answers`: how well a library answers questions whose answers are known.

English text is compared by the rules of SQuAD (Rajpurkar et al. 2016, 2018: lower case, no punctuation, no articles; F1 over
words), Chinese by those of CMRC 2018 (Cui et al. 2019: no punctuation; F1 by the longest common run, characters for Han and
words for Latin). The rules were written from the papers. Knows answers and questions, not how an answer is made.
"""

import gzip
import json
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from inglenook.answer.answering import NUM_PASSAGES, ask
from inglenook.answer.terms import has_han, is_chinese, simplify
from inglenook.core.errors import UsageError
from inglenook.core.types import Answer

if TYPE_CHECKING:
    from inglenook.library import Library

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_HAN_OR_WORD = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W_\u3400-\u9fff\uf900-\ufaff]+")


@dataclass(frozen=True, slots=True)
class Question:
    """A question whose answer is known: `answers` is empty when the documents do not answer it."""

    text: str
    answers: tuple[str, ...]
    source_file: str | None = None


@dataclass(frozen=True, slots=True)
class AnswerScores:
    """What `eval answers` prints. Means over the questions that each is defined for; None where there are none.

    Attributes:
        n: questions asked.
        exact_match, f1: of `Answer.short` against the best of the accepted answers, over all questions; an abstention is
            right, and any answer wrong, for a question without an answer (SQuAD 2.0).
        sentence_hit: share of answerable questions whose first citation's quote contains an accepted answer, be the
            citation given as an answer or only as the nearest passage.
        source_hit_at_1, source_hit_at_5: share of answerable questions with a `source_file` whose file is the first
            passage's, or among the first five's, of the search.
        abstention_precision: share of abstentions that were right. abstention_recall: share of unanswerable questions
            that were met with an abstention.
    """

    n: int
    exact_match: float | None
    f1: float | None
    sentence_hit: float | None
    source_hit_at_1: float | None
    source_hit_at_5: float | None
    abstention_precision: float | None
    abstention_recall: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return the scores by name, in order."""
        return asdict(self)


def evaluate_answers(
    questions: Iterable[Question] | Path,
    library: "Library",
    *,
    limit: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> AnswerScores:
    """Ask every question and return the scores.

    Args:
        questions: the questions, or a file of JSON lines {question, answer, aliases?, source_file?, answerable?}, perhaps .gz.
        library: an open library; answers are not stored.
        limit: ask only the first so many.
        on_progress: told the number of questions done, after each.

    Raises:
        UsageError: a line is not such an object, or there is no question at all.
    """
    tally = _Tally()
    for question in read_questions(questions) if isinstance(questions, Path) else questions:
        if limit is not None and tally.n >= limit:
            break
        tally.add(question, ask(question.text, library, store=False), _sources(question, library))
        if on_progress is not None:
            on_progress(tally.n)
    if not tally.n:
        raise UsageError("there is no question to ask; give at least one")
    return tally.scores()


def _sources(question: Question, library: "Library") -> list[str]:
    """Return the files of the first passages found, where the question names its file."""
    if not question.source_file:
        return []
    return [hit.path for hit in library.search(question.text, limit=NUM_PASSAGES).hits[:5]]


class _Tally:
    """Sums over questions."""

    def __init__(self) -> None:
        self.n = 0
        self._values: dict[str, list[float]] = {}

    def add(self, question: Question, answer: Answer, sources: list[str]) -> None:
        """Count one answered question."""
        self.n += 1
        said = answer.short if answer.supported else ""
        self._note("exact_match", best_of(exact_match, said, question.answers))
        self._note("f1", best_of(f1, said, question.answers))
        if question.answers:
            quote = answer.citations[0].quote if answer.citations else ""
            self._note("sentence_hit", any(contains(quote, wanted) for wanted in question.answers))
            if question.source_file:
                found = [is_source(path, question.source_file) for path in sources]
                self._note("source_hit_at_1", any(found[:1]))
                self._note("source_hit_at_5", any(found))
        else:
            self._note("abstention_recall", not answer.supported)
        if not answer.supported:
            self._note("abstention_precision", not question.answers)

    def _note(self, name: str, value: float) -> None:
        self._values.setdefault(name, []).append(float(value))

    def scores(self) -> AnswerScores:
        """Return the means."""
        means = {name: sum(values) / len(values) for name, values in self._values.items()}
        names = [name for name in AnswerScores.__slots__ if name != "n"]
        return AnswerScores(n=self.n, **{name: means.get(name) for name in names})


def read_questions(path: Path) -> Iterator[Question]:
    """Yield the questions of a file of JSON lines, perhaps gzipped.

    Raises:
        UsageError: the file cannot be read, or a line is not an object with a question.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _question(line, f"{path}, line {number}")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}; give a file of JSON lines") from error


def _question(line: str, where: str) -> Question:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise UsageError(f"{where}: not JSON ({error}); each line is an object with `question` and `answer`") from error
    if not isinstance(row, Mapping) or not isinstance(row.get("question"), str):
        raise UsageError(f"{where}: no `question`; each line is an object with `question` and `answer`")
    accepted = [row.get("answer"), *(row.get("aliases") or ())]
    answers = tuple(str(text) for text in accepted if text) if row.get("answerable", True) else ()
    return Question(row["question"], answers, row.get("source_file"))


def best_of(measure: Callable[[str, str], float], said: str, accepted: tuple[str, ...]) -> float:
    """Return the best of `measure` over the accepted answers; with none, 1 for saying nothing and 0 for anything."""
    if not accepted:
        return float(not said)
    return max(measure(said, wanted) for wanted in accepted)


def normalised(text: str) -> str:
    """Return `text` as answers are compared: SQuAD's rules, or for Chinese no punctuation and no white space."""
    if has_han(text):
        return "".join(c for c in text.lower() if not c.isspace() and not _is_punctuation(c))
    plain = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(_ARTICLES.sub(" ", plain).split())


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


def exact_match(said: str, wanted: str) -> float:
    """Return 1 when both are the same after normalisation, else 0.

    >>> exact_match("the Eiffel Tower.", "Eiffel tower"), exact_match("《红楼梦》", "红楼梦")
    (1.0, 1.0)
    """
    return float(normalised(said) == normalised(wanted))


def f1(said: str, wanted: str) -> float:
    """Return the F1 of the overlap: of words as a bag for English, of the longest common run for Chinese.

    >>> round(f1("in 1066 by Rollo", "1066"), 3), round(f1("生于一九六六年", "一九六六年"), 3)
    (0.4, 0.833)
    """
    if has_han(wanted):
        ours, theirs = _HAN_OR_WORD.findall(said.lower()), _HAN_OR_WORD.findall(wanted.lower())
        common = _longest_common_run(ours, theirs)
    else:
        ours, theirs = normalised(said).split(), normalised(wanted).split()
        common = sum((Counter(ours) & Counter(theirs)).values())
    if not ours or not theirs:
        return float(ours == theirs)
    return 2 * common / (len(ours) + len(theirs))


def _longest_common_run(ours: list[str], theirs: list[str]) -> int:
    best, previous = 0, [0] * (len(theirs) + 1)
    for token in ours:
        current = [0] * (len(theirs) + 1)
        for place, other in enumerate(theirs, 1):
            if token == other:
                current[place] = previous[place - 1] + 1
                best = max(best, current[place])
        previous = current
    return best


def contains(quote: str, wanted: str) -> bool:
    """Return whether the quote contains the answer: to the letter but for case, white space and Han script."""
    if is_chinese(wanted):
        return "".join(simplify(wanted).lower().split()) in "".join(simplify(quote).lower().split())
    return " ".join(wanted.lower().split()) in " ".join(quote.lower().split())


def is_source(path: str, source_file: str) -> bool:
    """Return whether `path` is the file that `source_file` names: equal, or its last parts."""
    wanted = PurePath(source_file).parts
    return PurePath(path).parts[-len(wanted) :] == wanted

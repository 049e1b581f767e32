"""Question to cited answer: reading, composing, checking citations, evaluation."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inglenook.answer.answering import Replay as Replay
    from inglenook.answer.answering import ask as ask
    from inglenook.answer.answering import replay as replay
    from inglenook.answer.evaluate import evaluate_answers as evaluate_answers
    from inglenook.answer.reader import relevance as relevance

_PUBLIC = {
    "Replay": "answering",
    "ask": "answering",
    "evaluate_answers": "evaluate",
    "relevance": "reader",
    "replay": "answering",
}


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

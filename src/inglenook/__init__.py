"""Inglenook: a whole language-model system for one's own machine.

Importing does nothing: no files, no network, no environment reads. The public names are loaded on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inglenook.answer import ask as ask
    from inglenook.core.errors import InglenookError as InglenookError
    from inglenook.core.settings import Settings as Settings
    from inglenook.core.settings import load_settings as load_settings
    from inglenook.embed.sentences import SentenceEncoder as SentenceEncoder
    from inglenook.library import Library as Library

__version__ = "0.1.0"

_PUBLIC = {
    "InglenookError": "inglenook.core.errors",
    "Library": "inglenook.library",
    "SentenceEncoder": "inglenook.embed.sentences",
    "Settings": "inglenook.core.settings",
    "ask": "inglenook.answer",
    "load_settings": "inglenook.core.settings",
}
__all__ = sorted(_PUBLIC)  # noqa: PLE0605 - the table above is the one list of public names


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'inglenook' has no attribute {name!r}")

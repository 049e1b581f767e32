"""Filters on documents, as a condition in SQL with bound values; they choose the passages a search may return.

What a filter says is part of the query, not a sieve for its results: a search for ten passages gives ten if the permitted
documents have them. It knows the columns of the table `documents` and nothing else.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from inglenook.core.errors import QueryError

_PARTIAL_DATE = re.compile(r"\d{4}(-\d{2})?(-\d{2})?")


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that a document must meet, all of them; a default value asks for nothing.

    >>> Filters(path="reports/*.pdf", after="2024").to_sql()[1]
    ['*/reports/*.pdf', '2024-01-01']
    """

    path: str | None = None
    """A glob on the end of the path (`*.pdf`, `reports/2024/*`; `*` also crosses folders), or a file or folder name.
    A pattern that starts with `/` or `~` matches the whole path."""
    types: tuple[str, ...] = ()
    """Formats, any of which will do: pdf, md, docx ..."""
    after: str | None = None
    """The file was last modified at or after the start of this day, month or year (UTC): 2024-05-01, 2024-05, 2024."""
    before: str | None = None
    """The file was last modified before the start of this day, month or year (UTC)."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Labels and values, equal as text."""
    language: str | None = None
    """ISO 639-1 code: en, zh."""
    documents: tuple[int, ...] | None = None
    """Document ids, any of which will do; None asks for nothing, an empty tuple permits nothing."""

    def __post_init__(self) -> None:
        for name in ("after", "before"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, _first_day(name, value))

    @property
    def is_empty(self) -> bool:
        """Whether every document passes."""
        return not self.to_sql()[0]

    def to_sql(self) -> tuple[str, list[str]]:
        """Return a condition on the table `documents` ('' when every document passes) and the values to bind to it."""
        conditions: list[str] = []
        values: list[str] = []

        def require(condition: str, *bound: str) -> None:
            conditions.append(condition)
            values.extend(bound)

        if self.path:
            patterns = _path_patterns(self.path)
            require(f"({' OR '.join(['documents.path GLOB ?'] * len(patterns))})", *patterns)
        if self.types:
            types = [name.lower().lstrip(".") for name in self.types]
            require("documents.format IN (SELECT value FROM json_each(?))", json.dumps(types))
        if self.after:
            require("documents.modified_at >= ?", self.after)
        if self.before:
            require("documents.modified_at < ?", self.before)
        for key, value in self.metadata.items():
            require(
                "EXISTS (SELECT 1 FROM json_each(documents.metadata) AS label "
                "WHERE label.key = ? AND CAST(label.value AS TEXT) = ?)",
                key,
                value,
            )
        if self.language:
            require("documents.language = ?", self.language.lower().partition("-")[0])
        if self.documents is not None:
            require("documents.id IN (SELECT value FROM json_each(?))", json.dumps(self.documents))
        return " AND ".join(conditions), values


def _path_patterns(path: str) -> list[str]:
    """Return the globs, one of which a path must match."""
    pattern = str(Path(path).expanduser()) if path.startswith("~") else path
    pattern = pattern.removeprefix("./").rstrip("/").replace("**", "*")
    anchored = pattern if pattern.startswith(("/", "*")) else f"*/{pattern}"
    if any(sign in path for sign in "*?["):
        return [anchored]
    return [anchored, f"{anchored}/*"]


def _first_day(name: str, value: str) -> str:
    """Return the first day of a date, month or year as ISO 8601; a full timestamp is kept to the second, in UTC."""
    text = value.strip()
    if text in ("today", "yesterday"):
        today = datetime.now(UTC).date()
        return (today - timedelta(days=text == "yesterday")).isoformat()
    try:
        if _PARTIAL_DATE.fullmatch(text):
            return date.fromisoformat(f"{text}-01-01"[:10]).isoformat()
        return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="seconds")
    except ValueError as error:
        raise QueryError(f"{name} is {value!r}; write a date like 2024-05-01, 2024-05 or 2024") from error

"""The options that narrow a search, the same in every command that has them."""

import argparse
from typing import TYPE_CHECKING

from inglenook.core.errors import UsageError

if TYPE_CHECKING:
    from inglenook.library.filters import Filters


def add_filter_options(parser: argparse.ArgumentParser) -> None:
    """Declare the filter options."""
    group = parser.add_argument_group("which documents")
    group.add_argument("--path", metavar="GLOB", help="path that fits, e.g. '*/contracts/*.pdf', or a file or folder")
    group.add_argument(
        "--type", action="append", default=[], metavar="FORMAT", help="format: pdf, md, docx ...; may be repeated"
    )
    group.add_argument("--lang", metavar="CODE", help="language: en, zh ...")
    group.add_argument("--after", metavar="DATE", help="modified on or after this day, month or year: 2024-05-01, 2024")
    group.add_argument("--before", metavar="DATE", help="modified before this day, month or year")
    add_label_option(group, "with this label; may be repeated")


def add_label_option(parser: argparse._ActionsContainer, help_text: str) -> None:
    """Declare `--meta`."""
    parser.add_argument("--meta", action="append", default=[], metavar="KEY=VALUE", help=help_text)


def filters_from(arguments: argparse.Namespace) -> "Filters | None":
    """Return the filters that the options ask for; None when they ask for nothing."""
    from inglenook.library.filters import Filters

    filters = Filters(
        path=arguments.path,
        types=tuple(arguments.type),
        after=arguments.after,
        before=arguments.before,
        metadata=labels(arguments.meta),
        language=arguments.lang,
    )
    return None if filters.is_empty else filters


def labels(words: list[str]) -> dict[str, str]:
    """Return `["client=acme"]` as a mapping.

    Raises:
        UsageError: a word without `=`, or without a key before it.
    """
    found = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key:
            raise UsageError(f"--meta is {word!r}; write it as KEY=VALUE, for instance client=acme")
        found[key] = value
    return found

"""What every command is handed: the parsed words, the terminal, the settings, and the door to the library."""

import argparse
from functools import cached_property
from typing import TYPE_CHECKING

from inglenook.cli.terminal import Terminal
from inglenook.core.settings import Origin, Settings, load_settings

if TYPE_CHECKING:
    from inglenook.library import Library

OK, FAILED, NOTHING_FOUND, INTERRUPTED = 0, 1, 5, 130
"""Exit codes that are not an error's own; `core.errors` has 2 (usage), 3 (not found), 4 (store) and 70 (our fault)."""


class Session:
    """One run of one command."""

    def __init__(self, arguments: argparse.Namespace, terminal: Terminal) -> None:
        self.arguments = arguments
        self.terminal = terminal

    @cached_property
    def _loaded(self) -> tuple[Settings, list[Origin]]:
        flags = {name: getattr(self.arguments, name, None) for name in ("home", "library")}
        return load_settings(flags)

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._loaded[0]

    @property
    def origins(self) -> list[Origin]:
        """Where each setting came from."""
        return self._loaded[1]

    def open_library(self, *, create: bool = False, read_only: bool = False) -> "Library":
        """Open the library that the flags and settings name."""
        from inglenook.library import Library

        return Library.open(settings=self.settings, create=create, read_only=read_only)

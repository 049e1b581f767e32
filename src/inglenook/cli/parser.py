"""Argument parsing: argparse, with commands that load when they are named and errors that suggest the nearest word.

Knows nothing of what the commands do. A command's parser is filled in at its first use, so `inglenook --help` imports none.
"""

import argparse
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from inglenook import __version__
from inglenook.core.errors import UsageError


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `UsageError` in place of printing and exiting."""

    def __init__(self, *, configure: Callable[["Parser"], None] | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **kwargs)
        self._configure = configure
        self._is_inside_intermixed = False

    def configured(self) -> "Parser":
        """Return this parser with its arguments declared, which happens once, at first use."""
        configure, self._configure = self._configure, None
        if configure is not None:
            configure(self)
            add_global_options(self)
        return self

    def add_commands(self, dest: str) -> "argparse._SubParsersAction[Parser]":
        """Return the place to hang sub-commands on; its `add_parser` takes `configure`."""
        return self.add_subparsers(dest=dest, metavar="COMMAND", required=True, parser_class=Parser)

    def commands(self) -> dict[str, "Parser"]:
        """Return the sub-commands by name; empty for a command that has none."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - argparse has no public name for it
                return dict(action.choices)
        return {}

    def option(self, word: str) -> argparse.Action | None:
        """Return the option that `word` names (`--limit`), or None."""
        return self._option_string_actions.get(word)

    def options(self) -> list[argparse.Action]:
        """Return every option in the order of the help, without repeats."""
        return [action for action in self._actions if action.option_strings]

    def positionals(self) -> list[argparse.Action]:
        """Return the arguments that are known by their place."""
        return [action for action in self._actions if not action.option_strings]

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse; options may stand between the arguments, and an unknown option of a command is an error here."""
        if self._is_inside_intermixed:
            return super().parse_known_args(args, namespace)
        self.configured()
        if self.commands():
            return super().parse_known_args(args, namespace)
        self._is_inside_intermixed = True
        try:
            found, unknown = self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_inside_intermixed = False
        self.refuse_unknown(unknown)
        return found, []

    def refuse_unknown(self, words: Sequence[str]) -> None:
        """Raise `UsageError` for the first word that no argument took."""
        if not words:
            return
        word = words[0].split("=")[0]
        if word.startswith("-"):
            self.error(f"no option {word!r}{nearest(word, self._option_string_actions)}")
        self.error(f"one argument too many: {word!r}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as in `commands`
                self.error(f"no command {value!r}{nearest(str(value), known)}")
            name = action.option_strings[-1] if action.option_strings else str(action.metavar or action.dest)
            hint = nearest(str(value), known) or ";"
            self.error(f"{name} is {value!r}{hint} choose {spoken(known)}")

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError` with the message and where the help is."""
        raise UsageError(f"{message.removeprefix('argument ')}; see: {self.prog} --help")


def add_global_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options that stand before or after any command."""
    group = parser.add_argument_group("options of every command")
    suppress: Any = argparse.SUPPRESS
    group.add_argument("--library", metavar="NAME", default=suppress, help="the library to use (setting: library)")
    group.add_argument(
        "--home", metavar="DIR", default=suppress, help="the folder of libraries and models (setting: home)"
    )
    group.add_argument("--json", action="store_true", default=suppress, help="print one JSON object, for programs")
    group.add_argument("--quiet", action="store_true", default=suppress, help="no progress and no notes; errors remain")
    group.add_argument(
        "--version", action="version", version=f"inglenook {__version__}", help="print the version and exit"
    )


def add_examples(parser: argparse.ArgumentParser, *examples: str) -> None:
    """Put examples beneath a command's help."""
    parser.epilog = "examples:\n" + "\n".join(f"  {example}" for example in examples)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'search'?`, or nothing when no known word is near."""
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def spoken(words: Sequence[str]) -> str:
    """Return `a, b or c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def positive(text: str) -> int:
    """Return a whole number of at least 1, for `type=`."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def natural(text: str) -> int:
    """Return a whole number of at least 0, for `type=`."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)

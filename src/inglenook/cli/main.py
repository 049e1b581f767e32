"""The entry point: find the command, run it, turn every error into one line and an exit code."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from inglenook import __version__
from inglenook.cli.parser import Parser, add_examples, add_global_options
from inglenook.cli.terminal import Terminal
from inglenook.core.errors import InglenookError, InternalError, StoreFullError

COMMANDS: dict[str, dict[str, str]] = {
    "documents": {
        "add": "add files and folders; again: only what changed",
        "sync": "bring followed folders up to date",
        "watch": "follow folders until stopped",
        "documents": "list the documents of a library",
        "show": "show a document and its extracted text",
        "remove": "take documents or followed folders out of a library",
    },
    "questions": {
        "ask": "answer a question, with citations that can be checked",
        "search": "find passages",
        "replay": "give a stored answer again and compare it with today's",
    },
    "libraries": {
        "libraries": "list the libraries",
        "export": "write a library as JSON lines",
        "backup": "copy a library while it is in use",
        "doctor": "check a library, and repair what can be rebuilt",
        "reembed": "change the sentence encoder, or go back",
    },
    "set-up": {
        "config": "print each setting and where it comes from",
        "pull": "fetch a sentence encoder into the model store",
        "completion": "complete commands in bash, zsh or fish",
    },
    "measurement": {"eval": "measure retrieval or answers on questions with known answers"},
}
_EXAMPLES = (
    "inglenook add ~/notes report.pdf",
    'inglenook ask "when does the warranty end?"',
    "inglenook search warranty --type pdf",
)


class _TopParser(Parser):
    def format_help(self) -> str:
        """Return the help: the commands by what they are for."""
        lines = ["inglenook: answers from your own documents, on this machine, with citations you can check", ""]
        lines += ["usage: inglenook COMMAND ...; inglenook COMMAND --help tells more", ""]
        for group, commands in COMMANDS.items():
            lines += [f"{group}:", *(f"  {name:<11} {summary}" for name, summary in commands.items()), ""]
        options = self._get_formatter()
        options.start_section("options of every command")
        options.add_arguments(self._action_groups[-1]._group_actions)  # noqa: SLF001 - our own group
        options.end_section()
        return "\n".join(lines) + f"\n{options.format_help()}\n{self.epilog}\n"


def build_parser() -> Parser:
    """Return the parser of the whole command line; the commands' own modules load when they are named."""
    parser = _TopParser(prog="inglenook")
    commands = parser.add_commands("command")
    for group in COMMANDS.values():
        for name, summary in group.items():
            commands.add_parser(name, help=summary, description=summary + ".", configure=_configurer(name))
    add_global_options(parser)
    add_examples(parser, *_EXAMPLES)
    return parser


def _configurer(name: str) -> Any:
    def configure(parser: Parser) -> None:
        module = import_module(f"inglenook.cli.commands.{name}")
        module.configure(parser)
        if not parser.commands():
            parser.set_defaults(run=module.run)

    return configure


def main() -> NoReturn:
    """Run the command line of this process and exit with its code: the console script `inglenook`."""
    sys.exit(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a stream that cannot write Chinese
    if words and words[0] == "__complete":
        from inglenook.cli.completion import complete

        return complete(words[1:], sys.stdout)
    terminal = Terminal(sys.stdout, sys.stderr, os.environ, is_json="--json" in words, is_quiet="--quiet" in words)
    try:
        return _run(words, terminal)
    except KeyboardInterrupt:
        terminal.warn("stopped; what was reported as added is kept, and the same command goes on from there")
        return 130
    except BrokenPipeError:  # the reader of our output went away: `inglenook documents | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        if os.environ.get("INGLENOOK_DEBUG"):
            raise
        return _report(error, terminal)


def _run(words: Sequence[str], terminal: Terminal) -> int:
    from inglenook.cli.session import Session

    parser = build_parser()
    if not words:
        parser.print_help()
        return 0
    if words[0].startswith("-") and parser.option(words[0].split("=")[0]) is None:
        parser.refuse_unknown(words)
    arguments, unknown = parser.parse_known_args(words)
    parser.refuse_unknown(unknown)
    code: int = arguments.run(Session(arguments, terminal))
    terminal.out.flush()
    return code


def _report(error: Exception, terminal: Terminal) -> int:
    known = _as_known(error)
    if terminal.is_json:
        terminal.json({"error": {"kind": type(known).__name__, "message": str(known), "exit_code": known.exit_code}})
    terminal.warn("inglenook: ", str(known))
    return known.exit_code


def _as_known(error: Exception) -> InglenookError:
    if isinstance(error, InglenookError):
        return error
    if isinstance(error, OSError):
        import errno

        name = f"{error.filename}: " if error.filename else ""
        text = f"{name}{(error.strerror or str(error)).lower()}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StoreFullError(f"{text}; make room and run the same command again")
        return InglenookError(text)
    return InternalError(
        f"{type(error).__name__}: {error}; this is a fault of inglenook {__version__}: "
        "run the command again with INGLENOOK_DEBUG=1 and report what it prints"
    )


if __name__ == "__main__":
    main()

"""`inglenook completion`: teach the shell to complete commands, options and library names."""

import os
from pathlib import Path

from inglenook.cli.completion import SCRIPTS, script_path
from inglenook.cli.parser import Parser, add_examples, spoken
from inglenook.cli.passages import short_path
from inglenook.cli.session import OK, Session
from inglenook.core.errors import UsageError

_SHELLS = list(SCRIPTS)


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    parser.add_argument(
        "action", choices=["install", "show"], help="write the script where the shell looks, or print it"
    )
    parser.add_argument("--shell", choices=_SHELLS, help="the shell; found from $SHELL when not given")
    add_examples(parser, "inglenook completion install", "inglenook completion show --shell fish")


def run(session: Session) -> int:
    """Print or install the script."""
    shell = session.arguments.shell or Path(os.environ.get("SHELL", "")).name
    if shell not in SCRIPTS:
        raise UsageError(f"the shell {shell!r} is not known here; name one with --shell {spoken(_SHELLS)}")
    path = script_path(shell, Path.home())
    is_install = session.arguments.action == "install"
    if is_install:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SCRIPTS[shell], encoding="utf-8")
    if session.terminal.is_json:
        session.terminal.json({"shell": shell, "path": str(path), "installed": is_install, "script": SCRIPTS[shell]})
    elif is_install:
        session.terminal.line(f"wrote {short_path(str(path))}; it works in the next {shell}")
        if shell == "zsh":
            session.terminal.status(
                "zsh needs these lines in ~/.zshrc once: fpath=(~/.zfunc $fpath); autoload -U compinit; compinit"
            )
    else:
        session.terminal.body(SCRIPTS[shell])
    return OK

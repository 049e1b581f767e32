"""What a half-typed command line could go on with, and the few lines that teach it to bash, zsh and fish.

The shells hand the words typed so far to `inglenook __complete`; commands, options and choices come from the same parser
that reads the real command line, library names from the folder of libraries.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from inglenook.cli.main import build_parser
from inglenook.cli.parser import Parser
from inglenook.core.errors import InglenookError
from inglenook.core.settings import load_settings

SCRIPTS = {
    "bash": """\
_inglenook() {
    local IFS=$'\\n'
    COMPREPLY=($(inglenook __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]] && compopt -o nospace
    return 0
}
complete -o default -F _inglenook inglenook
""",
    "zsh": """\
#compdef inglenook
_inglenook() {
    local -a found
    found=("${(@f)$(inglenook __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n ${found[1]} ]]; then compadd -a found; else _files; fi
}
compdef _inglenook inglenook
""",
    "fish": """\
complete -c inglenook -a '(inglenook __complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
""",
}


def script_path(shell: str, user_home: Path) -> Path:
    """Return where the shell looks for a person's own completions."""
    return {
        "bash": user_home / ".local/share/bash-completion/completions/inglenook",
        "zsh": user_home / ".zfunc/_inglenook",
        "fish": user_home / ".config/fish/completions/inglenook.fish",
    }[shell]


def complete(words: Sequence[str], out: TextIO) -> int:
    """Write one candidate a line for the last word; a failure writes nothing, for nobody asked yet."""
    try:
        out.writelines(candidate + "\n" for candidate in candidates(words))
    except InglenookError:
        return 1
    return 0


def candidates(words: Sequence[str]) -> Iterator[str]:
    """Yield what the last of `words` could become."""
    *before, last = words or [""]
    parser, previous = _innermost(before)
    option = parser.option(previous) if previous else None
    if option is not None and option.nargs != 0:
        values = _values(option.dest, option.choices, before)
    elif last.startswith("-"):
        values = [word for action in parser.options() for word in action.option_strings if word.startswith("--")]
    else:
        values = list(parser.commands())
        for action in parser.positionals():
            if not parser.commands():
                values += _values(action.dest, action.choices, before)
    return (value for value in values if value.startswith(last))


def _innermost(before: Sequence[str]) -> tuple[Parser, str]:
    """Return the parser of the command that the words name, and the word before the one being typed."""
    parser = build_parser()
    for word in before:
        inner = parser.commands().get(word)
        if inner is not None:
            parser = inner.configured()
    return parser, before[-1] if before else ""


def _values(dest: str, choices: object, before: Sequence[str]) -> list[str]:
    if dest != "library":
        return [str(choice) for choice in choices] if isinstance(choices, Sequence) else []
    home = before[before.index("--home") + 1] if "--home" in before[:-1] else None
    settings, _ = load_settings({"home": home})
    try:
        return sorted(entry.name for entry in settings.libraries_path.iterdir() if entry.is_dir())
    except OSError:
        return []

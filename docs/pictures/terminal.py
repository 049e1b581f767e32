"""Draw a real terminal session as SVG: run each command in a pseudo-terminal and keep its colours.

    python docs/pictures/terminal.py docs/pictures/ask.svg 'inglenook ask "When does the warranty end?"' ...
"""

import os
import pty
import re
import shlex
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS = 100


def run_in_terminal(command: str) -> str:
    """Return everything the command writes to a terminal of 100 columns, links taken out, colours kept."""
    written = bytearray()

    def keep(descriptor: int) -> bytes:
        data = os.read(descriptor, 65536)
        written.extend(data)
        return data

    os.environ.update(COLUMNS=str(COLUMNS), TERM="xterm-256color")
    pty.spawn(shlex.split(command), keep)
    text = written.decode("utf-8", "replace").replace("\r\n", "\n")
    return re.sub(r"\x1b\]8;[^\x1b\x07]*(?:\x1b\\|\x07)", "", text)


def main() -> None:
    target, *commands = sys.argv[1:]
    console = Console(record=True, width=COLUMNS, file=Path(os.devnull).open("w", encoding="utf-8"))
    for command in commands:
        console.print(Text(f"$ {command}", style="bold"))
        console.print(Text.from_ansi(run_in_terminal(command)))
    console.save_svg(target, title="inglenook")


if __name__ == "__main__":
    main()

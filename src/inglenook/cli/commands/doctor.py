"""`inglenook doctor`: is every stored byte what it should be, and is everything there that answers need?"""

from inglenook.cli.parser import Parser, add_examples
from inglenook.cli.session import FAILED, OK, Session
from inglenook.cli.terminal import Piece

_STYLES = {"ok": "green", "warning": "yellow", "error": "red"}


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    parser.add_argument("--repair", action="store_true", help="rebuild what can be rebuilt from the stored documents")
    add_examples(parser, "inglenook doctor", "inglenook doctor --library work --repair", "inglenook doctor --json")


def run(session: Session) -> int:
    """Check, perhaps repair, and print each finding; a failed check is exit code 1."""
    with session.open_library() as library:
        report = library.doctor(repair=session.arguments.repair)
    terminal = session.terminal
    if terminal.is_json:
        checks = [{"name": check.name, "state": check.state, "message": check.message} for check in report.checks]
        terminal.json({"healthy": report.is_healthy, "checks": checks, "repaired": list(report.repaired)})
    else:
        width = max((len(check.name) for check in report.checks), default=0)
        for check in report.checks:
            terminal.line(
                Piece(f"{check.state:<8}", _STYLES.get(check.state, "")), f"{check.name:<{width}}  {check.message}"
            )
        for line in report.repaired:
            terminal.line(Piece("repaired", "green"), f" {line}")
    return OK if report.is_healthy else FAILED

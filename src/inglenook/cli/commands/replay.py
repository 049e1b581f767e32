"""`inglenook replay`: a stored answer as it was given, and what today's library would change in it."""

from inglenook.cli.commands.ask import answer_json, show_answer
from inglenook.cli.parser import Parser, add_examples
from inglenook.cli.session import OK, Session
from inglenook.cli.terminal import Piece


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    parser.add_argument("answer_id", metavar="ID", help="the id that `inglenook ask` printed")
    add_examples(parser, "inglenook replay 7f3a9c", "inglenook replay 7f3a9c --json")


def run(session: Session) -> int:
    """Show the recorded answer and each difference."""
    from inglenook.answer import replay

    terminal = session.terminal
    with session.open_library(read_only=True) as library:
        done = replay(session.arguments.answer_id, library)
    differences = list(done.differences)
    if terminal.is_json:
        terminal.json(
            {"recorded": answer_json(done.recorded), "now": answer_json(done.now), "differences": differences}
        )
        return OK
    show_answer(terminal, done.recorded)
    terminal.line()
    if not differences:
        terminal.line("the library gives the same answer today")
        return OK
    terminal.line(Piece("what changed since:", "bold"))
    for difference in differences:
        terminal.line("- ", str(difference))
    terminal.line()
    show_answer(terminal, done.now)
    return OK

"""`inglenook reembed`: a second set of vectors beside the first, switched to when it is complete; and the way back."""

from inglenook.cli.parser import Parser, add_examples
from inglenook.cli.progress import Bar
from inglenook.cli.session import OK, Session
from inglenook.cli.terminal import Piece


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--model", metavar="NAME", help="the sentence encoder to change to: a name, or a folder")
    choice.add_argument("--rollback", action="store_true", help="go back to the encoder used before")
    add_examples(
        parser,
        "inglenook reembed --model BAAI/bge-small-zh-v1.5",
        "inglenook reembed --rollback",
        "inglenook reembed --model ~/models/my-encoder --library work --json",
    )


def run(session: Session) -> int:
    """Build the second set and switch, or switch back."""
    arguments, terminal = session.arguments, session.terminal
    with session.open_library() as library, Bar(terminal, "passages") as bar:
        if arguments.rollback:
            name = library.rollback_encoder()
        else:
            name = arguments.model
            library.reembed(name, on_progress=lambda event: bar.update(event.done, event.total))
    if terminal.is_json:
        terminal.json({"encoder": name, "rolled_back": arguments.rollback})
    else:
        back = "back to " if arguments.rollback else ""
        terminal.line(f"library {session.settings.library} now searches with ", back, Piece(name, "bold"))
    return OK

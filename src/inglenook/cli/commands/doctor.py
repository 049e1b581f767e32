"""`inglenook doctor`: is every stored byte what it should be, and is everything there that answers need?"""

from inglenook.cli.parser import Parser, add_examples
from inglenook.cli.session import FAILED, OK, Session
from inglenook.cli.terminal import Piece


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    parser.add_argument("--repair", action="store_true", help="rebuild what can be rebuilt from the stored documents")
    add_examples(parser, "inglenook doctor", "inglenook doctor --library work --repair", "inglenook doctor --json")

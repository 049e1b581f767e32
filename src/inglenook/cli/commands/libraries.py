"""`inglenook libraries`: which libraries there are."""

from inglenook.cli.parser import Parser, add_examples
from inglenook.cli.passages import short_path
from inglenook.cli.session import OK, Session
from inglenook.cli.terminal import Piece


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    add_examples(parser, "inglenook libraries", "inglenook libraries --home /mnt/stick/inglenook --json")

"""`inglenook reembed`: a second set of vectors beside the first, switched to when it is complete; and the way back."""

from inglenook.cli.parser import Parser, add_examples
from inglenook.cli.session import OK, Session


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

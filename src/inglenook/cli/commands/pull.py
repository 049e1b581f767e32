"""`inglenook pull`: fetch a sentence encoder into the model store; the one command that uses the network."""

from inglenook.cli.parser import Parser, add_examples
from inglenook.cli.session import OK, Session


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    parser.add_argument("name", help="a model on the Hugging Face hub: OWNER/NAME")
    add_examples(
        parser, "inglenook pull sentence-transformers/all-MiniLM-L6-v2", "inglenook pull BAAI/bge-small-zh-v1.5 --json"
    )

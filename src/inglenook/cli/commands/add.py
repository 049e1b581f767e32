"""`inglenook add`: files and folders into a library; a second time, only what changed."""

from inglenook.cli.parser import Parser, add_examples
from inglenook.cli.session import Session


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, or a folder to take whole and to follow")
    parser.add_argument(
        "--meta", action="append", default=[], metavar="KEY=VALUE", help="a label to filter by; may be repeated"
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 when any file failed")
    add_examples(
        parser,
        "inglenook add ~/notes report.pdf",
        "inglenook add ~/contracts --library work --meta client=acme",
        "inglenook add ~/notes --json",
    )

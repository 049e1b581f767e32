"""`inglenook pull`: fetch a sentence encoder into the model store; the one command that uses the network."""

from inglenook.cli.parser import Parser, add_examples
from inglenook.cli.progress import Bar
from inglenook.cli.session import OK, Session
from inglenook.cli.terminal import Piece


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    parser.add_argument("name", help="a model on the Hugging Face hub: OWNER/NAME")
    add_examples(
        parser, "inglenook pull sentence-transformers/all-MiniLM-L6-v2", "inglenook pull BAAI/bge-small-zh-v1.5 --json"
    )


def run(session: Session) -> int:
    """Fetch and say where it is."""
    from inglenook.models.hub import pull

    name, terminal = session.arguments.name, session.terminal
    terminal.status(f"fetching {name} from the hub")
    with Bar(terminal, "MB") as bar:
        path = pull(
            name,
            session.settings.models_path,
            on_progress=lambda file, done, total: bar.update(done // 1_000_000, total // 1_000_000, label=file),
        )
    if terminal.is_json:
        terminal.json({"name": name, "path": str(path)})
        return OK
    terminal.line("fetched ", Piece(name, "bold"), f" to {path}")
    terminal.status(f"use it in a library: inglenook reembed --model {name}; in new ones: INGLENOOK_ENCODER={name}")
    return OK

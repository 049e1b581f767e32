"""`inglenook config`: each setting, its value and where the value comes from."""

from dataclasses import fields

from inglenook.cli.parser import Parser, add_examples
from inglenook.cli.session import OK, Session
from inglenook.cli.terminal import Piece
from inglenook.core.settings import Settings


def configure(parser: Parser) -> None:
    """Declare the words of the command."""
    add_examples(parser, "inglenook config", "INGLENOOK_THREADS=1 inglenook config", "inglenook config --json")


def run(session: Session) -> int:
    """Print each setting."""
    help_texts = {spec.name: spec.metadata["help"] for spec in fields(Settings)}
    origins = session.origins
    if session.terminal.is_json:
        session.terminal.json(
            {
                "config_path": str(session.settings.home / "config.toml"),
                "settings": [
                    {
                        "name": o.name,
                        "value": o.value if isinstance(o.value, str | int) else str(o.value),
                        "origin": o.origin,
                        "help": help_texts[o.name],
                    }
                    for o in origins
                ],
            }
        )
        return OK
    width = max(len(o.name) for o in origins)
    for o in origins:
        session.terminal.line(f"{o.name:<{width}}  ", Piece(str(o.value), "bold"), Piece(f"  ({o.origin})", "dim"))
        session.terminal.line(Piece(f"{'':<{width}}  {help_texts[o.name]}", "dim"))
    session.terminal.status(
        "change one: a flag, INGLENOOK_NAME in the environment, or ", str(session.settings.home / "config.toml")
    )
    return OK

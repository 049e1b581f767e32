"""Settings and where each value came from.

Precedence is fixed: command-line flag, environment (`INGLENOOK_*`), the file `config.toml` in the home folder, default.
Nothing is read at import; `load_settings` reads when it is called.
"""

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from inglenook.core.errors import UsageError

DEFAULT_HOME = Path("~/.inglenook")


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting that a person can change, with its default.

    `field(metadata={"help": ...})` feeds `inglenook config` and the docs.
    """

    home: Path = field(default=DEFAULT_HOME, metadata={"help": "where libraries and models live"})
    library: str = field(default="default", metadata={"help": "the library used when none is named"})
    encoder: str = field(
        default="sentence-transformers/all-MiniLM-L6-v2",
        metadata={"help": "sentence encoder: a model name, or a folder in the Hugging Face layout"},
    )
    precision: str = field(default="auto", metadata={"help": "encoder arithmetic: auto, int8, bf16 or fp32"})
    threads: int = field(default=0, metadata={"help": "threads for model arithmetic; 0 takes every core"})
    chunk_tokens: int = field(default=200, metadata={"help": "token budget of a passage"})
    parser_memory_mb: int = field(default=512, metadata={"help": "memory limit of the process that parses files"})
    parser_seconds: int = field(
        default=120, metadata={"help": "time limit for parsing one file, in seconds of silence"}
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "home", Path(self.home).expanduser().absolute())
        if self.precision not in ("auto", "int8", "bf16", "fp32"):
            raise UsageError(f"precision is {self.precision!r}; choose auto, int8, bf16 or fp32")
        for name, low, high in (
            ("threads", 0, 1024),
            ("chunk_tokens", 16, 8192),
            ("parser_memory_mb", 128, 1 << 20),
            ("parser_seconds", 1, 86400),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(f"{name} is {value}; it must lie between {low} and {high}")

    @property
    def libraries_path(self) -> Path:
        """The folder that holds one folder per library."""
        return self.home / "libraries"

    @property
    def models_path(self) -> Path:
        """The folder of the model store."""
        return self.home / "models"


@dataclass(frozen=True, slots=True)
class Origin:
    """One setting's value and where it came from."""

    name: str
    value: Any
    origin: str
    """`flag`, `environment NAME`, `file PATH` or `default`."""


def load_settings(
    flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
) -> tuple[Settings, list[Origin]]:
    """Return the settings in force and each one's origin.

    Args:
        flags: values given on the command line; None values count as not given.
        environment: the environment to read; the process's own when None.

    Raises:
        UsageError: an unknown name, or a value of the wrong type or range.
    """
    environment = os.environ if environment is None else environment
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    home = Path(given.get("home") or environment.get("INGLENOOK_HOME") or DEFAULT_HOME).expanduser().absolute()
    config_path = home / "config.toml"
    from_file = _read_config(config_path)
    values: dict[str, Any] = {}
    origins: list[Origin] = []
    for spec in fields(Settings):
        variable = f"INGLENOOK_{spec.name.upper()}"
        if spec.name in given:
            value, origin = given[spec.name], "flag"
        elif variable in environment:
            value, origin = environment[variable], f"environment {variable}"
        elif spec.name in from_file:
            value, origin = from_file[spec.name], f"file {config_path}"
        else:
            value, origin = spec.default, "default"
        values[spec.name] = _convert(spec.name, value, type(spec.default), origin)
        origins.append(Origin(spec.name, values[spec.name], origin))
    settings = Settings(**values)
    return settings, [replace(o, value=getattr(settings, o.name)) for o in origins]


def _read_config(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return {}
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}; mend the line or delete the file") from error
    known = {spec.name for spec in fields(Settings)}
    for name in table:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise UsageError(f"{path} sets {name!r}, which is no setting{hint} known: {', '.join(sorted(known))}")
    return table


def _convert(name: str, value: Any, kind: Callable[[Any], Any], origin: str) -> Any:
    try:
        return kind(value)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{name} from {origin} is {value!r}; it must be of type {getattr(kind, '__name__', kind)}"
        ) from error

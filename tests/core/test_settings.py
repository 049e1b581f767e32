"""Settings: precedence, origins, and messages for what cannot be."""

from dataclasses import fields
from pathlib import Path

import pytest

from inglenook.core.errors import UsageError
from inglenook.core.settings import Settings, load_settings


def origins_of(home: Path, flags: dict | None = None, environment: dict | None = None) -> dict[str, tuple]:
    _, origins = load_settings(flags, {"INGLENOOK_HOME": str(home), **(environment or {})})
    return {o.name: (o.value, o.origin) for o in origins}


def test_defaults_hold_where_nothing_is_said(tmp_path: Path):
    """An empty environment and no file give the dataclass's own defaults."""
    settings, origins = load_settings(environment={"HOME": str(tmp_path)})

    assert settings == Settings()
    assert {o.origin for o in origins} == {"default"}


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path):
    """The order is fixed, and each value says where it came from."""
    (tmp_path / "config.toml").write_text('threads = 3\nlibrary = "filed"\nencoder = "filed"\n')

    found = origins_of(tmp_path, {"encoder": "flagged"}, {"INGLENOOK_ENCODER": "env", "INGLENOOK_LIBRARY": "env"})

    assert found["encoder"] == ("flagged", "flag")
    assert found["library"] == ("env", "environment INGLENOOK_LIBRARY")
    assert found["threads"] == (3, f"file {tmp_path / 'config.toml'}")
    assert found["precision"] == ("auto", "default")
    assert found["home"] == (tmp_path, "environment INGLENOOK_HOME")


def test_a_flag_of_none_counts_as_not_given(tmp_path: Path):
    """Commands pass every flag they have without asking which were set."""
    assert origins_of(tmp_path, {"library": None})["library"] == ("default", "default")


def test_every_setting_has_a_line_of_help():
    """`inglenook config` explains each setting."""
    assert all(spec.metadata["help"].strip() for spec in fields(Settings))


def test_the_home_flag_decides_which_file_is_read(tmp_path: Path):
    """`--home` moves the settings file with everything else."""
    (tmp_path / "config.toml").write_text("threads = 5\n")

    settings, _ = load_settings({"home": str(tmp_path)}, {"INGLENOOK_HOME": "/nowhere"})

    assert settings.threads == 5
    assert settings.libraries_path == tmp_path / "libraries"
    assert settings.models_path == tmp_path / "models"


def test_an_unknown_name_in_the_file_suggests_the_nearest(tmp_path: Path):
    """A misspelt setting is an error, never silently ignored."""
    (tmp_path / "config.toml").write_text("thread = 5\n")

    with pytest.raises(UsageError, match="'thread', which is no setting; did you mean 'threads'"):
        origins_of(tmp_path)


def test_a_file_that_is_no_toml_says_where(tmp_path: Path):
    """The message names the file and the place."""
    (tmp_path / "config.toml").write_text("threads: 5\n")

    with pytest.raises(UsageError, match=r"config\.toml is not valid TOML"):
        origins_of(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("INGLENOOK_THREADS", "many", "threads from environment INGLENOOK_THREADS is 'many'; it must be of type int"),
        ("INGLENOOK_THREADS", "-1", "threads is -1; it must lie between 0 and 1024"),
        ("INGLENOOK_CHUNK_TOKENS", "3", "chunk_tokens is 3; it must lie between 16 and 8192"),
        ("INGLENOOK_PRECISION", "int4", "precision is 'int4'; choose auto, int8, bf16 or fp32"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_the_range(tmp_path: Path, name: str, value: str, message: str):
    """The message has the name, the value and what is allowed."""
    with pytest.raises(UsageError, match=message):
        origins_of(tmp_path, environment={name: value})


def test_settings_cannot_change_once_made():
    """What was printed is what is in force."""
    with pytest.raises(AttributeError):
        Settings().threads = 4  # type: ignore[misc]

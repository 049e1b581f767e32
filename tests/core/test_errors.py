"""The one tree of errors: its drawing is true, and each error carries its exit code."""

import inspect
from pathlib import Path

import pytest

from inglenook.core import errors

ALL = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]


def test_every_error_descends_from_the_root():
    """Catching `InglenookError` catches every error that is raised on purpose."""
    assert len(ALL) > 10
    assert all(issubclass(kind, errors.InglenookError) for kind in ALL)


def test_the_drawing_shows_each_error_beneath_its_parent():
    """The tree in the module's docstring is the class tree."""
    above: list[tuple[int, str]] = []
    drawn: dict[str, str | None] = {}
    for line in (errors.__doc__ or "").splitlines():
        words = line.lstrip(" │├└─").split()
        if not words or not words[0].endswith("Error") or words[0] not in {kind.__name__ for kind in ALL}:
            continue
        depth = line.index(words[0])
        above = [(d, name) for d, name in above if d < depth]
        drawn[words[0]] = above[-1][1] if above else None
        above.append((depth, words[0]))

    assert drawn.pop("InglenookError") is None
    assert drawn == {k.__name__: k.__bases__[0].__name__ for k in ALL if k is not errors.InglenookError}


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.InglenookError, 1),
        (errors.UsageError, 2),
        (errors.QueryError, 2),
        (errors.NotFoundError, 3),
        (errors.StoreError, 4),
        (errors.StoreFullError, 4),
        (errors.InternalError, 70),
    ],
)
def test_an_error_has_the_exit_code_of_its_branch(kind: type[errors.InglenookError], code: int):
    """Scripts can tell a wrong option from a missing library from a full disk."""
    assert kind("x").exit_code == code


def test_a_read_error_names_the_file_and_keeps_the_reason_apart():
    """A list of failed files prints path and reason in columns of its own."""
    error = errors.LimitError("big.zip", "unpacks to 9 GB, more than 1 GB")

    assert str(error) == "big.zip: unpacks to 9 GB, more than 1 GB"
    assert error.path == Path("big.zip")
    assert error.reason == "unpacks to 9 GB, more than 1 GB"

"""The words of the domain hold together."""

from dataclasses import FrozenInstanceError

import pytest

from inglenook.core.types import Block, BlockKind, Chunk, Part


def test_a_part_ends_after_its_last_character():
    """Offsets are half-open, in code points, into the whole document."""
    part = Part(100, "质保期 ends", ())

    assert part.char_end == 100 + 8


def test_searchable_text_puts_the_context_before_the_passage():
    """The heading path is indexed with the passage, and the passage alone is quoted."""
    with_context = Chunk(0, 3, "the", None, 1, 1, ("Terms",), context="Guide > Terms")
    without = Chunk(0, 3, "the", None, 1, 1, ())

    assert with_context.searchable_text == "Guide > Terms\nthe"
    assert without.searchable_text == "the"


def test_records_are_frozen():
    """A record that was handed over does not change under its reader."""
    block = Block(BlockKind.PARAGRAPH, 0, 4)

    with pytest.raises(FrozenInstanceError):
        block.char_end = 5  # type: ignore[misc]


def test_block_kinds_are_plain_words():
    """Kinds are stored and printed as they are spelt."""
    assert [str(kind) for kind in BlockKind] == [
        "heading",
        "paragraph",
        "list_item",
        "code",
        "table_header",
        "table_row",
    ]

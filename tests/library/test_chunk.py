"""Cutting by structure: verbatim, within budget, never across a page or heading."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from inglenook.core.types import Block, BlockKind, Part
from inglenook.library.chunk import chunk_parts, estimate_tokens

WORDS = "The warranty of this part ends after two years of normal use. "


def parts_of(*blocks: tuple[BlockKind, str, tuple[str, ...], int | None]) -> list[Part]:
    """Build a part per block, blank lines between."""
    parts, place, line = [], 0, 1
    for kind, text, heading, page in blocks:
        end_line = line + text.count("\n")
        block = Block(kind, place, place + len(text), page, line, end_line, heading)
        parts.append(Part(place, text + "\n\n", (block,)))
        place, line = place + len(text) + 2, end_line + 2
    return parts


def paragraph(text: str, heading: tuple[str, ...] = (), page: int | None = None):
    return BlockKind.PARAGRAPH, text, heading, page


def test_small_neighbours_share_a_passage_and_headings_part_them() -> None:
    """Paragraphs under one heading are joined while they fit; another heading begins another passage."""
    parts = parts_of(
        (BlockKind.HEADING, "Alpha", ("Alpha",), None),
        paragraph("One.", ("Alpha",)),
        paragraph("Two.", ("Alpha",)),
        (BlockKind.HEADING, "Beta", ("Alpha", "Beta"), None),
        paragraph("Three.", ("Alpha", "Beta")),
    )

    chunks = list(chunk_parts(parts, "Book"))

    assert [chunk.text for chunk in chunks] == ["Alpha\n\nOne.\n\nTwo.", "Beta\n\nThree."]
    assert [chunk.context for chunk in chunks] == ["Book", "Book › Alpha"]
    assert [chunk.heading for chunk in chunks] == [("Alpha",), ("Alpha", "Beta")]
    assert [(chunk.line_start, chunk.line_end) for chunk in chunks] == [(1, 5), (7, 9)]


def test_a_passage_stays_on_its_page() -> None:
    """A citation's page is where its words are."""
    chunks = list(chunk_parts(parts_of(paragraph("One.", page=1), paragraph("Two.", page=2))))

    assert [(chunk.text, chunk.page) for chunk in chunks] == [("One.", 1), ("Two.", 2)]


def test_a_long_paragraph_is_cut_at_sentence_ends_without_overlap() -> None:
    """Each piece is whole sentences, and together they are the paragraph once."""
    text = (WORDS * 40).strip()

    chunks = list(chunk_parts(parts_of(paragraph(text)), budget=60))

    assert len(chunks) > 5
    assert all(chunk.text.endswith("use.") and estimate_tokens([chunk.text])[0] <= 66 for chunk in chunks)
    assert " ".join(chunk.text for chunk in chunks) == text


def test_a_long_chinese_paragraph_is_cut_at_its_own_marks() -> None:
    """Chinese sentences have no spaces; they are cut after their marks."""
    text = "洗衣机的保修期到二〇二七年三月为止。请联系客服！" * 20

    chunks = list(chunk_parts(parts_of(paragraph(text)), budget=60))

    assert all(chunk.text[-1] in "。！" for chunk in chunks)
    assert "".join(chunk.text for chunk in chunks) == text


def test_what_has_no_structure_is_cut_by_length_with_overlap() -> None:
    """A sentence beyond the budget is the only thing whose pieces overlap, and nothing of it is lost."""
    text = " ".join(f"word{i}" for i in range(400))

    chunks = list(chunk_parts(parts_of(paragraph(text)), budget=50))

    assert len(chunks) > 5
    assert all(b.char_start < a.char_end for a, b in pairwise(chunks))
    assert {word for chunk in chunks for word in chunk.text.split()} >= set(text.split())
    assert sum(len(chunk.text) for chunk in chunks) < 1.35 * len(text)


def test_rows_of_a_table_carry_its_header() -> None:
    """A piece of a table that does not begin with the header has it in its context, and text after it has not."""
    rows = [(BlockKind.TABLE_ROW, f"| part {i} | {i} euros |", ("Prices",), None) for i in range(40)]
    parts = parts_of(
        (BlockKind.TABLE_HEADER, "| part | price |", ("Prices",), None), *rows, paragraph("After.", ("Prices",))
    )

    chunks = list(chunk_parts(parts, budget=60))

    assert chunks[0].text.startswith("| part | price |")
    assert all(chunk.context == "Prices\n| part | price |" for chunk in chunks[1:-1])
    assert (chunks[-1].text, chunks[-1].context) == ("After.", "Prices")


def test_code_is_cut_between_lines_and_keeps_its_lines() -> None:
    """Long code is cut at line ends, and each piece knows its lines."""
    code = "\n".join(f"value_{i} = compute({i})" for i in range(60))

    chunks = list(chunk_parts(parts_of((BlockKind.CODE, code, (), None)), budget=50))

    lines = code.split("\n")
    for chunk in chunks:
        assert chunk.line_start is not None
        assert chunk.text == "\n".join(lines[chunk.line_start - 1 : chunk.line_end])


BLOCKS = st.lists(
    st.tuples(
        st.sampled_from(list(BlockKind)),
        st.text(alphabet="ab. 。中\n|X", min_size=1, max_size=300),
        st.sampled_from([(), ("A",), ("A", "B")]),
        st.none(),
    ),
    max_size=12,
)


@given(BLOCKS, st.integers(16, 80))
def test_every_passage_is_verbatim_and_every_letter_is_in_one(blocks, budget: int) -> None:
    """Whatever the blocks: offsets are exact, order is kept, and no visible character is left out."""
    parts = parts_of(*blocks)
    text = "".join(part.text for part in parts)

    chunks = list(chunk_parts(parts, budget=budget))

    covered = set()
    for chunk in chunks:
        assert chunk.text == text[chunk.char_start : chunk.char_end] == chunk.text.strip() != ""
        covered.update(range(chunk.char_start, chunk.char_end))
    assert all(i in covered for i, character in enumerate(text) if not character.isspace())
    starts = [chunk.char_start for chunk in chunks]
    assert starts == sorted(starts)

"""Formats whose extracted text is the file's own: offsets and lines must be the file's."""

import pytest
from helpers import read_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

from inglenook.core.errors import ReadError
from inglenook.library.readers.blocks import MAX_BLOCK_CHARS, PART_CHARS, clean

MARKDOWN = """---
title: "Boiler book"
date: 2026-01-02
tags: [heat]
---
# Boiler

First line
second line.

Sub
---

- one
- two
  goes on

1. first

| part | age |
|------|-----|
| pump | 3 |

```sh
# no heading
echo hi
```

    indented code

> quoted
"""


def test_markdown_gives_structure_headings_and_front_matter():
    document = read_bytes(MARKDOWN.encode(), "a.md")

    assert document.text == MARKDOWN
    assert document.facts.title == "Boiler book"
    assert document.facts.created == "2026-01-02"
    assert document.of_kind("heading") == ["# Boiler", "Sub\n---"]
    assert document.of_kind("list_item") == ["- one", "- two\n  goes on", "1. first"]
    assert document.of_kind("table_header") == ["| part | age |\n|------|-----|"]
    assert document.of_kind("table_row") == ["| pump | 3 |"]
    assert document.of_kind("code")[1:] == ["```sh\n# no heading\necho hi\n```", "    indented code"]
    assert document.block_with("pump").heading == ("Boiler", "Sub")


@pytest.mark.parametrize("name", ["a.md", "a.txt", "a.rst", "a.py", "a.csv", "a.json", "a.jsonl", "a.tsv"])
@settings(max_examples=40, deadline=None)
@given(
    text=st.text(alphabet=st.sampled_from("ab# -=*|`\"'\n\n\r\t:.,>中文。{}[]\x0c\x85\u2028"), min_size=1, max_size=300)
)
def test_blocks_cover_all_words_and_lines_are_the_files(name, text):
    """Whatever the text, the decoded file comes back whole, and each block says its true lines."""
    expected = clean(text.replace("\r\n", "\n").replace("\r", "\n"))
    document = read_bytes(text.encode(), name)

    assert document.text == expected
    lines = expected.split("\n")
    covered = set()
    for block in document.blocks:
        assert document.words(block) in "\n".join(lines[block.line_start - 1 : block.line_end])
        assert expected.count("\n", 0, block.char_start) == block.line_start - 1
        assert expected.count("\n", 0, block.char_end) == block.line_end - 1
        covered.update(range(block.char_start, block.char_end))
    marks = set(" \t\n\x0c\x85\u2028-=*#:.,>'\"|`")  # rules and adornments are markup, no chunk needs them
    assert all(index in covered for index, character in enumerate(expected) if character not in marks)


def test_one_endless_line_and_one_endless_paragraph_are_cut_into_bounded_blocks():
    for text in ("word " * 60_000, "a line\n" * 60_000):
        document = read_bytes(text.encode(), "a.txt")

        assert document.text == text
        assert len(document.parts) > 3
        assert all(len(part.text) < PART_CHARS + 2 * MAX_BLOCK_CHARS for part in document.parts)
        assert all(block.char_end - block.char_start <= MAX_BLOCK_CHARS for block in document.blocks)


def test_many_blank_lines_stay_bounded():
    document = read_bytes(b"a\n" + b"\n" * 300_000 + b"b", "a.txt")

    assert [document.words(block) for block in document.blocks] == ["a", "b"]
    assert max(len(part.text) for part in document.parts) <= PART_CHARS + MAX_BLOCK_CHARS
    assert document.blocks[1].line_start == 300_002


def test_rst_headings_take_levels_in_order_of_appearance_and_fields_become_facts():
    text = "PEP: 8\nTitle: Style\nCreated: 05-Jul-2001\n\n=====\nGuide\n=====\n\nText::\n\n    code here\n\nPart\n----\n\n* item\n"
    document = read_bytes(text.encode(), "a.rst")

    assert document.facts.title == "Style"
    assert document.facts.created == "2001-07-05"
    assert document.facts.metadata["pep"] == "8"
    assert document.of_kind("code") == ["    code here"]
    assert document.block_with("* item").heading == ("Guide", "Part")


def test_csv_keeps_quoted_newlines_in_one_record():
    text = 'name;note\nA;"one\ntwo"\nB;three\n'
    document = read_bytes(text.encode(), "a.csv")

    assert document.of_kind("table_header") == ["name;note"]
    assert document.of_kind("table_row") == ['A;"one\ntwo"', "B;three"]
    assert (document.blocks[1].line_start, document.blocks[1].line_end) == (2, 3)
    assert document.facts.metadata["separator"] == ";"


def test_csv_whose_first_row_has_numbers_has_no_header():
    assert read_bytes(b"1,2\n3,4\n", "a.csv").of_kind("table_header") == []


def test_code_is_cut_at_definitions_which_name_the_place():
    text = "import os\n\n\n@cache\ndef heat(room):\n    x = 1\n\n    return x\n\n\nclass Stove:\n    pass\n"
    document = read_bytes(text.encode(), "a.py")

    assert document.of_kind("code") == [
        "import os",
        "@cache\ndef heat(room):\n    x = 1\n\n    return x",
        "class Stove:\n    pass",
    ]
    assert document.blocks[1].heading == ("def heat",)


def test_json_is_cut_at_outer_entries_and_json_lines_at_records():
    document = read_bytes(b'{\n  "a": {\n    "x": 1\n  },\n  "b": 2\n}\n', "a.json")
    rows = read_bytes(b'{"a": 1}\n{"a": 2}\n', "a.jsonl")

    assert document.blocks[1].heading == ("a",)
    assert document.of_kind("code")[1] == '  "a": {\n    "x": 1\n  },'
    assert rows.of_kind("table_row") == ['{"a": 1}', '{"a": 2}']


SIMPLIFIED = "物业费每月五号之前缴纳，逾期要收滞纳金。"
TRADITIONAL = "請在每月五號之前繳費，這是我們的通知。"
JAPANESE = "これは日本語のテキストです。よろしくお願いします。"
RUSSIAN = "Это обычный русский текст о доме и его хозяине, который живет здесь."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (SIMPLIFIED, "utf-8"), (SIMPLIFIED, "utf-8-sig"), (SIMPLIFIED, "gb18030"), (SIMPLIFIED, "utf-16"), (SIMPLIFIED, "utf-16-le"),
        (TRADITIONAL, "big5"), (TRADITIONAL, "utf-8"), (JAPANESE, "cp932"), (JAPANESE, "euc_jp"), (RUSSIAN, "cp1251"),
        ("Das Haus gehört Frau Müller, und die Tür ist grün.", "latin-1"), ("It’s the “best” café — €5", "cp1252"),
        ("plain old text", "utf-16-be"), ("안녕하세요 한국어 문장입니다.", "cp949"),
    ],
)  # fmt: skip
def test_encodings_are_told_from_one_sentence(text, encoding):
    assert read_bytes(text.encode(encoding), "a.txt").text == text


def test_a_legacy_character_far_into_an_ascii_file_is_still_decoded():
    data = b"plain line\n" * 30_000 + SIMPLIFIED.encode("gb18030")

    assert read_bytes(data, "a.txt").text.endswith(SIMPLIFIED)


def test_utf8_with_a_broken_byte_stays_utf8():
    data = SIMPLIFIED.encode() * 5 + b"\xff" + SIMPLIFIED.encode()

    assert read_bytes(data, "a.txt").text.count("\ufffd") == 1


def test_binary_data_named_txt_is_refused_with_the_reason():
    with pytest.raises(ReadError, match="binary data"):
        read_bytes(bytes(range(256)) * 50, "a.txt")


def test_content_beats_a_wrong_suffix(examples):
    for name, wrong, found in (
        ("washing-machine.pdf", "a.txt", "pdf"), ("meeting-minutes.docx", "a.pdf", "docx"), ("expenses-2026.xlsx", "a.docx", "xlsx"),
        ("rental-agreement.html", "a.pdf", "html"), ("bread-for-beginners.epub", "a.zip", "epub"), ("chimney-sweep.rtf", "a.doc", "rtf"),
        ("order-chairs.eml", "a.txt", "eml"), ("house-notes.md", "a.docx", "txt"),
    ):  # fmt: skip
        assert read_bytes((examples / name).read_bytes(), wrong).format == found

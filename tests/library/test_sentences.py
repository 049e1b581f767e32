"""Where sentences end, in English, Chinese and both at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inglenook.library.sentences import split_sentences

CASES = [
    ("Dr. Li paid $3.50. 真的吗？是的。", ["Dr. Li paid $3.50.", "真的吗？", "是的。"]),
    ("The U.S. economy grew. J. R. R. Tolkien wrote it.", ["The U.S. economy grew.", "J. R. R. Tolkien wrote it."]),
    ("See e.g. Fig. 3. It cost 4.5 million.", ["See e.g. Fig. 3.", "It cost 4.5 million."]),
    ("Visit https://a.b/c.d?x=1. Done!", ["Visit https://a.b/c.d?x=1.", "Done!"]),
    (
        "It ended at 5 p.m. The next day. Acme Inc. was sold.",
        ["It ended at 5 p.m.", "The next day.", "Acme Inc. was sold."],
    ),
    ('"Is it?" she said. (Yes.) No.', ['"Is it?" she said.', "(Yes.)", "No."]),
    ("他说：“好。”然后走了……她笑了。", ["他说：“好。”", "然后走了……", "她笑了。"]),
    ("价格是3.5元；很贵！（见附件。）好", ["价格是3.5元；", "很贵！", "（见附件。）", "好"]),
    (
        "# Title\nOne line\nof prose. Two.\n\nA new paragraph",
        ["# Title", "One line\nof prose.", "Two.", "A new paragraph"],
    ),
    ("1. First item\n2. Second item. More.\n- third", ["1. First item", "2. Second item.", "More.", "- third"]),
    ("| a | b |\n| c | d |\ntext", ["| a | b |", "| c | d |", "text"]),
    ("Is Yahoo! still here? 你好 world. 再见", ["Is Yahoo! still here?", "你好 world.", "再见"]),
    ("", []),
    (" \n\n ", []),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_sentences_end_where_a_reader_would_end_them(text: str, expected: list[str]) -> None:
    """Abbreviations, initials, decimals, addresses and quotes do not fool the splitter."""
    assert [text[start:end] for start, end in split_sentences(text)] == expected


@given(st.text(alphabet="aB. !?。！“”\n\t1-|#…中文;；", max_size=200))
def test_every_visible_character_lies_in_exactly_one_sentence(text: str) -> None:
    """Spans are ordered, disjoint and trimmed, and leave out white space only."""
    spans = split_sentences(text)

    gaps = [
        text[a:b]
        for a, b in zip([0, *(end for _, end in spans)], [*(start for start, _ in spans), len(text)], strict=True)
    ]
    assert all(not gap.strip() for gap in gaps)
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)

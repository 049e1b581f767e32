"""Formats whose text is extracted: structure, places and facts, on the sample documents and on small ones made here."""

import io
import json
import mailbox
import zipfile
from email.message import EmailMessage

import docx
import pytest
import xlsxwriter
from helpers import read_bytes, read_path

from inglenook.core.errors import EncryptedError, LimitError, ReadError, UnsupportedError

HTML = """<html><head><title>Tea &amp; toast</title><style>p{}</style></head><body>
<header>Site name</header><nav>Home</nav><h1>Tea</h1><p>Boil <b>fresh</b>
water.<br>Wait.</p><script>var x</script><ul><li>Cup<li>Pot</ul><pre>a
  b</pre><table><tr><th>What<th>How much</tr><tr><td>Leaves<td><p>2 g</p></tr></table>
<div style="display:none">secret</div><footer>Imprint</footer></body></html>"""


def test_html_gives_content_without_boilerplate():
    document = read_bytes(HTML.encode(), "a.html")

    assert document.facts.title == "Tea & toast"
    assert document.of_kind("heading") == ["Tea"]
    assert document.of_kind("paragraph") == ["Boil fresh water.\nWait."]
    assert document.of_kind("list_item") == ["Cup", "Pot"]
    assert document.of_kind("code") == ["a\n  b"]
    assert document.of_kind("table_header") == ["What | How much"]
    assert document.of_kind("table_row") == ["Leaves | 2 g"]
    assert not any(word in document.text for word in ("Home", "secret", "Imprint", "var x", "Site name"))


def test_html_believes_its_charset_and_takes_the_marked_main_part(examples):
    chinese = read_path(examples / "图书馆借阅规则.html")
    rent = read_path(examples / "rental-agreement.html")

    assert "每位读者凭借书证一次最多可以借阅八本图书" in chinese.text
    assert "Cookies" not in rent.text
    assert "All flats" not in rent.text
    assert rent.block_with("two months").heading == ("Rental agreement", "2. Term and notice")


def test_html_nested_a_hundred_thousand_deep_is_read():
    document = read_bytes(b"<html>" + b"<div>" * 100_000 + b"<p>the core</p>", "a.html")

    assert document.text == "the core"


def test_pdf_gives_pages_headings_and_joined_paragraphs(examples):
    document = read_path(examples / "washing-machine.pdf")
    block = document.block_with("ends on 14 March 2029")

    assert (block.page, block.heading[-1]) == (3, "Warranty")
    assert (
        "The warranty of the washing machine ends on 14 March 2029, five years after the day of purchase."
        in document.text
    )
    assert "The machine is 60 cm wide, 58 cm deep and 85 cm high, and weighs 71 kg." in document.text
    assert document.facts.page_kind == "page"


def test_chinese_pdf_joins_lines_without_spaces(examples):
    document = read_path(examples / "空气净化器保修说明.pdf")

    assert "本产品自购买之日起整机保修两年，电机保修五年。" in document.text
    assert "我们将在三个工作日之内安排上门维修。" in document.text


def test_docx_gives_headings_lists_tables_and_facts(examples):
    document = read_path(examples / "meeting-minutes.docx")

    assert document.facts.title == "Minutes of the spring meeting"
    assert document.facts.created == "2026-04-10"
    assert document.of_kind("table_header") == ["Customer | Order | Due"]
    assert document.block_with("3 to 16 August").heading == ("Minutes of the spring meeting", "Decisions")
    assert len(document.of_kind("list_item")) == 3


def test_docx_text_agrees_with_python_docx(examples):
    """An independent reader finds the same paragraphs."""
    for path in examples.glob("*.docx"):
        expected = [p.text for p in docx.Document(str(path)).paragraphs if p.text.strip()]
        document = read_path(path)

        assert [
            w for w in (document.words(b) for b in document.blocks if not b.kind.startswith("table")) if w
        ] == expected


def test_pptx_gives_slides_in_order_with_notes(examples):
    document = read_path(examples / "showroom-plan.pptx")

    assert document.facts.page_kind == "slide"
    assert document.block_with("38,000").page == 2
    assert document.block_with("second electrician").page == 3
    assert document.of_kind("heading") == ["New showroom: project plan", "Budget", "Risks"]


def test_sheets_are_pages_and_rows_are_lines(examples):
    document = read_path(examples / "expenses-2026.xlsx")
    block = document.block_with("Sanding belts")

    assert (block.page, block.line_start, block.heading) == (2, 2, ("February",))
    assert document.words(block) == "2026-02-03 | Sanding belts | Tool shop Ring | 148.9"
    assert document.of_kind("table_header")[0] == "Date | Item | Supplier | Amount in euros"


def test_a_row_number_counts_the_empty_rows_above():
    file = io.BytesIO()
    workbook = xlsxwriter.Workbook(file)
    workbook.add_worksheet("S").write(6, 3, "deep")
    workbook.close()

    assert read_bytes(file.getvalue(), "a.xlsx").block_with("deep").line_start == 7


def test_epub_chapters_are_pages(examples):
    document = read_path(examples / "bread-for-beginners.epub")

    assert document.block_with("96 degrees").page == 3
    assert document.block_with("96 degrees").heading == ("The oven",)
    assert document.facts.metadata["author"] == "Ada Mills"


def test_notebook_cells_are_pages(examples):
    document = read_path(examples / "energy.ipynb")

    assert document.block_with("19 percent").page == 3
    assert document.block_with("7280").page == 2
    assert document.of_kind("heading") == ["Energy of the workshop", "Result"]


def test_mail_gives_headers_text_and_names_of_attachments(examples):
    document = read_path(examples / "order-chairs.eml")

    assert document.facts.title == "Order of 24 oak chairs"
    assert document.facts.created == "2026-03-03"
    assert document.of_kind("list_item") == ["Attachment: order-2026-031.pdf"]
    assert "seat of green linen" in document.text


def test_a_mail_box_gives_each_message_as_a_page_and_html_mail_is_read(tmp_path):
    box = mailbox.mbox(tmp_path / "a.mbox")
    for number in range(3):
        message = EmailMessage()
        message["From"], message["Subject"] = "a@b.example", f"Number {number}"
        message.set_content(f"<p>body {number}</p>", subtype="html")
        box.add(mailbox.mboxMessage(message))
    box.close()
    document = read_path(tmp_path / "a.mbox")

    assert document.format == "mbox"
    assert document.block_with("body 2").page == 3
    assert document.block_with("body 1").heading == ("Number 1",)


def test_rtf_and_opendocument_are_read(examples):
    rtf = read_path(examples / "chimney-sweep.rtf")
    odt = read_path(examples / "landlord-letter.odt")

    assert "swept" not in rtf.text
    assert "26 January 2026 at 9:15" in rtf.text
    assert rtf.facts.title == "Reminder of the chimney sweep"
    assert odt.of_kind("heading") == ["Service of the heating and new rent"]
    assert "from 1,150 to 1,190 euros" in odt.text


def test_every_quote_of_the_sample_questions_stands_in_its_document(examples):
    questions = [json.loads(line) for line in (examples.parent / "questions.jsonl").read_text("utf-8").splitlines()]
    texts = {path.name: " ".join(read_path(path).text.split()) for path in examples.iterdir()}

    assert len(questions) >= 20
    assert {q["source_file"] for q in questions if q["answerable"]} <= set(texts)
    for question in questions:
        if question["answerable"]:
            text = texts[question["source_file"]]
            assert question["supporting_quote"] in text
            assert question["answer"] in text
        else:
            assert question["question"] not in "".join(texts.values())
    assert not any("Reykjavik" in text for text in texts.values())


def zip_of(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
LAUGHS = (
    '<!DOCTYPE l [<!ENTITY a "lol">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9))
    + "]>"
)
OUTSIDE = '<!DOCTYPE l [<!ENTITY j SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("doctype", [LAUGHS, OUTSIDE, '<!DOCTYPE l SYSTEM "http://example.com/x.dtd">'])
@pytest.mark.parametrize(
    ("member", "name", "body"),
    [
        (
            "word/document.xml",
            "a.docx",
            f"<w:document {W}><w:body><w:p><w:r><w:t>&j;</w:t></w:r></w:p></w:body></w:document>",
        ),
        ("content.xml", "a.odt", "<office><p>&j;</p></office>"),
    ],
)
def test_xml_entities_are_refused_not_expanded(doctype, member, name, body):
    with pytest.raises(ReadError, match="XML"):
        read_bytes(zip_of({member: (doctype + body).encode()}), name)


def test_fictionbook_with_entities_is_refused():
    with pytest.raises(ReadError, match="XML"):
        read_bytes(f"{OUTSIDE}<FictionBook><body><p>&j;</p></body></FictionBook>".encode(), "a.fb2")


@pytest.mark.parametrize("name", ["a.docx", "a.pptx", "a.xlsx", "a.epub", "a.odt"])
def test_zip_bombs_are_refused_before_they_unpack(name):
    members = {
        "a.docx": "word/document.xml", "a.pptx": "ppt/presentation.xml", "a.xlsx": "xl/workbook.xml",
        "a.epub": "META-INF/container.xml", "a.odt": "content.xml",
    }  # fmt: skip

    with pytest.raises(LimitError, match="bomb"):
        read_bytes(zip_of({members[name]: b" " * (40 << 20)}), name)


def test_archives_of_too_many_members_are_refused():
    with pytest.raises(LimitError, match="members"):
        read_bytes(zip_of({"word/document.xml": b"x"} | {f"word/{number}": b"" for number in range(10_001)}), "a.docx")


@pytest.mark.parametrize(
    "name",
    [
        "washing-machine.pdf",
        "meeting-minutes.docx",
        "expenses-2026.xlsx",
        "showroom-plan.pptx",
        "bread-for-beginners.epub",
        "landlord-letter.odt",
    ],
)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_files_cut_short_are_refused(examples, name, share):
    data = (examples / name).read_bytes()
    cut = data[: int(len(data) * share)]

    with pytest.raises(ReadError, match=r"damaged|cut short"):
        read_bytes(cut, name)


def test_empty_and_foreign_files_say_what_they_are():
    for data, kind, words in (
        (b"", ReadError, "empty"), (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, UnsupportedError, "PNG image"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "WordDocument".encode("utf-16-le"), UnsupportedError, "save it as .docx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), EncryptedError, "password"),
        (zip_of({"a.txt": b"x"}), UnsupportedError, "zip archive"), (b"\x1f\x8b\x08\0", UnsupportedError, "gzip"),
    ):  # fmt: skip
        with pytest.raises(kind, match=words):
            read_bytes(data, "a.bin")


def test_pdf_with_a_broken_cross_reference_table_is_repaired(examples):
    data = (examples / "washing-machine.pdf").read_bytes()
    broken = data.replace(b"startxref", b"startxxxx").replace(b"\nxref", b"\nxxxx")

    assert "14 March 2029" in read_bytes(broken, "a.pdf").text


def test_a_damaged_epub_chapter_is_a_clear_error(examples):
    data = bytearray((examples / "bread-for-beginners.epub").read_bytes())
    at = data.index(b"OPS/chapter2.xhtml") + 40
    data[at : at + 30] = b"\0" * 30

    with pytest.raises(ReadError, match="damaged member"):
        read_bytes(bytes(data), "a.epub")


def test_docx_code_and_lettered_headings_of_a_publishers_template():
    file = io.BytesIO()
    made = docx.Document()
    for name in ("HeadA", "Code"):
        made.styles.add_style(name, 1)
    made.add_paragraph("Ownership", style="HeadA")
    made.add_paragraph("fn main() {", style="Code")
    made.add_paragraph("    run();", style="Code")
    made.add_paragraph("}", style="Code")
    made.save(file)
    document = read_bytes(file.getvalue(), "a.docx")

    assert document.of_kind("heading") == ["Ownership"]
    assert document.of_kind("code") == ["fn main() {\n    run();\n}"]

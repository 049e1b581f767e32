# ruff: noqa: INP001, ISC004
"""Make the sample documents in `examples/documents`: the papers of a household and a small firm, in English and Chinese.

All of it is invented. The files are committed, so this is run only to change them:

    pip install reportlab python-docx python-pptx xlsxwriter
    python examples/make_documents.py

PDFs come from reportlab with the standard fonts (the Chinese one names a standard CJK font and embeds none).
"""

import datetime as dt
import json
import zipfile
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import docx
import pptx
import xlsxwriter
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

FOLDER = Path(__file__).resolve().parent / "documents"
STAMP = (2026, 3, 2, 9, 0, 0)
CREATED = dt.datetime(2026, 4, 10, 9, 0)  # noqa: DTZ001 - office files carry no zone


def washing_machine_pdf(path: Path) -> None:
    """A manual and warranty of three pages."""
    styles = getSampleStyleSheet()
    story = [Paragraph("Lindqvist WM 640 Washing Machine", styles["Title"])]
    pages = [
        (
            "Manual and warranty certificate",
            [
                "Thank you for choosing a Lindqvist washing machine. Please read this manual before the first wash and keep it with the receipt.",
                "The drum holds 8 kg of dry cotton, or 3 kg of wool. The machine is 60 cm wide, 58 cm deep and 85 cm high, and weighs 71 kg. "
                "It needs a cold water tap with a three-quarter-inch thread and a socket of its own with a 10 ampere fuse.",
            ],
        ),
        (
            "Before the first wash",
            [
                "Remove the four transport bolts at the back of the machine with a 13 mm spanner, and keep them: a machine that travels without them may be damaged.",
                "Run the Cotton 60 programme once without laundry to rinse away what is left from testing at the factory.",
            ],
        ),
    ]
    for title, texts in pages:
        story += [Paragraph(title, styles["Heading2"]), *(Paragraph(text, styles["BodyText"]) for text in texts)]
    story += [PageBreak(), Paragraph("Care and faults", styles["Heading2"])]
    story += [
        Paragraph(text, styles["BodyText"])
        for text in (
            "Clean the lint filter every two months. It sits behind the small flap at the lower right; put a flat dish beneath it before you open it.",
            "Descale the machine twice a year with 100 g of citric acid in the empty drum at 60 degrees.",
        )
    ]
    faults = [
        ["Code", "Meaning", "What to do"],
        ["E10", "No water comes in", "Open the tap and clean the inlet sieve"],
        ["E20", "Water does not drain", "Clean the lint filter and straighten the hose"],
        ["E40", "The door is not locked", "Press the door until it clicks"],
    ]
    story += [Spacer(1, 8), Table(faults, hAlign="LEFT"), PageBreak(), Paragraph("Warranty", styles["Heading2"])]
    story += [
        Paragraph(text, styles["BodyText"])
        for text in (
            "Model WM 640, serial number 7731-0482-B. Bought on 14 March 2024 from Hearth and Home, 12 Mill Lane, Ashcombe.",
            "The warranty of the washing machine ends on 14 March 2029, five years after the day of purchase. It covers parts and labour.",
            "The warranty does not cover damage by limescale, by frost, or by transport without the transport bolts.",
            "To make a claim, call the service line on 0800 555 0142 between 8 am and 6 pm on weekdays and have the serial number at hand.",
        )
    ]
    document = SimpleDocTemplate(
        str(path),
        pagesize=A4,
        title="Lindqvist WM 640: manual and warranty",
        author="Lindqvist Appliances",
        invariant=1,
    )
    document.build(story)


def chinese_warranty_pdf(path: Path) -> None:
    """A product's guarantee in Chinese, one page."""
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    title = ParagraphStyle("title", fontName="STSong-Light", fontSize=20, leading=30)
    body = ParagraphStyle("body", fontName="STSong-Light", fontSize=11, leading=18, spaceAfter=8, wordWrap="CJK")
    story = [Paragraph("暖居牌空气净化器产品保修说明", title)]
    story += [
        Paragraph(text, body)
        for text in (
            "感谢您购买暖居牌KJ500型空气净化器。本产品自购买之日起整机保修两年，电机保修五年。",
            "滤网属于耗材，不在保修范围之内，建议每六个月更换一次。更换滤网之前请先拔下电源插头。",
            "保修期内出现质量问题，请携带购机发票拨打客服热线400-555-0188，我们将在三个工作日之内安排上门维修。",
            "因摔落、进水或者自行拆机造成的损坏不享受免费保修，维修时只收取材料费和八十元上门费。",
        )
    ]
    SimpleDocTemplate(str(path), pagesize=A4, title="空气净化器产品保修说明", author="暖居电器", invariant=1).build(
        story
    )


def describe(document: Any, author: str) -> None:
    """Set who wrote an office file and when, and drop the words of the library's template."""
    properties = document.core_properties
    properties.author = properties.last_modified_by = author
    properties.created = properties.modified = CREATED
    properties.comments = ""


def minutes_docx(path: Path) -> None:
    """Minutes of a meeting, with a list and a table."""
    document = docx.Document()
    document.core_properties.title = "Minutes of the spring meeting"
    describe(document, "Marta Okafor")
    document.add_heading("Minutes of the spring meeting", 1)
    document.add_paragraph(
        "Birch Street Joinery, 9 April 2026, in the workshop. Present: Marta Okafor (chair), Piet Hanssen, Lucía Ferrer, Tom Abara."
    )
    document.add_heading("Decisions", 2)
    for text in (
        "The firm buys a second-hand bandsaw for at most 3,400 euros.",
        "Lucía Ferrer takes over the safety training of apprentices from 1 May.",
        "The workshop stays closed from 3 to 16 August for the summer break.",
    ):
        document.add_paragraph(text, style="List Bullet")
    document.add_heading("Open orders", 2)
    table = document.add_table(rows=1, cols=3)
    for cell, text in zip(table.rows[0].cells, ("Customer", "Order", "Due"), strict=True):
        cell.text = text
    for row in (
        ("Hotel Adler", "24 oak chairs", "29 May 2026"),
        ("Dr. Lindner", "Bookcase, walnut", "12 June 2026"),
        ("School on the Hill", "Stage floor", "20 July 2026"),
    ):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    document.add_heading("Next meeting", 2)
    document.add_paragraph(
        "The next meeting is on 8 October 2026 at 4 pm. Piet Hanssen brings the figures of the third quarter."
    )
    document.save(str(path))


def chinese_minutes_docx(path: Path) -> None:
    """A Chinese meeting's minutes."""
    document = docx.Document()
    document.core_properties.title = "业主委员会会议纪要"
    describe(document, "吴晓燕")
    document.add_heading("业主委员会会议纪要", 1)
    document.add_paragraph("会议时间：2026年3月21日下午两点。会议地点：小区活动室。主持人：陈国梁。记录人：吴晓燕。")
    document.add_heading("会议决定", 2)
    for text in (
        "地下车库的照明全部更换为LED灯，预算为四万六千元。",
        "三号楼电梯的大修安排在五月十一日至五月十五日进行。",
        "小区儿童游乐场由物业公司每周检查一次安全状况。",
    ):
        document.add_paragraph(text, style="List Number")
    document.add_heading("下次会议", 2)
    document.add_paragraph("下次业主委员会会议定于2026年6月20日召开，主要讨论外墙保温工程。")
    document.save(str(path))


def expenses_xlsx(path: Path) -> None:
    """Expenses of a firm on two sheets."""
    workbook = xlsxwriter.Workbook(str(path))
    workbook.set_properties({"title": "Expenses 2026", "author": "Tom Abara", "created": CREATED})
    rows = {
        "January": [
            ("2026-01-05", "Oak boards, 2 cubic metres", "Timber yard Voss", 1840.0),
            ("2026-01-12", "Van repair, brakes", "Garage Pahl", 612.5),
            ("2026-01-29", "Insurance of the workshop, yearly", "Alte Feuerkasse", 2275.0),
        ],
        "February": [
            ("2026-02-03", "Sanding belts", "Tool shop Ring", 148.9),
            ("2026-02-17", "Electricity", "Stadtwerke", 431.2),
            ("2026-02-24", "Dust extractor filter", "Tool shop Ring", 89.0),
        ],
    }
    for month, entries in rows.items():
        sheet = workbook.add_worksheet(month)
        for line, row in enumerate([("Date", "Item", "Supplier", "Amount in euros"), *entries]):
            for column, value in enumerate(row):
                sheet.write(line, column, value)
        sheet.write(len(entries) + 1, 1, "Total")
        sheet.write(len(entries) + 1, 3, sum(entry[3] for entry in entries))
    workbook.close()


def plan_pptx(path: Path) -> None:
    """A project's plan on three slides, with notes."""
    show = pptx.Presentation()
    show.core_properties.title = "New showroom: project plan"
    describe(show, "Marta Okafor")
    slides = [
        (
            "New showroom: project plan",
            ["Birch Street Joinery", "Start: 1 September 2026", "Opening day: 21 November 2026"],
            "Invite the local paper to the opening.",
        ),
        (
            "Budget",
            [
                "The showroom may cost 38,000 euros in all",
                "Floor and lighting: 14,500 euros",
                "Furniture on display: 9,000 euros",
                "Reserve: 10 percent",
            ],
            "The bank agreed on 2 March.",
        ),
        (
            "Risks",
            [
                "The permit for the new shop window may take eight weeks",
                "The electrician is booked until the end of September",
            ],
            "Piet asks a second electrician for an offer.",
        ),
    ]
    for title, points, note in slides:
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = "\n".join(points)
        slide.notes_slide.notes_text_frame.text = note
    show.save(str(path))


def write_zip(path: Path, members: dict[str, str]) -> None:
    """Write a zip whose first member is stored, as EPUB and OpenDocument ask."""
    with zipfile.ZipFile(path, "w") as archive:
        for index, (name, text) in enumerate(members.items()):
            info = zipfile.ZipInfo(name, STAMP)
            info.compress_type = zipfile.ZIP_STORED if index == 0 else zipfile.ZIP_DEFLATED
            archive.writestr(info, text)


def bread_epub(path: Path) -> None:
    """A short guide as an e-book."""
    chapters = {
        "The starter": "<p>A sourdough starter is flour and water in which wild yeast and bacteria live. Feed it once a day with equal weights of rye flour and water.</p>"
        "<p>Keep a starter that rests in the refrigerator at 4 degrees; feed it once a week. A starter is ready to bake with when it floats in water.</p>",
        "The dough": "<p>For one loaf take 500 g of wheat flour, 350 g of water, 100 g of starter and 10 g of salt.</p><p>Fold the dough four times in the first two hours, then let it rest until it has grown by half.</p>",
        "The oven": "<p>Bake the loaf for 20 minutes at 250 degrees with steam, then for 25 minutes at 210 degrees without.</p><p>The loaf is done when its core has reached 96 degrees.</p>",
    }
    page = '<?xml version="1.0" encoding="utf-8"?>\n<html xmlns="http://www.w3.org/1999/xhtml"><head><title>{0}</title></head><body><h1>{0}</h1>{1}</body></html>\n'
    names = [f"chapter{number}.xhtml" for number in range(1, len(chapters) + 1)]
    items = "".join(
        f'<item id="c{i}" href="{name}" media-type="application/xhtml+xml"/>' for i, name in enumerate(names)
    )
    spine = "".join(f'<itemref idref="c{i}"/>' for i in range(len(names)))
    members = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles><rootfile full-path="OPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
        "OPS/book.opf": '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">urn:inglenook:bread</dc:identifier>'
        f"<dc:title>Bread for Beginners</dc:title><dc:creator>Ada Mills</dc:creator><dc:language>en</dc:language><dc:date>2025-11-03</dc:date></metadata><manifest>{items}</manifest><spine>{spine}</spine></package>",
    }
    for name, (title, body) in zip(names, chapters.items(), strict=True):
        members[f"OPS/{name}"] = page.format(title, body)
    write_zip(path, members)


def letter_odt(path: Path) -> None:
    """A landlord's letter as OpenDocument text."""
    paragraphs = (
        "Dear Ms Okafor,",
        "the heating of the house in Birch Street is serviced on 22 September 2026 between 8 am and noon. Please make sure that the boiler room can be entered.",
        "From 1 January 2027 the rent of the workshop rises from 1,150 to 1,190 euros a month, as agreed in section 4 of the contract.",
        "Yours sincerely, Henrik Vogel",
    )
    space = 'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.3"'
    body = "".join(f"<text:p>{text}</text:p>" for text in paragraphs)
    write_zip(
        path,
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "META-INF/manifest.xml": '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.3"><manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.text"/><manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>',
            "content.xml": f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {space}><office:body><office:text><text:h text:outline-level="1">Service of the heating and new rent</text:h>{body}</office:text></office:body></office:document-content>',
        },
    )


def mail_eml(path: Path) -> None:
    """An order by mail, with an attachment that is only named."""
    message = EmailMessage()
    message["From"] = "Hotel Adler <office@hotel-adler.example>"
    message["To"] = "Birch Street Joinery <post@birch-joinery.example>"
    message["Date"] = "Tue, 03 Mar 2026 10:12:00 +0100"
    message["Subject"] = "Order of 24 oak chairs"
    message["Message-ID"] = "<20260303.1@hotel-adler.example>"
    message.set_content(
        "Dear Marta,\n\nwe order 24 oak chairs at 210 euros each, oiled, with a seat of green linen.\n\nPlease deliver them to the back entrance by 29 May. The bill goes to our tax adviser, Ms Quandt.\n\nKind regards\nJonas Adler\n"
    )
    message.add_attachment(b"%PDF-1.4\n", maintype="application", subtype="pdf", filename="order-2026-031.pdf")
    message.set_boundary("----=_inglenook")
    path.write_bytes(message.as_bytes())


RENT_HTML = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Rental agreement, Flat 3, 18 Garden Row</title><meta name="date" content="2025-06-20">
<style>body { font-family: serif }</style></head><body>
<nav><a href="/">Home</a> <a href="/flats">All flats</a> <a href="/login">Log in</a></nav>
<main>
<h1>Rental agreement</h1>
<p>between Garden Row Housing Ltd. (the landlord) and Nadia and Joel Brandt (the tenants) for Flat 3, 18 Garden Row, Ashcombe.</p>
<h2>1. Rent and deposit</h2>
<p>The rent is 940 pounds a month and is due on the third working day of the month. The deposit is 1,880 pounds and is held by the Tenancy Deposit Fund.</p>
<h2>2. Term and notice</h2>
<p>The agreement starts on 1 July 2025. After the first twelve months either side may end it with two months' notice in writing.</p>
<h2>3. Pets and smoking</h2>
<p>The tenants may keep one cat. Dogs need the landlord's written consent. Smoking is not allowed inside the flat.</p>
<h2>4. Repairs</h2>
<ul><li>The landlord repairs the heating, the roof and the water pipes.</li><li>The tenants replace light bulbs and pay for small repairs up to 75 pounds a year.</li></ul>
<table><tr><th>Room</th><th>Area</th><th>Floor</th></tr><tr><td>Living room</td><td>24 square metres</td><td>oak</td></tr><tr><td>Bedroom</td><td>16 square metres</td><td>carpet</td></tr><tr><td>Kitchen</td><td>9 square metres</td><td>tiles</td></tr></table>
</main>
<footer>Garden Row Housing Ltd. Cookies help us.</footer>
<script>track("page")</script></body></html>
"""

NOTES_MD = """---
title: House notes
date: 2026-02-08
---

# House notes

## Garden

The apple tree by the fence is a *Discovery*; prune it in late February. The rain barrel holds 210 litres.

## Cellar

- The main water tap is behind the wine rack, to the left.
- The fuse box is under the stairs. Fuse 7 is the kitchen.
- Boiler pressure should be between 1.2 and 1.6 bar.

## Paint

| room | colour | brand |
|---|---|---|
| hall | Pebble 12 | Harrow |
| kitchen | Soft Sage | Harrow |
| bedroom | Evening Blue | Colorado |

## Wi-Fi

The guest network is called `inglenook-guest`. The router restarts by itself every Sunday at 4 am:

```
schedule reboot weekly sunday 04:00
```
"""

INVENTORY_CSV = """item,room,bought,price,note
Bandsaw,workshop,2019-05-11,2890,"blade 3,380 mm"
Planer,workshop,2015-09-30,1750,"serviced in 2025
next service 2027"
Espresso machine,kitchen,2022-12-01,640,descale monthly
Delivery van,yard,2021-03-18,23900,winter tyres in the loft
"""

CONFIG_JSON = {
    "workshop": {
        "name": "Birch Street Joinery",
        "opening_hours": "Monday to Friday, 7:30 to 16:30",
        "vat_number": "EX-4471-209",
    },
    "heating": {"target_temperature_c": 18.5, "night_setback_c": 14.0, "frost_protection": True},
    "backup": {"target": "the grey disk in the safe", "weekday": "Friday", "keep_weeks": 26},
}

LETTER_RTF = r"""{\rtf1\ansi\deff0{\fonttbl{\f0 Times New Roman;}}{\info{\title Reminder of the chimney sweep}{\author Sweep Darrow}{\creatim\yr2026\mo1\dy15}}
\f0\fs24 Chimney sweep Darrow, Ashcombe\par
\par
Dear customer,\par
your chimney is due for sweeping on 26 January 2026 at 9:15. Please do not light the stove on the evening before.\par
The fee is 58 pounds and is paid by bank transfer within 14 days.\par
}
"""

PROPERTY_MD = """# 碧湖社区物业管理通知

发布日期：2026年2月26日　　碧湖物业服务中心

## 一、物业费缴纳

物业费每月5号之前缴纳，可以通过手机银行、微信或者物业服务中心前台办理。
逾期缴纳的，从第十五天起按每天万分之五收取滞纳金。

## 二、停车管理

- 地下车库固定车位每月租金为三百五十元。
- 访客车辆停放两小时以内免费，超过两小时每小时收费五元。

## 三、垃圾分类

每天早上七点到九点、晚上六点到八点开放垃圾投放点。大件垃圾请提前一天拨打物业电话0571-5550-2266预约清运。

## 四、停水通知

因管道检修，2026年3月12日上午九点至下午四点一号楼和二号楼停水，请居民提前储水。
"""

TRAVEL_TXT = """杭州三日游攻略

第一天：西湖
早上从断桥出发，沿白堤步行到孤山，大约需要四十分钟。中午推荐在楼外楼吃西湖醋鱼。
下午坐游船到三潭印月，船票每人五十五元。

第二天：灵隐寺和龙井村
灵隐寺的香花券是三十元，飞来峰门票是四十五元。寺院早上七点开门，最好八点以前到，人比较少。
下午去龙井村喝茶，新茶一般在清明节前后上市。

第三天：良渚古城
从市区坐地铁2号线到良渚站，再换乘公交车，全程约一个半小时。良渚博物院星期一闭馆。

住宿建议：湖滨商圈交通方便，普通酒店每晚约四百元。
"""

LIBRARY_HTML = """<!DOCTYPE html>
<html lang="zh-CN"><head><meta http-equiv="Content-Type" content="text/html; charset=gb2312"><title>青松图书馆借阅规则</title></head><body>
<div role="navigation">首页 | 馆藏查询 | 联系我们</div>
<h1>青松图书馆借阅规则</h1>
<h2>开放时间</h2>
<p>图书馆星期二至星期日上午九点到晚上八点半开放，星期一闭馆整理。</p>
<h2>借书</h2>
<p>每位读者凭借书证一次最多可以借阅八本图书，借期为三十天，可以续借一次。</p>
<p>图书逾期不还的，每本每天收取一角钱滞纳金。遗失图书按照原价的两倍赔偿。</p>
<h2>自习室</h2>
<p>自习室座位需要提前一天在网上预约，预约后超过三十分钟未到的，座位自动取消。</p>
</body></html>
"""


def notebook_ipynb(path: Path) -> None:
    """A notebook on the firm's use of energy."""

    def markdown(text: str) -> dict[str, object]:
        return {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)}

    cells = [
        markdown(
            "# Energy of the workshop\n\nMeter readings of 2025, in kilowatt-hours. The solar panels were connected on 6 May 2025.\n"
        ),
        {
            "cell_type": "code",
            "execution_count": 1,
            "metadata": {},
            "source": ['use = {"Q1": 2410, "Q2": 1730, "Q3": 1180, "Q4": 1960}\n', 'f"{sum(use.values())} kWh"'],
            "outputs": [
                {
                    "output_type": "execute_result",
                    "execution_count": 1,
                    "metadata": {},
                    "data": {"text/plain": ["'7280 kWh'"]},
                }
            ],
        },
        markdown(
            "## Result\n\nThe workshop used 7,280 kWh in 2025, 19 percent less than the year before. The dust extractor alone takes a third.\n"
        ),
    ]
    notebook = {"cells": cells, "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Write every sample document."""
    FOLDER.mkdir(exist_ok=True)
    for name, make in (
        ("washing-machine.pdf", washing_machine_pdf),
        ("空气净化器保修说明.pdf", chinese_warranty_pdf),
        ("meeting-minutes.docx", minutes_docx),
        ("业主委员会会议纪要.docx", chinese_minutes_docx),
        ("expenses-2026.xlsx", expenses_xlsx),
        ("showroom-plan.pptx", plan_pptx),
        ("bread-for-beginners.epub", bread_epub),
        ("landlord-letter.odt", letter_odt),
        ("order-chairs.eml", mail_eml),
        ("energy.ipynb", notebook_ipynb),
    ):
        make(FOLDER / name)
    for name, text, encoding in (
        ("rental-agreement.html", RENT_HTML, "utf-8"),
        ("house-notes.md", NOTES_MD, "utf-8"),
        ("inventory.csv", INVENTORY_CSV, "utf-8"),
        ("workshop.json", json.dumps(CONFIG_JSON, indent=2) + "\n", "utf-8"),
        ("chimney-sweep.rtf", LETTER_RTF, "ascii"),
        ("社区物业通知.md", PROPERTY_MD, "utf-8"),
        ("杭州三日游攻略.txt", TRAVEL_TXT, "utf-8"),
        ("图书馆借阅规则.html", LIBRARY_HTML, "gb18030"),
    ):
        (FOLDER / name).write_bytes(text.encode(encoding))


if __name__ == "__main__":
    main()

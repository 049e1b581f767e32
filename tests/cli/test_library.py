"""The commands on a real library of small real files, through the real program."""

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest

OURS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b\]8;;[!-~]*\x1b\\|\r")


def write(path: Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def odd_path(shelf) -> str:
    return f"{shelf.folder}/{os.fsdecode(shelf.odd_name)}"


def test_add_reports_what_became_of_each_file(shelf):
    """Four good files are added, the broken one is named with a reason."""
    report = shelf.report

    assert (report["added"], report["updated"], report["unchanged"], report["removed"]) == (4, 0, 0, 0)
    assert [Path(row["path"]).name for row in report["failed"]] == ["broken.pdf"]
    assert report["failed"][0]["reason"]
    assert report["documents"] == 4
    assert report["chunks"] >= 4
    assert report["seconds"] > 0


def test_a_second_add_changes_nothing(inglenook, shelf):
    """Unchanged files are told by number, not by name."""
    done = inglenook("add", str(shelf.folder), "--meta", "owner=ada")

    assert done.code == 0
    assert re.match(r"4 unchanged, 1 failed in [\d.]+ s; library default holds 4 documents, \d+ passages\n", done.out)
    assert "warranty" not in done.err


def test_every_line_of_add_has_its_file(inglenook, tmp_path: Path):
    """On a pipe: a line a file on stderr, the summary on stdout, no colour."""
    (tmp_path / "a.txt").write_text("The kettle is blue.\n")
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.7 broken")

    done = inglenook("add", "a.txt", "b.pdf")

    assert done.code == 0
    assert re.search(r"^added   a.txt  1 passage$", done.err, re.MULTILINE)
    assert re.search(r"^failed  b.pdf: .+$", done.err, re.MULTILINE)
    assert "\x1b" not in done.out + done.err
    assert done.out.startswith("1 added, 1 failed in ")


def test_add_fails_when_nothing_could_be_taken(inglenook, tmp_path: Path):
    """Exit code 1 when every file failed, and with `--strict` when any did."""
    (tmp_path / "a.txt").write_text("The kettle is blue.\n")
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.7 broken")

    assert inglenook("add", "b.pdf").code == 1
    assert inglenook("add", "a.txt", "b.pdf", "--strict").code == 1
    assert inglenook("add", "nowhere.txt").code != 0


def test_sync_takes_up_changes_and_removals(inglenook, tmp_path: Path):
    """Changed files are replaced, deleted ones removed, and `sync` has the keys of `add`."""
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.txt").write_text("The kettle is blue.\n")
    (folder / "b.txt").write_text("The door is green.\n")
    first = inglenook("add", "notes", "--json").json
    (folder / "a.txt").write_text("The kettle is painted red now.\n")
    (folder / "b.txt").unlink()
    (folder / "c.txt").write_text("The roof is flat.\n")

    second = inglenook("sync", "--json").json

    assert set(second) == set(first)
    assert (second["added"], second["updated"], second["removed"], second["documents"]) == (1, 1, 1, 2)
    assert [hit["text"].strip() for hit in inglenook("search", "kettle", "--mode", "text", "--json").json["hits"]] == [
        "The kettle is painted red now."
    ]


def test_search_gives_the_promised_keys_and_verbatim_text(inglenook, shelf):
    """Each hit's text is the document's extracted text at its offsets."""
    found = inglenook("search", "warranty motor", "--json").json

    hit = found["hits"][0]
    assert {"query", "mode", "hits"} <= set(found)
    assert {"rank", "score", "path", "title", "page", "line_start", "line_end", "heading", "text"} <= set(hit)
    assert (hit["rank"], Path(hit["path"]).name) == (1, "warranty.md")
    assert hit["text"] == shelf.warranty[hit["char_start"] : hit["char_end"]]
    assert hit["text"] == "".join(
        shelf.warranty.splitlines(keepends=True)[hit["line_start"] - 1 : hit["line_end"]]
    ).strip("\n")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--type", "md"], {"warranty.md", "物业.md"}),
        (["--path", "house/*"], {"warranty.md", "物业.md"}),
        (["--path", "lease.txt"], {"lease.txt"}),
        (["--meta", "owner=ada", "--type", "txt"], {"lease.txt", "caf\udce9 \x1b[31m.txt"}),
        (["--meta", "owner=bob"], set()),
        (["--lang", "zh"], {"物业.md"}),
        (["--before", "2001"], set()),
        (["--after", "2001-01-01", "--path", "house"], {"warranty.md", "物业.md"}),
    ],
)
def test_filters_choose_the_documents(inglenook, shelf, options: list[str], expected: set[str]):
    """The same options narrow `documents` and `search`."""
    listed = {Path(row["path"]).name for row in inglenook("documents", *options, "--json").json["documents"]}
    found = {Path(hit["path"]).name for hit in inglenook("search", "the 物业费", *options, "--json").json["hits"]}

    assert listed == expected
    assert found <= expected


def test_a_filter_that_cannot_be_read_is_a_usage_error(inglenook, shelf):
    """Wrong dates and labels say how to write them."""
    date, label = inglenook("search", "x", "--after", "May"), inglenook("search", "x", "--meta", "owner")

    assert date.code == label.code == 2
    assert "after is 'May'; write a date like 2024-05-01" in date.err
    assert "--meta is 'owner'; write it as KEY=VALUE" in label.err


def test_nothing_found_is_a_success_unless_strict(inglenook, shelf):
    """Exit code 5 is for those who ask for it."""
    words = ["search", "zyzzyva", "--mode", "text"]

    assert inglenook(*words).code == 0
    assert inglenook(*words, "--strict").code == 5


def test_search_on_a_terminal_highlights_and_links(on_terminal, shelf):
    """The words found are coloured, the file is a link, and no line is wider than the screen."""
    done = on_terminal("search", "warranty", "--mode", "text")

    assert "\x1b[1;33mwarranty\x1b[0m" in done.out
    assert f"\x1b]8;;file://{shelf.folder}/house/warranty.md\x1b\\" in done.out
    assert all(len(line) <= 80 for line in OURS.sub("", done.out).splitlines() if not line.startswith(" 1"))


@pytest.mark.slow
def test_no_color_is_honoured(on_terminal, shelf):
    """NO_COLOR leaves no colour sequence."""
    assert "\x1b[" not in on_terminal("search", "warranty", "--mode", "text", NO_COLOR="1").out


@pytest.mark.parametrize(
    "words",
    [
        ["search", "lighthouse", "--mode", "text"],
        pytest.param(["documents"], marks=pytest.mark.slow),
        pytest.param(["show", "{odd}"], marks=pytest.mark.slow),
        pytest.param(["ask", "Who keeps the lighthouse of Port Amber?"], marks=pytest.mark.slow),
    ],
)
def test_a_hostile_document_cannot_command_the_terminal(on_terminal, shelf, words: list[str]):
    """Escape sequences in a file name and in a document arrive as visible text."""
    done = on_terminal(*[word.replace("{odd}", odd_path(shelf)) for word in words])

    left = OURS.sub("", done.out)
    assert done.code == 0
    assert "\x1b" not in left
    assert "\x07" not in left
    assert "caf\\xe9 \\x1b[31m.txt" in left


def test_a_name_that_is_no_utf_8_survives_json(inglenook, shelf):
    """The path in the object opens the file."""
    hits = inglenook("search", "lighthouse", "--mode", "text", "--json").json["hits"]

    assert os.fsencode(hits[0]["path"]) == bytes(shelf.folder) + b"/" + shelf.odd_name
    assert Path(hits[0]["path"]).read_text() == shelf.hostile


def test_show_gives_the_extracted_text_by_offsets(inglenook, shelf):
    """By path or number; any slice; and stdout of a pipe is the text alone."""
    path = str(shelf.folder / "house" / "warranty.md")
    whole = inglenook("show", path, "--json").json
    part = inglenook("show", str(whole["id"]), "--from", "4", "--to", "30", "--json").json
    piped = inglenook("show", path)

    assert (whole["char_start"], whole["char_end"], whole["text"]) == (0, len(shelf.warranty), shelf.warranty)
    assert (part["char_start"], part["char_end"], part["text"]) == (4, 30, shelf.warranty[4:30])
    assert piped.out == shelf.warranty
    assert "warranty.md" in piped.err


def test_a_document_that_is_not_there_is_not_found(inglenook, shelf):
    """Exit code 3, one line."""
    done = inglenook("show", "nowhere.txt")

    assert done.code == 3
    assert "nowhere.txt" in done.err
    assert done.err.count("\n") == 1


def test_remove_takes_a_document_out_and_leaves_the_file(inglenook, shelf):
    """What was removed is named; search finds it no more; the file is untouched."""
    path = shelf.folder / "house" / "warranty.md"

    removed = inglenook("remove", str(path), "--json").json["removed"]

    assert [row["path"] for row in removed] == [str(path)]
    assert path.read_text() == shelf.warranty
    assert not inglenook("search", "warranty", "--mode", "text", "--json").json["hits"]


def test_libraries_lists_each_with_its_size(inglenook, shelf):
    """The chosen library is marked."""
    (row,) = inglenook("libraries", "--json").json["libraries"]

    assert (row["name"], row["documents"], row["is_default"], row["problem"]) == ("default", 4, True, None)
    assert row["size_bytes"] > 0
    assert inglenook("libraries").out.startswith("* default  4 documents")


def test_export_and_backup_write_files_that_can_be_used(inglenook, shelf, tmp_path: Path):
    """The export is JSON lines; a backup put in a library's place answers like the first."""
    exported = inglenook("export", "out.jsonl", "--json").json
    saved = inglenook("backup", "copy.db", "--json").json
    restored = tmp_path / "home" / "libraries" / "restored"
    restored.mkdir()
    Path(saved["path"]).rename(restored / "library.db")

    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    found = inglenook("search", "warranty", "--library", "restored", "--mode", "text", "--json").json["hits"]

    assert exported == {"path": str(tmp_path / "out.jsonl"), "size_bytes": (tmp_path / "out.jsonl").stat().st_size}
    assert rows
    assert Path(found[0]["path"]).name == "warranty.md"


def test_doctor_is_well_and_notices_damage(inglenook, shelf):
    """A whole library is healthy; a flipped byte in the store is found, with exit code 1 or 4."""
    healthy = inglenook("doctor", "--json")
    database = shelf.home / "libraries" / "default" / "library.db"
    for suffix in ("-wal", "-shm"):
        assert not database.with_name(database.name + suffix).exists() or inglenook("doctor").code == 0
    whole = database.read_bytes()
    at = whole.find("物业费应在".encode())
    database.write_bytes(whole[:at] + b"X" + whole[at + 1 :])

    damaged = inglenook("doctor", "--json")

    assert healthy.code == 0
    assert healthy.json["healthy"]
    assert at > 0
    assert damaged.code in (1, 4)
    assert not damaged.json.get("healthy", False)


def test_ask_gives_citations_that_can_be_checked(inglenook, shelf):
    """Each quote is the document's extracted text at its offsets, as `show` gives it."""
    answer = inglenook("ask", "When does the warranty of the washing machine end?", "--json").json

    assert answer["supported"]
    assert "12 March 2027" in answer["answer"]
    for citation in answer["citations"]:
        place = ["--from", str(citation["char_start"]), "--to", str(citation["char_end"])]
        assert inglenook("show", citation["path"], *place, "--json").json["text"] == citation["quote"]
        assert citation["quote"] in shelf.warranty


def test_a_chinese_question_gets_a_chinese_answer(inglenook, shelf):
    """The right sentence of the right document, with its lines."""
    answer = inglenook("ask", "物业费每月几号之前缴纳？", "--json").json

    citation = answer["citations"][0]
    assert answer["supported"]
    assert "五号" in citation["quote"]
    assert shelf.fees[citation["char_start"] : citation["char_end"]] == citation["quote"]
    assert citation["line_start"] == 3


def test_an_unsupported_question_is_answered_honestly(inglenook, shelf):
    """Exit code 0, `supported` false, no citation; with `--strict` 5."""
    words = ["ask", "Who won the 1998 chess championship of Reykjavik?"]
    done = inglenook(*words, "--json")

    assert (done.code, done.json["supported"], done.json["citations"], done.json["short"]) == (0, False, [], "")
    assert inglenook(*words, "--strict").code == 5


def test_replay_gives_the_answer_again_and_says_what_changed(inglenook, shelf):
    """The recorded answer stays; when its document is gone the difference is told."""
    asked = inglenook("ask", "When does the warranty of the washing machine end?", "--json").json
    same = inglenook("replay", asked["answer_id"], "--json").json
    inglenook("remove", str(shelf.folder / "house" / "warranty.md"))
    changed = inglenook("replay", asked["answer_id"], "--json").json

    assert same["recorded"]["answer"] == asked["answer"]
    assert same["differences"] == []
    assert changed["recorded"]["answer"] == asked["answer"]
    assert changed["differences"]
    assert inglenook("replay", "nonesuch").code == 3


@pytest.mark.slow
def test_ctrl_c_stops_calmly_and_keeps_what_was_reported(inglenook, start, tmp_path: Path):
    """Exit code 130, no traceback, and each file named as added is there afterwards."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(400):
        (folder / f"{number:03}.txt").write_text(f"Note {number} speaks of kettles. " * 200)
    child = start("add", str(folder))
    first = child.stderr.readline()
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    reported = [line.split()[1].decode() for line in [first, *err.splitlines()] if line.startswith(b"added")]
    assert reported, (first, out, err)
    listed = {row["path"] for row in inglenook("documents", "--json").json["documents"]}

    assert child.returncode == 130
    assert b"Traceback" not in out + err
    assert b"stopped; what was reported as added is kept" in err
    assert reported
    assert {str(tmp_path / path) for path in reported} <= listed


@pytest.mark.slow
def test_watch_follows_a_folder_until_it_is_stopped(inglenook, start, tmp_path: Path):
    """The first report is the state at the start, then one for each change; Ctrl-C ends it with 0."""
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.txt").write_text("The kettle is blue.\n")
    inglenook("add", "notes")
    child = start("watch", "--json")
    try:
        first = json.loads(child.stdout.readline())
        time.sleep(1)  # the notifications begin after the first round
        (folder / "b.txt").write_text("The roof is flat.\n")
        line = json.loads(child.stdout.readline())
    finally:
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=30)

    assert (first["unchanged"], first["added"]) == (1, 0)
    assert line["added"] == 1
    assert child.returncode == 0, err.decode()
    assert b"Traceback" not in err


@pytest.mark.slow
def test_eval_retrieval_reports_each_mode(inglenook, tmp_path: Path):
    """A collection in which every query finds its document scores 1 by words."""
    texts = {"a": "The kettle boils water.", "b": "The cat sleeps on the mat.", "c": "Ships need lighthouses."}
    write(tmp_path / "d.jsonl", [{"id": i, "text": text} for i, text in texts.items()])
    write(tmp_path / "q.jsonl", [{"id": "1", "text": "boiling kettle"}, {"id": "2", "text": "cat"}])
    write(
        tmp_path / "r.jsonl",
        [{"query_id": "1", "doc_id": "a", "relevance": 1}, {"query_id": "2", "doc_id": "b", "relevance": 1}],
    )

    done = inglenook(
        "eval", "retrieval", "--documents", "d.jsonl", "--queries", "q.jsonl", "--qrels", "r.jsonl", "--json"
    ).json

    assert set(done) == {"text", "vector", "hybrid"}
    assert done["text"] == {"ndcg_at_10": 1.0, "mrr_at_10": 1.0, "recall_at_100": 1.0}


def test_eval_answers_reports_the_promised_numbers(inglenook, shelf, tmp_path: Path):
    """One question that the shelf answers and one that it does not."""
    rows = [
        {
            "question": "When does the warranty of the washing machine end?",
            "answer": "12 March 2027",
            "source_file": "warranty.md",
            "answerable": True,
        },
        {"question": "Who won the 1998 chess championship of Reykjavik?", "answer": "", "answerable": False},
    ]
    write(tmp_path / "q.jsonl", rows)

    done = inglenook("eval", "answers", "--questions", "q.jsonl", "--json").json

    assert {
        "n",
        "exact_match",
        "f1",
        "sentence_hit",
        "source_hit_at_1",
        "source_hit_at_5",
        "abstention_precision",
        "abstention_recall",
    } <= set(done)
    assert (done["n"], done["sentence_hit"], done["source_hit_at_1"]) == (2, 1.0, 1.0)
    assert done["abstention_recall"] == 1.0


def test_reembed_needs_to_know_what(inglenook, shelf):
    """Neither a model nor `--rollback` is a usage error; going back without a before says so."""
    nothing, back = inglenook("reembed"), inglenook("reembed", "--rollback")

    assert nothing.code == 2
    assert back.code != 0
    assert "Traceback" not in back.err


def test_a_missing_library_suggests_and_is_not_made(inglenook, shelf):
    """Asking a misspelt library makes no empty one."""
    done = inglenook("ask", "When?", "--library", "defualt")

    assert done.code == 3
    assert "defualt" in done.err
    assert not (shelf.home / "libraries" / "defualt").exists()

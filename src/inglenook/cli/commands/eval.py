"""`inglenook eval`: how well retrieval and answers do on questions whose answers are known."""

from pathlib import Path

from inglenook.cli.parser import Parser, add_examples, positive
from inglenook.cli.progress import Bar
from inglenook.cli.session import OK, Session
from inglenook.cli.terminal import Piece


def configure(parser: Parser) -> None:
    """Declare the two measurements."""
    kinds = parser.add_commands("measurement")
    summary = "nDCG@10, MRR@10 and recall@100 of each search mode"
    retrieval = kinds.add_parser("retrieval", help=summary, description=summary + ".", configure=_configure_retrieval)
    retrieval.set_defaults(run=_run_retrieval)
    summary = "exact match, F1, sentence and source hits, abstention"
    answers = kinds.add_parser("answers", help=summary, description=summary + ".", configure=_configure_answers)
    answers.set_defaults(run=_run_answers)


def _configure_retrieval(parser: Parser) -> None:
    for name, keys in (
        ("documents", "id, title?, text"),
        ("queries", "id, text"),
        ("qrels", "query_id, doc_id, relevance"),
    ):
        help_text = f"JSON lines {{{keys}}}, perhaps .gz"
        parser.add_argument(f"--{name}", type=Path, required=True, metavar="FILE", help=help_text)
    add_examples(
        parser,
        "inglenook eval retrieval --documents docs.jsonl.gz --queries queries.jsonl.gz --qrels qrels.jsonl.gz",
        "inglenook eval retrieval --documents docs.jsonl --queries queries.jsonl --qrels qrels.jsonl --json",
    )


def _configure_answers(parser: Parser) -> None:
    help_text = "JSON lines {question, answer, aliases?, source_file?, supporting_quote?, answerable?}, perhaps .gz"
    parser.add_argument("--questions", type=Path, required=True, metavar="FILE", help=help_text)
    parser.add_argument("--limit", type=positive, metavar="N", help="ask the first N questions only")
    add_examples(
        parser,
        "inglenook eval answers --questions questions.jsonl --library work",
        "inglenook eval answers --questions questions.jsonl.gz --limit 100 --json",
    )


def _run_retrieval(session: Session) -> int:
    from inglenook.answer.evaluate_retrieval import evaluate_retrieval, read_collection

    arguments, terminal = session.arguments, session.terminal
    collection = read_collection(arguments.documents, arguments.queries, arguments.qrels)
    terminal.status(f"adding {len(collection.documents):,} documents to a library of their own")
    with Bar(terminal, "queries") as bar:
        results = evaluate_retrieval(
            collection, session.settings, on_progress=lambda mode, done, total: bar.update(done, total, label=mode)
        )
    if terminal.is_json:
        terminal.json(results)
        return OK
    names = list(next(iter(results.values())))
    terminal.line(Piece("        " + "".join(f"{name:>16}" for name in names), "dim"))
    for mode, numbers in results.items():
        terminal.line(Piece(f"{mode:<8}", "bold"), "".join(f"{numbers[name]:>16.4f}" for name in names))
    return OK


def _run_answers(session: Session) -> int:
    from inglenook.answer.evaluate import evaluate_answers, read_questions

    arguments, terminal = session.arguments, session.terminal
    questions = list(read_questions(arguments.questions))[: arguments.limit]
    with session.open_library(read_only=True) as library, Bar(terminal, "questions") as bar:
        scores = evaluate_answers(
            questions, library, on_progress=lambda done: bar.update(done, len(questions))
        ).as_dict()
    if terminal.is_json:
        terminal.json(scores)
        return OK
    for name, value in scores.items():
        shown = "-" if value is None else f"{value:,}" if name == "n" else f"{value:.4f}"
        terminal.line(f"{name:<22}", Piece(shown, "bold"))
    return OK

"""``quoth ask``: one question, answered on the terminal."""

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from service.cli.console import AsJson, DataDir, OnlyCollections, err, out, settings_of_index
from service.question import DEFAULT_TOP_K

if TYPE_CHECKING:
    from service.answering.answer import AnswerText
    from service.answering.citation import Citation
    from service.answering.record import AnswerRecord

_PASSAGES_SHOWN = 3
"""Nearest passages that are printed where there is no answer."""


def ask_question(
    question: Annotated[str, typer.Argument(help="The question.", show_default=False)],
    data: DataDir = None,
    as_json: AsJson = False,
    top_k: Annotated[int, typer.Option(help="Passages to read, 1 to 50.")] = DEFAULT_TOP_K,
    tag: Annotated[
        list[str] | None, typer.Option(help="Only documents with this tag. May be repeated.")
    ] = None,
    document: Annotated[
        list[str] | None, typer.Option(help="Only this document. May be repeated.")
    ] = None,
    collection: OnlyCollections = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="The day on which the question is asked. What was published later is left out.",
        ),
    ] = None,
    min_confidence: Annotated[
        float | None, typer.Option(help="0 to 1. [default: the calibrated threshold]")
    ] = None,
) -> None:
    """Ask a question.

    Prints the answer, the sentence that holds it, and its source.
    """
    from index.filters import Filters
    from service.answering.service import open_service
    from service.question import make_question

    checked = make_question(
        question,
        top_k=top_k,
        filters=Filters(
            document_ids=tuple(document or ()),
            tags=tuple(tag or ()),
            collections=None if collection is None else frozenset(collection),
        ),
        min_confidence=min_confidence,
        as_of=as_of and as_of.date(),
    )
    with open_service(settings_of_index(data), writable=False) as service:
        kept = service.ask(checked)
    if as_json:
        sys.stdout.write(kept.body.decode() + "\n")
    else:
        print_answer(kept.record)


def print_answer(record: "AnswerRecord") -> None:
    """Print the outcome of a question."""
    from service.answering import wording

    if record.reply is not None:
        out.print(Text(record.reply))
    elif record.best_guess is not None:
        out.print(Text(wording.UNSURE))
        _print_statement(record.best_guess, record.best_guess.citations, is_sure=False)
    elif record.answer is None:
        _print_refusal(record)
    else:
        _print_statement(record.answer, record.citations, is_sure=True)
        if record.conflict:
            out.print(Text(f"\n{wording.CONFLICT} {wording.ALSO_SAY}"))
        for other in record.alternatives if record.conflict else ():
            out.print(Text(f"\n{other.text}", style="bold"))
            _print_citations(other.citations)


def _print_refusal(record: "AnswerRecord") -> None:
    from service.answering import wording
    from service.answering.layout import excerpt_of
    from service.answering.reason import Reason

    out.print(Text(wording.NO_ANSWER, style="bold"))
    out.print(Text(wording.REFUSALS[record.reason or Reason.NO_SPAN]))
    if record.passages:
        err.print(Text(f"{wording.NEAREST}:"))
    for passage in record.passages[:_PASSAGES_SHOWN]:
        whole = excerpt_of(passage, len(passage.text))
        out.print(
            Text.assemble("\n", whole.before, (whole.sentence, "bold"), whole.after, style="dim")
        )
        out.print(Text(f"  {passage.title} [{passage.document_id}]", style="dim"))


def _print_statement(
    answer: "AnswerText", citations: "Sequence[Citation]", *, is_sure: bool
) -> None:
    """Print an answer or a best guess: the latter in its sentence, so that it can be judged."""
    from service.answering import wording
    from service.answering.layout import is_composed

    first, confidence = citations[0], answer.confidence
    if is_composed(answer):
        _print_composed(answer, citations)
    elif is_sure:
        out.print(Text(answer.text, style="bold"))
    else:
        start = first.start - first.sentence.start
        end = start + len(first.quote)
        sentence = Text(first.sentence.text)
        sentence.stylize("bold", start, end)
        out.print(sentence)
    out.print(
        Text(f"{wording.confidence_words(confidence)} (confidence {confidence:.2f})", style="dim")
    )
    if is_composed(answer):
        _print_documents(citations)
    else:
        _print_citations(citations, is_first_sentence_shown=not is_sure)


def _print_composed(answer: "AnswerText", citations: "Sequence[Citation]") -> None:
    """Print the quotes of an answer one by one, each with its number."""
    from service.answering.layout import OMISSION, laid_out, lead_in, paragraphs, row_name
    from service.reader.form import AnswerForm

    quotes = laid_out(answer, citations)
    if answer.form is AnswerForm.PASSAGE:
        for number, paragraph in enumerate(paragraphs(quotes)):
            text = Text("\n" if number else "")
            for at, quote in enumerate(paragraph):
                omission = f"{OMISSION} " if quote.omits else ""
                text.append(f" {omission}" if at else "")
                text.append(quote.text, style="bold").append(f" [{quote.citation.number}]")
            out.print(text)
        return
    name = row_name(quotes) if answer.form is AnswerForm.ROW else lead_in(quotes)
    if name is not None:
        out.print(Text(name))
    for quote in quotes:
        mark = "" if answer.form is AnswerForm.ROW else "  • "
        head = f"{quote.head}: " if quote.head else ""
        text = Text(mark + head)
        out.print(text.append(quote.text, style="bold").append(f" [{quote.citation.number}]"))


def _print_documents(citations: "Sequence[Citation]") -> None:
    """Print the documents of citations, with the numbers of those that are from each."""
    from service.answering.layout import source_documents

    for document in source_documents(citations):
        out.print(Text(f"\n[{document.numbers}] {_described(*document.citations)}"))


def _print_citations(
    citations: "Sequence[Citation]", *, is_first_sentence_shown: bool = False
) -> None:
    for at, citation in enumerate(citations):
        out.print(Text(f"\n[{citation.number}] {_described(citation)}"))
        is_shown = is_first_sentence_shown and at == 0
        if citation.sentence.text != citation.quote and not is_shown:
            out.print(Text(f"    {citation.sentence.text}"))


def _described(*citations: "Citation") -> str:
    """The document of citations: its title, file, date, page and address, and the offsets from the
    first of them to the last.
    """
    from service.answering.wording import other_file_name

    first = citations[0]
    start, end = min(each.start for each in citations), max(each.end for each in citations)
    parts = (
        first.title,
        other_file_name(first.title, first.file_name),
        first.published.isoformat() if first.published else None,
        f"page {first.page}" if first.page else None,
        first.url,
        f"{first.document_id} {start}-{end}",
    )
    return ", ".join(part for part in parts if part)

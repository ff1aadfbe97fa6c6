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
        _print_answer(kept.record)


def _print_answer(record: "AnswerRecord") -> None:
    from service.answering import wording
    from service.answering.reason import Reason

    if record.reply is not None:
        out.print(Text(record.reply))
        return
    if record.best_guess is not None:
        out.print(Text(wording.UNSURE))
        _print_statement(record.best_guess.text, record.best_guess.confidence)
        _print_citations(record.best_guess.citations)
        return
    if record.answer is None:
        out.print(Text(wording.NO_ANSWER, style="bold"))
        out.print(Text(wording.REFUSALS[record.reason or Reason.NO_SPAN]))
        if record.passages:
            err.print(Text(f"{wording.NEAREST}:"))
        for passage in record.passages[:_PASSAGES_SHOWN]:
            out.print(
                Text(f"\n{passage.text}\n  {passage.title} [{passage.document_id}]", style="dim")
            )
        return
    _print_statement(record.answer.text, record.answer.confidence)
    _print_citations(record.citations)
    if record.conflict:
        out.print(Text(f"\n{wording.CONFLICT} {wording.ALSO_SAY}"))
        for other in record.alternatives:
            out.print(Text(f"\n{other.text}", style="bold"))
            _print_citations(other.citations)


def _print_statement(text: str, confidence: float) -> None:
    from service.answering import wording

    out.print(Text(text, style="bold"))
    out.print(
        Text(f"{wording.confidence_words(confidence)} (confidence {confidence:.2f})", style="dim")
    )


def _print_citations(citations: "Sequence[Citation]") -> None:
    from service.answering.wording import other_file_name

    for citation in citations:
        parts = (
            citation.title,
            other_file_name(citation.title, citation.file_name),
            citation.published.isoformat() if citation.published else None,
            f"page {citation.page}" if citation.page else None,
            citation.url,
            f"{citation.document_id} {citation.start}-{citation.end}",
        )
        out.print(Text(f"\n[{citation.number}] {', '.join(part for part in parts if part)}"))
        if citation.sentence.text != citation.quote:
            out.print(Text(f"    {citation.sentence.text}"))

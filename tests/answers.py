"""Records of every outcome and form of answer, made of one small document or two."""

from datetime import date

from service.answering.answer import AnswerQuote, AnswerText, Statement
from service.answering.citation import CellHeads, Citation, CitedSentence, citation_link
from service.answering.reason import Reason
from service.answering.record import AnswerRecord, OutcomeKind, Passage, SentenceExtent
from service.answering.small_talk import REPLIES, SmallTalk
from service.reader.form import AnswerForm

TRAVEL = """Travel policy

Hotels in Germany are paid up to 140 euros a night. Breakfast is paid on top. Ask your manager \
before you book a dearer hotel. Receipts are kept for ten years.

To claim a journey, send these to the travel desk:
the form, signed by your manager
all receipts, in the order of their dates
the number of your cost centre
"""
LORRIES = """Vehicle | Driver | Plate
Red lorry | Maja Sten | B-RL 204
"""
NEWS = (
    """The limit for hotels in Germany was 120 euros a night until 2024. The company raised it."""
)

TEXTS = {"travel": TRAVEL, "lorries": LORRIES, "news": NEWS}
TITLES = {"travel": "Travel policy", "lorries": "Lorries", "news": "Staff news"}
DATES = {"travel": date(2025, 11, 7), "lorries": None, "news": date(2024, 1, 2)}


def citation(number: int, document: str, quote: str, *heads: str, sentence: str = "") -> Citation:
    """The citation of a quote in its sentence, which is the quote itself if none is given.

    :param heads: of a cell: the cell that names its row, and the one that names its column
    """
    text = TEXTS[document]
    start, sentence = text.index(quote), sentence or quote
    sentence_start = text.index(sentence)
    return Citation(
        number=number,
        document_id=document,
        version="v1",
        title=TITLES[document],
        url=None,
        published=DATES[document],
        page=None,
        start=start,
        end=start + len(quote),
        quote=quote,
        sentence=CitedSentence(
            start=sentence_start, end=sentence_start + len(sentence), text=sentence
        ),
        link=citation_link(document, "v1", start, start + len(quote)),
        file_name=f"{document}.md",
        cell=_heads(text, *heads) if heads else None,
    )


def _heads(text: str, row: str, column: str) -> CellHeads:
    row_start, column_start = text.index(row), text.index(column)
    return CellHeads(
        row=row,
        column=column,
        row_start=row_start,
        row_end=row_start + len(row),
        column_start=column_start,
        column_end=column_start + len(column),
    )


def statement(form: AnswerForm, *citations: Citation, confidence: float = 0.88) -> Statement:
    """A statement that quotes all of these, or the first if it is a short one."""
    quoted = citations[:1] if form is AnswerForm.SHORT else citations
    quotes = tuple(AnswerQuote(text=each.quote, citation=each.number) for each in quoted)
    return Statement(
        text=citations[0].quote,
        confidence=confidence,
        form=form,
        quotes=quotes,
        citations=citations,
    )


HOTEL = "Hotels in Germany are paid up to 140 euros a night."
SHORT = statement(AnswerForm.SHORT, citation(1, "travel", "140 euros", sentence=HOTEL))
SENTENCE = statement(AnswerForm.SENTENCE, citation(1, "travel", HOTEL))
PASSAGE = statement(
    AnswerForm.PASSAGE,
    citation(1, "travel", HOTEL),
    citation(2, "travel", "Breakfast is paid on top."),
    citation(3, "travel", "Receipts are kept for ten years."),
    citation(4, "news", "The company raised it."),
)
LEAD_IN = "To claim a journey, send these to the travel desk:"
FORM = "the form, signed by your manager"
LIST = statement(
    AnswerForm.LIST,
    citation(1, "travel", FORM, sentence=f"{LEAD_IN}\n{FORM}"),
    citation(2, "travel", "all receipts, in the order of their dates"),
    citation(3, "travel", "the number of your cost centre"),
)
ROW = statement(
    AnswerForm.ROW,
    citation(1, "lorries", "Maja Sten", "Red lorry", "Driver"),
    citation(2, "lorries", "B-RL 204", "Red lorry", "Plate"),
)
OTHER_LIMIT = "The limit for hotels in Germany was 120 euros a night until 2024."
STATEMENTS = {each.form: each for each in (SHORT, SENTENCE, PASSAGE, LIST, ROW)}


def passage(document: str, best: str | None = None) -> Passage:
    """A whole document as a passage, with its best sentence."""
    text = TEXTS[document]
    start = text.index(best) if best else 0
    return Passage(
        document_id=document,
        version="v1",
        title=TITLES[document],
        start=0,
        end=len(text),
        text=text,
        score=0.7,
        rank=1,
        file_name=f"{document}.md",
        best_sentence=SentenceExtent(start=start, end=start + len(best)) if best else None,
    )


PASSAGES = (passage("travel", "Receipts are kept for ten years."), passage("news"))


def record(
    outcome: OutcomeKind,
    shown: Statement | None = None,
    alternatives: tuple[Statement, ...] = (),
    *,
    question: str = "What is paid?",
    conflict: bool = False,
    reply: str | None = None,
) -> AnswerRecord:
    """The record of an outcome that shows this statement."""
    is_answer = outcome is OutcomeKind.ANSWER
    reasons = {OutcomeKind.UNSURE: Reason.LOW_CONFIDENCE, OutcomeKind.NONE: Reason.NO_SPAN}
    return AnswerRecord(
        id="a" * 32,
        question=question,
        resolved_question=question,
        answered=is_answer,
        outcome=outcome,
        answer=AnswerText(**shown.model_dump(exclude={"citations"}))
        if is_answer and shown
        else None,
        best_guess=shown if outcome is OutcomeKind.UNSURE else None,
        citations=shown.citations if is_answer and shown else (),
        alternatives=alternatives,
        reason=reasons.get(outcome),
        passages=() if reply else PASSAGES,
        conflict=conflict,
        generation=1,
        timings_ms={},
        reply=reply,
    )


RECORDS = {
    **{form.value: record(OutcomeKind.ANSWER, each) for form, each in STATEMENTS.items()},
    **{
        f"unsure {form.value}": record(
            OutcomeKind.UNSURE, each.model_copy(update={"confidence": 0.31})
        )
        for form, each in STATEMENTS.items()
    },
    "none": record(OutcomeKind.NONE),
    "conflict": record(
        OutcomeKind.ANSWER,
        SHORT,
        (statement(AnswerForm.SHORT, citation(1, "news", "120 euros", sentence=OTHER_LIMIT)),),
        conflict=True,
    ),
    "small talk": record(OutcomeKind.NONE, question="hi", reply=REPLIES[SmallTalk.GREETING]),
}
"""A record of each outcome, and for answers and guesses of each form."""

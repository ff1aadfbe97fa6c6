"""Every outcome and form of answer, as each channel draws it."""

import io
from typing import Any

import pytest
from rich.console import Console

from service.answering.citation import CitedSentence
from service.answering.layout import (
    excerpt_of,
    laid_out,
    lead_in,
    paragraphs,
    row_name,
    source_documents,
)
from service.answering.record import AnswerRecord
from service.answering.wording import GREETING, NO_ANSWER, UNSURE
from service.cli import questions
from service.http.completion_message import answer_in, as_message
from service.slack.block_kit import MAX_QUOTE_LENGTH
from service.slack.blocks import answer_post, context_post, nearest_post
from tests.answers import LEAD_IN, LIST, PASSAGE, PASSAGES, RECORDS, ROW, passage

BASE = "http://quoth"


def printed(record: AnswerRecord, monkeypatch: pytest.MonkeyPatch) -> str:
    written = io.StringIO()
    console = Console(file=written, width=200, highlight=False, soft_wrap=True)
    monkeypatch.setattr(questions, "out", console)
    questions.print_answer(record)
    return written.getvalue()


def texts(block: Any) -> str:  # Any: JSON
    """What a block of Slack's shows, a line for each of its parts."""
    if "text" in block and isinstance(block["text"], str):
        return block["text"]
    parts = [texts(part) for part in block.get("elements", [])]
    is_line = block["type"] in ("rich_text_section", "rich_text_quote")
    return ("" if is_line else "\n").join(parts)


# -- layout


def test_sentences_that_do_not_follow_each_other_have_a_mark_between_them() -> None:
    quotes = laid_out(PASSAGE, PASSAGE.citations)
    assert [quote.omits for quote in quotes] == [False, False, True, False]
    assert [len(paragraph) for paragraph in paragraphs(quotes)] == [3, 1]


@pytest.mark.parametrize(
    ("before", "introduction"),
    [
        (f"{LEAD_IN}\n", LEAD_IN),
        (f"{LEAD_IN}\n\n  - ", LEAD_IN),
        (f"{LEAD_IN}\n1. ", LEAD_IN),
        (f"{LEAD_IN}\n> (a) ", LEAD_IN),
        ("Two words\nof it are enough:\n* ", "Two words\nof it are enough:"),
        ("", None),
    ],
)
def test_the_lead_in_of_a_list_is_in_the_sentence_of_its_first_item(
    before: str, introduction: str | None
) -> None:
    first, *others = LIST.citations
    sentence = CitedSentence(
        start=first.start - len(before), end=first.end, text=before + first.quote
    )
    first = first.model_copy(update={"sentence": sentence})
    assert lead_in(laid_out(LIST, [first, *others])) == introduction


def test_a_row_is_named_unless_its_name_is_a_cell_of_it() -> None:
    quotes = laid_out(ROW, ROW.citations)
    assert (row_name(quotes), [quote.head for quote in quotes]) == (
        "Red lorry",
        ["Driver", "Plate"],
    )
    named = [quotes[0].__class__("Red lorry", quotes[0].citation), *quotes]
    assert row_name(named) is None


def test_each_document_is_named_once_with_the_numbers_of_its_quotes() -> None:
    assert [each.numbers for each in source_documents(PASSAGE.citations)] == ["1–3", "4"]
    assert [each.numbers for each in source_documents(ROW.citations)] == ["1, 2"]


@pytest.mark.parametrize("length", [10, 40, 80, 120, 1_000])
def test_a_passage_is_cut_around_its_best_sentence_and_never_before_its_end(length: int) -> None:
    best = PASSAGES[0].text.index("Receipts are kept"), len("Receipts are kept for ten years.")
    excerpt = excerpt_of(PASSAGES[0], length)
    assert excerpt.sentence == PASSAGES[0].text[best[0] : sum(best)]
    shown = excerpt.before + excerpt.after
    assert len(shown) <= max(length - best[1], 0) + 6  # an ellipsis and a space at either end
    assert excerpt.before.removeprefix("… ") in PASSAGES[0].text[: best[0]]
    assert excerpt.after.removesuffix(" …").rstrip() in PASSAGES[0].text[sum(best) :]
    if length == 1_000:
        assert excerpt.before + excerpt.sentence + excerpt.after == PASSAGES[0].text


def test_a_passage_that_was_not_read_is_shown_from_its_beginning() -> None:
    excerpt = excerpt_of(passage("travel"), 40)
    assert (excerpt.before, excerpt.sentence) == ("", "")
    assert excerpt.after == "Travel policy\n\nHotels in Germany are …"


# -- chat completions


EXPECTED = {
    "passage": (
        "> Hotels in Germany are paid up to 140 euros a night. [1] Breakfast is paid on top. [2] "
        "\\[…\\] Receipts are kept for ten years. [3]\n\n> The company raised it. [4]\n\n"
        "\\[1–3\\] [Travel policy](http://quoth/documents/travel?version=v1#15-66), travel.md, "
        "2025-11-07  \n\\[4\\] [Staff news](http://quoth/documents/news?version=v1#66-88), "
        "news.md, 2024-01-02"
    ),
    "list": (
        "To claim a journey, send these to the travel desk:\n\n"
        "- the form, signed by your manager [1]\n- all receipts, in the order of their dates [2]\n"
        "- the number of your cost centre [3]\n\n"
        "\\[1–3\\] [Travel policy](http://quoth/documents/travel?version=v1#227-259), travel.md, "
        "2025-11-07"
    ),
    "row": (
        "**Red lorry**\n\n- Driver: Maja Sten [1]\n- Plate: B-RL 204 [2]\n\n"
        "\\[1, 2\\] [Lorries](http://quoth/documents/lorries?version=v1#37-46), lorries.md"
    ),
}


@pytest.mark.parametrize("form", EXPECTED)
def test_a_message_shows_each_quote_with_its_number(form: str) -> None:
    message = as_message(RECORDS[form], BASE)
    assert message.content == EXPECTED[form]
    guess = as_message(RECORDS[f"unsure {form}"], BASE)
    assert guess.content == f"{UNSURE}\n\n{EXPECTED[form]}"
    for made, record in ((message, RECORDS[form]), (guess, RECORDS[f"unsure {form}"])):
        shown = record.best_guess or record.answer
        assert shown is not None
        cited = [annotation["url_citation"] for annotation in made.annotations]
        assert [made.content[each["start_index"] : each["end_index"]] for each in cited] == [
            f"{quote.text} [{quote.citation}]" for quote in shown.quotes
        ]


def test_a_best_guess_is_shown_in_its_sentence() -> None:
    content = as_message(RECORDS["unsure short"], BASE).content
    assert content.startswith(
        f"{UNSURE}\n\n> Hotels in Germany are paid up to **140 euros** a night. [1]\n\n1. [Travel"
    )


def test_the_quotes_are_read_back_from_the_message() -> None:
    assert answer_in(as_message(RECORDS["passage"], BASE).content) == (
        "Hotels in Germany are paid up to 140 euros a night. Breakfast is paid on top. Receipts "
        "are kept for ten years. The company raised it."
    )
    assert answer_in(as_message(RECORDS["row"], BASE).content) == (
        "Red lorry Driver: Maja Sten Plate: B-RL 204"
    )
    assert answer_in(as_message(RECORDS["unsure list"], BASE).content) == NO_ANSWER


def test_the_nearest_passages_have_their_best_sentence_in_bold() -> None:
    assert "**Receipts are kept for ten years.**" in as_message(RECORDS["none"], BASE).content


# -- the command line


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "passage",
            [
                "Hotels in Germany are paid up to 140 euros a night. [1] Breakfast is paid on top. "
                "[2] […] Receipts are kept for ten years. [3]",
                "",
                "The company raised it. [4]",
                "Very likely right (confidence 0.88)",
                "",
                "[1–3] Travel policy, travel.md, 2025-11-07, travel 15-174",
                "",
                "[4] Staff news, news.md, 2024-01-02, news 66-88",
            ],
        ),
        (
            "list",
            [
                "To claim a journey, send these to the travel desk:",
                "  • the form, signed by your manager [1]",
                "  • all receipts, in the order of their dates [2]",
                "  • the number of your cost centre [3]",
                "Very likely right (confidence 0.88)",
                "",
                "[1–3] Travel policy, travel.md, 2025-11-07, travel 227-332",
            ],
        ),
        (
            "unsure row",
            [
                UNSURE,
                "Red lorry",
                "Driver: Maja Sten [1]",
                "Plate: B-RL 204 [2]",
                "Possibly right (confidence 0.31)",
                "",
                "[1, 2] Lorries, lorries.md, lorries 37-57",
            ],
        ),
        (
            "unsure short",
            [
                UNSURE,
                "Hotels in Germany are paid up to 140 euros a night.",
                "Possibly right (confidence 0.31)",
                "",
                "[1] Travel policy, travel.md, 2025-11-07, travel 48-57",
            ],
        ),
        ("small talk", [GREETING]),
    ],
)
def test_the_command_line_prints_each_quote_with_its_number(
    name: str, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert printed(RECORDS[name], monkeypatch).splitlines() == lines


# -- Slack


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (
            "passage",
            "Hotels in Germany are paid up to 140 euros a night. [1] Breakfast is paid on top. [2] "
            "[…] Receipts are kept for ten years. [3]\nThe company raised it. [4]",
        ),
        (
            "list",
            "To claim a journey, send these to the travel desk:\n"
            "the form, signed by your manager [1]\nall receipts, in the order of their dates [2]\n"
            "the number of your cost centre [3]",
        ),
        ("row", "Red lorry\nDriver: Maja Sten [1]\nPlate: B-RL 204 [2]"),
    ],
)
def test_slack_shows_each_quote_with_its_number(name: str, shown: str) -> None:
    sure, guess = answer_post(RECORDS[name], BASE), answer_post(RECORDS[f"unsure {name}"], BASE)
    assert texts(sure.blocks[0]) == shown
    assert (guess.blocks[0]["text"]["text"], texts(guess.blocks[1])) == (UNSURE, shown)
    numbers = [each.numbers for each in source_documents(RECORDS[name].citations)]
    sources = sure.blocks[1]["elements"]
    assert [each["text"].partition(" <")[0] for each in sources] == [f"[{n}]" for n in numbers]


def test_slack_shows_only_as_many_items_as_a_block_holds() -> None:
    quote = LIST.quotes[0].model_copy(update={"text": "word " * 60})
    long = LIST.model_copy(update={"quotes": (*[quote] * 40,)})
    record = RECORDS["list"].model_copy(update={"answer": long})
    shown = texts(answer_post(record, BASE).blocks[0])
    assert MAX_QUOTE_LENGTH - 400 < len(shown.replace("\n", "")) <= MAX_QUOTE_LENGTH + 1
    assert shown.endswith("…")


def test_slack_shows_a_passage_once_for_all_that_is_quoted_of_it() -> None:
    post = context_post(RECORDS["list"], BASE)
    (_, quoted) = post.blocks
    bold = [part for part in quoted["elements"][0]["elements"] if "style" in part]
    assert bold[0]["text"].startswith("the form, signed")
    assert bold[0]["text"].endswith("the number of your cost centre")


def test_the_nearest_passages_in_slack_have_their_best_sentence_in_bold() -> None:
    quoted = nearest_post(RECORDS["none"]).blocks[1]["elements"][0]["elements"]
    assert [part["text"] for part in quoted if "style" in part] == [
        "Receipts are kept for ten years."
    ]


def test_small_talk_in_slack_is_a_line_without_buttons() -> None:
    post = answer_post(RECORDS["small talk"], BASE)
    assert (post.text, len(post.blocks)) == (GREETING, 1)

"""Chat completions as shapes: what a message says, what is read back from one, and what a
conversation asks.
"""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from corpus.errors import QuestionError
from service.answering.answer import AnswerText, Statement
from service.answering.citation import Citation, CitedSentence
from service.answering.reason import Reason
from service.answering.record import AnswerRecord, Passage
from service.answering.wording import NO_ANSWER, refusal
from service.http.completion import MODEL
from service.http.completion_message import answer_in, as_message
from service.http.completion_request import CompletionRequest
from service.question import MAX_TURN_LENGTH, MAX_TURNS, Role, Turn, make_question

BASE = "http://quoth"
SENTENCE = "The pipeline is about 3,000 kilometres long."


def citation(
    number: int = 1, quote: str = "3,000 kilometres", sentence: str = SENTENCE, **known: Any
) -> Citation:
    start = max(sentence.find(quote), 0)
    fields = {
        "title": "The pipeline",
        "url": None,
        "published": date(2025, 11, 7),
        "page": None,
        **known,
    }
    return Citation(
        number=number,
        document_id="pipe",
        version="v1",
        start=start,
        end=start + len(quote),
        quote=quote,
        sentence=CitedSentence(start=0, end=len(sentence), text=sentence),
        link=f"/documents/pipe?version=v1#{start}-{start + len(quote)}",
        **fields,
    )


def response(*citations: Citation, reason: Reason | None = None, **known: Any) -> AnswerRecord:
    answer = AnswerText(text=citations[0].quote, confidence=0.9) if citations else None
    fields = {"alternatives": (), "passages": (), "conflict": False, **known}
    return AnswerRecord(
        id="a1",
        question="How long?",
        resolved_question="How long?",
        answered=answer is not None,
        answer=answer,
        citations=citations,
        reason=reason,
        generation=1,
        timings_ms={},
        **fields,
    )


def passage(text: str, title: str = "The pipeline") -> Passage:
    return Passage(
        document_id="pipe", version="v1", title=title, start=0, end=1, text=text, score=1, rank=1
    )


def request(*messages: tuple[str, Any], **asked: Any) -> CompletionRequest:
    given = [{"role": role, "content": content} for role, content in messages]
    return CompletionRequest.model_validate({"model": MODEL, "messages": given, **asked})


# -- messages


def test_a_message_gives_the_quote_and_then_its_sentence_with_its_source() -> None:
    assert as_message(response(citation()), BASE).content == (
        "**3,000 kilometres** [1]\n\n"
        "1. “The pipeline is about 3,000 kilometres long.” — "
        "[The pipeline](http://quoth/documents/pipe?version=v1#22-38), 2025-11-07"
    )


def test_a_quote_that_is_a_sentence_is_not_said_twice() -> None:
    whole = citation(quote=SENTENCE, published=None, page=3)
    assert as_message(response(whole), BASE).content == (
        f"**{SENTENCE}** [1]\n\n1. [The "
        "pipeline](http://quoth/documents/pipe?version=v1#0-44), page 3"
    )


def test_every_source_is_numbered_and_annotated_where_it_stands() -> None:
    message = as_message(
        response(citation(), citation(2, "3 000 km", "It is 3 000 km long.", title="Another")), BASE
    )
    assert message.content.startswith("**3,000 kilometres** [1][2]\n\n1. ")
    cited = [annotation["url_citation"] for annotation in message.annotations]
    assert [annotation["type"] for annotation in message.annotations] == ["url_citation"] * 2
    assert [each["title"] for each in cited] == ["The pipeline", "Another"]
    assert [each["url"] for each in cited] == [
        "http://quoth/documents/pipe?version=v1#22-38",
        "http://quoth/documents/pipe?version=v1#6-14",
    ]
    assert [message.content[each["start_index"] : each["end_index"]] for each in cited] == [
        line[3:] for line in message.content.splitlines()[2:]
    ]


def test_documents_that_differ_stand_side_by_side() -> None:
    other = Statement(
        text="2,000 km", confidence=0.4, citations=(citation(1, "2,000 km", "It is 2,000 km."),)
    )
    message = as_message(
        response(citation(), citation(2), alternatives=[other], conflict=True), BASE
    )
    assert (
        "\n\nThe documents disagree. They also say:\n\n**2,000 km** [3]\n\n3. “It is 2,000 km.”"
        in message.content
    )
    assert len(message.annotations) == 3
    assert "2,000" not in as_message(response(citation(), alternatives=[other]), BASE).content


@pytest.mark.parametrize("reason", Reason)
def test_without_an_answer_a_message_says_so_and_names_the_nearest_passages(reason: Reason) -> None:
    passages = [passage("Short.", f"Title {number}") for number in range(5)]
    message = as_message(response(reason=reason, passages=passages), BASE)
    assert message.annotations == []
    assert message.content == (
        f"{refusal(reason)}\n\nThe nearest passages:\n\n- Title 0: “Short.”\n- Title 1: "
        "“Short.”\n- Title 2: “Short.”"
    )
    assert as_message(response(reason=reason), BASE).content == refusal(reason)


def test_a_long_passage_is_shortened_between_words() -> None:
    message = as_message(response(reason=Reason.NO_SPAN, passages=[passage("word " * 100)]), BASE)
    assert message.content.endswith("word word …”")
    assert len(message.content) < 350


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>alert(1)</script>", r"\<script>alert(1)\</script>"),
        ("![x](http://evil)", r"!\[x\](http://evil)"),
        ("2*3*4 `x` \\", r"2\*3\*4 \`x\` \\"),
        ("two\r\n  lines", "two lines"),
        ("$5 and snake_case #1", "$5 and snake_case #1"),
    ],
)
def test_words_of_documents_are_text_and_not_markdown(text: str, shown: str) -> None:
    content = as_message(
        response(citation(quote=text, sentence=f"It says {text}.", title=text)), BASE
    ).content
    assert content.startswith(
        f"**{shown}** [1]\n\n1. “It says {shown}.” — [{shown}](http://quoth/documents/"
    )


# -- reading messages back


@given(
    st.text(
        st.characters(exclude_characters="\n\r", exclude_categories=["Cs", "Zl", "Zp", "Cc"]),
        min_size=1,
    )
)
def test_the_quote_is_read_back_from_the_message(quote: str) -> None:
    if quote != quote.strip():
        return
    assert (
        answer_in(
            as_message(response(citation(quote=quote, sentence=f"So {quote}.")), BASE).content
        )
        == quote
    )


def test_the_quote_is_read_back_from_several_sources_and_from_a_trimmed_message() -> None:
    content = as_message(response(citation(), citation(2), citation(3)), BASE).content
    assert answer_in(f"  {content}\n\n") == "3,000 kilometres"
    assert answer_in(content.replace("*", "")) == "3,000 kilometres"
    assert answer_in(content.replace("\n", "\r\n")) == "3,000 kilometres"
    assert answer_in(content.replace("][", "] [")) == "3,000 kilometres"


def test_of_a_message_without_an_answer_its_first_words_are_read_back() -> None:
    content = as_message(
        response(reason=Reason.LOW_CONFIDENCE, passages=[passage("3,000 kilometres")]), BASE
    ).content
    assert answer_in(content) == NO_ANSWER


@pytest.mark.parametrize(
    "content",
    [
        "Hello!",
        "**Bold** words",
        "See [1]",
        "**Bold** [1]\n\nand no list",
        "1. a list",
        "",
        r"a\*b",
        "[1]\n\n1. x",
    ],
)
def test_what_others_said_is_read_as_it_is(content: str) -> None:
    assert answer_in(content) == content


# -- conversations


def test_the_last_message_of_the_user_is_the_question_and_the_turns_before_it_its_history() -> None:
    answer = as_message(response(citation()), BASE).content
    question = request(
        ("system", "Be brief."),
        ("developer", "Be kind."),
        ("user", "How long is it?"),
        ("assistant", answer),
        ("tool", "42"),
        ("user", " And how wide? "),
    ).to_question()
    assert question.text == "And how wide?"
    assert question.history == (
        Turn(Role.USER, "How long is it?"),
        Turn(Role.ASSISTANT, "3,000 kilometres"),
    )


def test_what_follows_the_question_is_no_part_of_it() -> None:
    question = request(("user", "How long?"), ("assistant", "Let me see:")).to_question()
    assert (question.text, question.history) == ("How long?", ())


def test_a_content_may_come_in_parts() -> None:
    parts = [{"type": "text", "text": "How long"}, {"type": "text", "text": "is it?"}]
    refusal = [{"type": "refusal", "refusal": "no"}]
    question = request(
        ("user", "Hello"), ("assistant", refusal), ("assistant", None), ("user", parts)
    ).to_question()
    assert (question.text, question.history) == ("How long\nis it?", (Turn(Role.USER, "Hello"),))


def test_of_a_long_conversation_the_latest_turns_are_kept() -> None:
    turns = [
        ("user" if number % 2 == 0 else "assistant", f"turn {number}") for number in range(10_000)
    ]
    question = request(*turns, ("user", "How long?")).to_question()
    assert [turn.text for turn in question.history] == [text for _, text in turns[-MAX_TURNS:]]


def test_turns_that_say_nothing_or_too_much_are_left_out() -> None:
    turns = [
        ("user", " "),
        ("assistant", ""),
        ("user", "x" * (MAX_TURN_LENGTH + 1)),
        ("user", "Fine."),
    ]
    assert request(*turns, ("user", "How long?")).to_question().history == (
        Turn(Role.USER, "Fine."),
    )


@pytest.mark.parametrize(
    "messages", [[("system", "Hi")], [("assistant", "Hi")], [("user", " ")], [("user", None)]]
)
def test_without_a_question_there_is_none(messages: list[tuple[str, Any]]) -> None:
    with pytest.raises(QuestionError):
        request(*messages).to_question()


def test_what_ask_takes_besides_comes_under_quoth() -> None:
    extension = {
        "filters": {"tags": ["a"], "published_from": "2025-01-01"},
        "top_k": 3,
        "min_confidence": 0.2,
    }
    question = request(("user", "How long?"), quoth=extension).to_question()
    assert (question.top_k, question.min_confidence) == (3, 0.2)
    assert (question.filters.tags, question.filters.published_from) == (("a",), date(2025, 1, 1))
    assert request(("user", "How long?")).to_question() == make_question("How long?")
    with pytest.raises(ValidationError):
        request(("user", "How long?"), quoth={"top": 3})

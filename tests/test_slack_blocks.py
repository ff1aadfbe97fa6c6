"""The bot's messages keep Slack's limits, and nothing in them is markup or a mention, whatever
documents and people write.
"""

import re
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from service.answering.answer import AnswerText, Statement
from service.answering.citation import Citation, CitedSentence
from service.answering.reason import Reason
from service.answering.record import AnswerRecord, Passage
from service.answering.wording import UNSURE
from service.slack.block_kit import header, modal
from service.slack.blocks import (
    answer_post,
    context_post,
    nearest_post,
    notice,
)
from service.slack.mrkdwn import cut, escaped, link, utf16_length
from tests.loopback import fault_of_message, fault_of_view, marked_texts, shown, units

NASTY = st.sampled_from(
    [
        "<!channel>",
        "<!here|x>",
        "@here",
        "@Channel",
        "@everyone",
        "<@U0ANA>",
        "<!subteam^S0X>",
        "<#C0X>",
        "&amp;",
        "*_~`",
        "|",
        ">",
        "\n",
        "🦦",
    ]
)
TEXT = st.lists(
    NASTY
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12),
    min_size=1,
    max_size=12,
).map("".join)
LONG = (
    st.tuples(TEXT, st.sampled_from([1, 2, 200]))
    .map(lambda pair: pair[0] * pair[1] or "x")
    .filter(str.strip)
)
MENTION = re.compile(r"<[!@#]|@(?:here|channel|everyone)\b", re.IGNORECASE)
JOINER = "\u2060"
BASE = "https://quoth.test"
BASES = st.sampled_from([BASE, "http://127.0.0.1:8000/", "https://x.org/" + "deep/" * 400])
FEW = settings(
    max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
ENTITY = re.compile(r"&(?!amp;|lt;|gt;)")


@st.composite
def citations(draw: Any) -> Citation:  # hypothesis draws what it is asked for
    before, quote, after = draw(LONG), draw(LONG), draw(LONG)
    start = draw(st.integers(0, 1_000))
    sentence = CitedSentence(
        start=start, end=start + len(before + quote + after), text=before + quote + after
    )
    return Citation(
        number=1,
        document_id="otter",
        version="v",
        title=draw(LONG),
        url=draw(st.none() | TEXT | TEXT.map(lambda text: f"https://x.org/{text}" * 9)),
        published=draw(st.none() | st.dates()),
        page=draw(st.none() | st.integers(1, 9_999)),
        start=start + len(before),
        end=start + len(before + quote),
        quote=quote,
        sentence=sentence,
        link=f"/documents/otter?version=v#{start}-{start}",
    )


@st.composite
def responses(draw: Any) -> AnswerRecord:
    found = draw(st.lists(citations(), max_size=6))
    passages = [
        Passage(
            document_id="otter",
            version="v",
            title=draw(LONG),
            start=0,
            end=9,
            text=draw(LONG),
            score=1,
            rank=1,
        )
        for _ in range(draw(st.integers(0, 2)))
    ]
    others = [
        Statement(text=draw(LONG), confidence=draw(st.floats(0, 1)), citations=tuple(found[:1]))
        for _ in range(3)
    ]
    confidence = draw(st.floats(0, 1))
    is_sure, is_guess = draw(st.sampled_from([(True, False), (False, True), (False, False)]))
    text = found[0].quote if found else ""
    guess = Statement(text=text, confidence=confidence, citations=tuple(found))
    return AnswerRecord(
        id="0" * 32,
        question=draw(LONG),
        resolved_question="",
        answered=bool(found) and is_sure,
        answer=AnswerText(text=text, confidence=confidence) if found and is_sure else None,
        best_guess=guess if found and is_guess else None,
        citations=tuple(found) if is_sure else (),
        alternatives=tuple(others),
        reason=None if found and is_sure else Reason.NO_SPAN,
        passages=tuple(passages),
        conflict=draw(st.booleans()),
        generation=1,
        timings_ms={},
        explanation=None,
        conversation_id=None,
    )


def test_a_best_guess_says_that_it_is_not_certain_in_the_message_and_in_its_fallback() -> None:
    sentence = CitedSentence(start=0, end=21, text="It carries 38 bcm now")
    citation = Citation(
        number=1,
        document_id="gas",
        version="v1",
        title="Gas",
        url=None,
        published=None,
        page=None,
        start=11,
        end=17,
        quote="38 bcm",
        sentence=sentence,
        link="/documents/gas?version=v1#11-17",
    )
    guessed = AnswerRecord(
        id="0" * 32,
        question="How much?",
        resolved_question="How much?",
        answered=False,
        answer=None,
        best_guess=Statement(text="38 bcm", confidence=0.4, citations=(citation,)),
        citations=(),
        alternatives=(),
        reason=Reason.LOW_CONFIDENCE,
        passages=(),
        conflict=False,
        generation=1,
        timings_ms={},
        explanation=None,
        conversation_id=None,
    )
    post = answer_post(guessed, "https://quoth.example.org")
    assert UNSURE in str(post.blocks[0])
    assert post.text.startswith(f"{UNSURE} It carries *38 bcm* now")
    buttons = str(post.blocks[-1])
    assert "Nearest passages" in buttons
    assert "This answer does not help" in buttons


@FEW
@given(responses(), BASES, st.booleans(), st.booleans())
def test_every_answer_keeps_slacks_limits(
    response: AnswerRecord, base: str, private: bool, shared: bool
) -> None:
    post = answer_post(response, base, private=private, shared=shared)
    assert fault_of_message({"text": post.text, "blocks": list(post.blocks)}) is None
    assert units(post.text) <= 3_000


@FEW
@given(responses())
def test_every_modal_keeps_slacks_limits(response: AnswerRecord) -> None:
    assert fault_of_view(modal(context_post(response, BASE))) is None
    assert fault_of_view(modal(nearest_post(response))) is None


@FEW
@given(responses(), BASES)
def test_nothing_in_an_answer_mentions_anybody(response: AnswerRecord, base: str) -> None:
    post = answer_post(response, base, shared=True)
    views = [
        *modal(context_post(response, base))["blocks"],
        *modal(nearest_post(response))["blocks"],
    ]
    for text in every_text([post.text, *post.blocks, *views]):
        assert not MENTION.search(text)
    for text in [post.text, *marked_texts([*post.blocks, *views])]:
        assert not ENTITY.search(text)
        assert all(
            match.startswith(("http://", "https://")) for match in re.findall(r"<([^>]*)", text)
        )


@FEW
@given(LONG)
@example("x" * 2_993 + " @here" + "0" * 50)  # cut after its fifth character, it names everybody
def test_a_notice_keeps_the_limits_and_mentions_nobody(text: str) -> None:
    post = notice(text)
    assert fault_of_message({"text": post.text, "blocks": list(post.blocks)}) is None
    assert not MENTION.search(post.text)


@FEW
@given(LONG, st.integers(1, 200))
def test_a_cut_text_is_no_longer_than_asked_and_no_character_is_split(
    text: str, limit: int
) -> None:
    for made in (cut(text, limit), escaped(text, limit)):
        assert utf16_length(made) == units(made) <= limit
        made.encode("utf-8")
    assert not re.search(r"&(?:a|am|amp|l|lt|g|gt)?…", escaped(text.replace("…", ""), limit))


def test_a_text_is_cut_only_where_it_is_longer_than_slack_takes() -> None:
    assert notice("x" * 3_000).text == "x" * 3_000
    assert notice("x" * 3_001).text == "x" * 2_999 + "…"
    assert header("x" * 150)["text"]["text"] == "x" * 150
    assert header("x" * 151)["text"]["text"] == "x" * 149 + "…"
    assert notice("a & b < c > d").text == "a &amp; b &lt; c &gt; d"


@FEW
@given(LONG)
def test_what_is_escaped_reads_as_it_was_written(text: str) -> None:
    import html

    short = text[:200]
    assert html.unescape(escaped(short)).replace("\u2060", "") == short.replace("\u2060", "")


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "", "ftp://x", "https://x y", "https://x\n", "x" * 9_000]
)
def test_only_a_web_address_is_a_link(url: str) -> None:
    assert link(url, "The <page>") == "The &lt;page&gt;"


def test_an_address_cannot_end_its_link_early() -> None:
    assert (
        link("https://x.org/a|b>c<!here>&d", "t") == "<https://x.org/a%7Cb%3Ec%3C!here%3E&amp;d|t>"
    )


def every_text(part: object) -> list[str]:
    """Every string in blocks, whatever it is there for."""
    if isinstance(part, dict):
        part = list(part.values())
    if isinstance(part, list):
        return [text for one in part for text in every_text(one)]
    return [part] if isinstance(part, str) else []


SENTENCE = "It is 212 metres long & crosses <the> Elm."


def citation(**fields: object) -> Citation:
    place = {
        "start": 16,
        "end": 26,
        "quote": "212 metres",
        "link": "/documents/otter?version=v#16-26",
    }
    known = {"title": "The Otter Bridge", "url": None, "published": date(2020, 2, 3), "page": 4}
    sentence = CitedSentence(start=10, end=10 + len(SENTENCE), text=SENTENCE)
    return Citation.model_validate(
        {
            "number": 1,
            "document_id": "otter",
            "version": "v",
            "sentence": sentence,
            **place,
            **known,
            **fields,
        }
    )


def response(**fields: object) -> AnswerRecord:
    answered = {
        "answered": True,
        "answer": {"text": "212 metres", "confidence": 0.9},
        "citations": [citation()],
    }
    empty: dict[str, object] = {
        "alternatives": [],
        "reason": None,
        "passages": [],
        "conflict": False,
    }
    asked = {
        "id": "0" * 32,
        "question": "How long?",
        "resolved_question": "How long?",
        "generation": 1,
    }
    return AnswerRecord.model_validate({**asked, **answered, **empty, "timings_ms": {}, **fields})


def test_an_answer_is_its_sentence_its_source_its_confidence_and_its_buttons() -> None:
    post = answer_post(response(), "https://quoth.test")
    assert shown(list(post.blocks)).replace(JOINER, "").split("\n") == [
        SENTENCE,
        "<https://quoth.test/documents/otter?version=v#16-26|The Otter Bridge>, 3 February "
        "2020, p. 4",
        "Very likely right",
        "👍",
        "👎",
        "Show context",
    ]
    assert post.text == (
        "It is *212 metres* long &amp; crosses &lt;the&gt; Elm. (The Otter Bridge, 3 February 2020)"
    )


def test_a_document_with_an_address_of_its_own_is_linked_there_too() -> None:
    post = answer_post(response(citations=[citation(url="https://otters.org/a?b&c")]), BASE)
    assert "p. 4, <https://otters.org/a?b&amp;c|original>" in shown(list(post.blocks))


def test_the_short_answer_is_bold_in_its_sentence() -> None:
    (quote,) = answer_post(response(), BASE).blocks[0]["elements"]
    assert quote["type"] == "rich_text_quote"
    assert [(part["text"], part.get("style")) for part in quote["elements"]] == [
        ("It is ", None),
        ("212 metres", {"bold": True}),
        (f" long & crosses <{JOINER}the> Elm.", None),
    ]


def test_another_answer_that_may_be_right_is_also_found() -> None:
    other = {
        "text": "213 metres",
        "confidence": 0.3,
        "citations": [citation(title="Notes", published=None, page=None)],
    }
    text = shown(list(answer_post(response(alternatives=[other]), BASE).blocks))
    assert (
        "Other possible answers:\n"
        "213 metres — <https://quoth.test/documents/otter?version=v#16-26|Notes>\n" in text
    )


def test_another_answer_that_is_hardly_right_is_left_out_unless_documents_differ() -> None:
    other = {"text": "213 metres", "confidence": 0.01, "citations": [citation()]}
    assert "213" not in shown(list(answer_post(response(alternatives=[other]), BASE).blocks))
    assert "The documents disagree. They also say:\n213" in shown(
        list(answer_post(response(alternatives=[other], conflict=True), BASE).blocks)
    )


def test_a_long_passage_is_cut_around_its_quote() -> None:
    text = "a " * 3_000 + "212 metres" + " b" * 3_000
    start = text.index("212")
    passage = {
        "document_id": "otter",
        "version": "v",
        "title": "T",
        "start": 0,
        "end": len(text),
        "text": text,
    }
    cited = citation(start=start, end=start + 10)
    view = modal(
        context_post(
            response(citations=[cited], passages=[{**passage, "score": 1, "rank": 1}]), BASE
        )
    )
    (quote,) = view["blocks"][1]["elements"]
    before, bold, after = (part["text"] for part in quote["elements"])
    assert (before[0], bold, after[-1]) == ("…", "212 metres", "…")
    assert abs(len(before) - len(after)) < 10

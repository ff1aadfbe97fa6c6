"""Reports of outcomes made by hand: what they show, and that every text is escaped."""

import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from rich.console import Console

from eval.measuring.baseline import Change, compare, read_baseline
from eval.measuring.formulas import calibration_error, coverage_at, percentile, reliability
from eval.measuring.gate import GateCheck
from eval.measuring.judgement import (
    Judgement,
    judgement_of,
    mistakes,
    refusal_reason,
    worst_first,
)
from eval.measuring.measures import DEFAULT_MEASURES, ScoreRow, measure_of, row_of
from eval.measuring.report import EvaluationReport, make_report
from eval.measuring.runner import EvidenceSpan, QuestionOutcome
from eval.reporting.json_report import as_json
from eval.reporting.junit import as_junit
from eval.reporting.markdown import as_markdown
from eval.reporting.page import as_html, default_threshold, plots, stages
from eval.reporting.plots import (
    Point,
    bars_plot,
    histogram,
    latency_plot,
    nice_step,
    operating_point,
    reliability_plot,
    risk_coverage,
    risk_coverage_plot,
)
from eval.reporting.tables import print_tables
from eval.sets.question import LabelledEvidence, LabelledQuestion
from service.answering.citation import Citation, CitedSentence, citation_link
from service.question import Role, Turn

NASTY = "<script>alert('x')</script> & \"quotes\" [bold]|*a*|`b` @everyone {{ 7 * 7 }}"
RIGHT_TO_LEFT = "كم كيلومترًا طول خط الأنابيب؟"
SENTENCE = "The pipeline is 3,000 km long, the companies said."
MEASURES = [measure_of(name) for name in DEFAULT_MEASURES]


def citation(
    quote: str = "3,000 km", sentence: str = SENTENCE, title: str = "The pipeline"
) -> Citation:
    """A citation of a sentence that begins at 100 in its document."""
    start = 100 + sentence.index(quote)
    return Citation(
        number=1,
        document_id="pipeline.md",
        version="v1",
        title=title,
        url=None,
        published=None,
        page=2,
        start=start,
        end=start + len(quote),
        quote=quote,
        sentence=CitedSentence(start=100, end=100 + len(sentence), text=sentence),
        link=citation_link("pipeline.md", "v1", start, start + len(quote)),
    )


def question(
    id: str, text: str = "How long is it?", *, answerable: bool = True, type: str = "number"
) -> LabelledQuestion:
    """A labelled question; what is answerable has an accepted answer and evidence."""
    evidence = (LabelledEvidence("pipeline.md", SENTENCE),) if answerable else ()
    answers = ("3,000 km", "three thousand kilometres") if answerable else ()
    return LabelledQuestion(
        id, text, answers, evidence, answerable, type=type, tags=("facts",), split="report"
    )


def outcome(
    asked: LabelledQuestion, text: str = "3,000 km", confidence: float = 0.9
) -> QuestionOutcome:
    """An answer from the pipeline's sentence, found at rank 2; or none where the text is empty."""
    return QuestionOutcome(
        question=asked,
        evidence_spans=(EvidenceSpan("pipeline.md", 100, 150),) if asked.evidence else (),
        unresolved=(),
        retrieved=(-1, 0, -1) if asked.evidence else (-1, -1, -1),
        text=text,
        sentence=SENTENCE if text else "",
        citations=(citation(text if text in SENTENCE else "3,000 km"),) if text else (),
        confidence=confidence if text else 0.0,
        threshold=0.5 if text else 1.0,
        exact=True,
        reason="" if text else "no_span",
        timings_ms={"retrieve": 4.0, "read": 16.0, "total": 20.0},
    )


RIGHT = outcome(question("right"))
WRONG = outcome(question("wrong"), "the companies", 0.7)
REFUSED = outcome(question("refused"), confidence=0.3)
SILENT = outcome(question("silent"), "")
FALSE = outcome(question("false", "Who sings in it?", answerable=False), "the companies", 0.6)
RIGHTLY_REFUSED = outcome(
    question("held", "Who sings in it?", answerable=False), "the companies", 0.2
)
UNJUDGED = outcome(replace(question("unjudged"), answers=()))
EVERY = (RIGHT, WRONG, REFUSED, SILENT, FALSE, RIGHTLY_REFUSED, UNJUDGED)


def report(
    *outcomes: QuestionOutcome,
    name: str = "set.jsonl",
    checks: Sequence[GateCheck] = (),
    changes: Sequence[Change] = (),
) -> EvaluationReport:
    """A report of outcomes, as an evaluation makes it."""
    made = make_report(name, {"questions": "ab12", "reader": "cd34"}, outcomes, MEASURES)
    return replace(made, checks=checks, changes=changes)


CHECKS = (
    GateCheck("F1", True, "0.700, at least 0.5"),
    GateCheck("ECE", False, "0.300, at most 0.1"),
)


def full_report() -> EvaluationReport:
    """A report with something in every part."""
    before = [row_of(each, MEASURES) for each in (WRONG, WRONG, SILENT)]
    now = [row_of(each, MEASURES) for each in (RIGHT, RIGHT, REFUSED)]
    renamed = [
        [replace(row, id=str(place)) for place, row in enumerate(rows)] for rows in (before, now)
    ]
    gone = replace(
        RIGHT,
        question=question("gone"),
        evidence_spans=(),
        unresolved=(LabelledEvidence("pipeline.md", "was here"),),
    )
    return report(
        *EVERY, gone, checks=CHECKS, changes=compare(renamed[0], renamed[1], ["F1", "AUROC"])
    )


def test_every_outcome_gets_its_judgement() -> None:
    assert [judgement_of(each) for each in EVERY] == [
        Judgement.RIGHT,
        Judgement.WRONG,
        Judgement.REFUSED,
        Judgement.REFUSED,
        Judgement.FALSE_ANSWER,
        Judgement.RIGHTLY_REFUSED,
        Judgement.UNJUDGED,
    ]


def test_the_worst_come_first_and_mistakes_by_confidence() -> None:
    surer = replace(WRONG, confidence=0.95)
    assert worst_first([*EVERY, surer]) == [
        FALSE,
        surer,
        WRONG,
        REFUSED,
        SILENT,
        UNJUDGED,
        RIGHT,
        RIGHTLY_REFUSED,
    ]
    assert mistakes([*EVERY, surer]) == [surer, WRONG, FALSE]


def test_a_refusal_says_why() -> None:
    assert refusal_reason(RIGHT) == ""
    assert refusal_reason(REFUSED) == "confidence 0.300 is below the threshold 0.500"
    assert refusal_reason(SILENT) == "no span"


def test_the_first_evidence_is_ranked_from_one() -> None:
    assert RIGHT.first_rank == 2
    assert RIGHTLY_REFUSED.first_rank is None


# JSON


def nullable(rows: Sequence[ScoreRow]) -> list[ScoreRow]:
    """Rows that can be compared: minus one for what is not a number."""
    return [
        replace(row, values={k: -1 if math.isnan(v) else v for k, v in row.values.items()})
        for row in rows
    ]


def test_a_report_in_json_is_read_as_a_baseline(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(as_json(full_report()), allow_nan=False), encoding="utf-8")
    read = read_baseline(path)
    assert read.fingerprint == {"questions": "ab12", "reader": "cd34"}
    assert nullable(read.rows) == nullable(full_report().rows)


def without_timings(value: object) -> object:
    """JSON without every key named timings_ms."""
    if isinstance(value, Mapping):
        return {key: without_timings(each) for key, each in value.items() if key != "timings_ms"}
    return [without_timings(each) for each in value] if isinstance(value, list) else value


def test_two_runs_are_equal_in_json_but_for_their_timings() -> None:
    slower = [replace(each, timings_ms={"total": 99.0}) for each in EVERY]
    assert as_json(report(*EVERY)) != as_json(report(*slower))
    assert without_timings(as_json(report(*EVERY))) == without_timings(as_json(report(*slower)))


def test_json_holds_each_question_with_its_answer_and_places() -> None:
    found = json.loads(json.dumps(as_json(report(RIGHT))))
    (asked,) = found["questions"]
    assert (asked["question"], asked["answer"], asked["sentence"]) == (
        "How long is it?",
        "3,000 km",
        SENTENCE,
    )
    assert asked["answers"] == ["3,000 km", "three thousand kilometres"]
    # "The pipeline is " has 16 letters and the sentence begins at 100.
    (cited,) = asked["citations"]
    assert (cited["document"], cited["start"], cited["end"]) == ("pipeline.md", 116, 124)
    assert (asked["threshold"], asked["reason"], asked["first_evidence_rank"]) == (0.5, "", 2)
    assert asked["timings_ms"]["total"] == 20
    assert found["timings_ms"]["read"] == {"p50": 16, "p95": 16}


def test_what_could_not_be_measured_is_null_in_json() -> None:
    found = json.loads(json.dumps(as_json(report(RIGHT)), allow_nan=False))
    assert found["measures"]["FalseAnswers"] is None
    assert found["by_type"]["number"]["AUROC"] is None
    assert found["questions"][0]["values"]["FalseAnswers"] is None


def test_measures_are_rounded_to_six_places_in_json() -> None:
    found = json.loads(json.dumps(as_json(report(RIGHT, WRONG, REFUSED))))
    # Two of three have an answer that is given.
    assert found["measures"]["Coverage"] == 0.666667


# Tables


def printed(made: EvaluationReport) -> str:
    """What the tables of a report look like on a wide terminal."""
    console = Console(file=io.StringIO(), width=200)
    print_tables(made, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_tables_show_measures_parts_verdicts_changes_and_what_went_wrong() -> None:
    shown = printed(full_report())
    for text in (
        "nDCG@10",
        "By type",
        "By tag",
        "Against the baseline",
        "better",
        "1 of 2 conditions met",
        "was here",
    ):
        assert text in shown
    wrong = shown[shown.index("Wrong answers, 2 of 2") :]
    assert wrong.index("0.700") < wrong.index("0.600")


def test_tables_leave_out_what_is_empty() -> None:
    shown = printed(report(RIGHT))
    for title in ("Gate", "Against", "Wrong answers", "no longer"):
        assert title not in shown


def test_a_breakdown_shows_only_measures_that_apply() -> None:
    head = next(line for line in printed(report(RIGHT)).splitlines() if line.startswith(" type "))
    assert head.split() == [
        *("type", "questions", "F1", "Contains"),
        *("Useful", "GuessRight", "Precision"),
    ]


def test_questions_are_neither_markup_nor_commands_to_a_terminal() -> None:
    evil = outcome(question("a", f"\x1b[31m{NASTY}"), "the companies")
    shown = printed(report(evil))
    assert "[bold]" in shown
    assert "\x1b" not in shown


def test_at_most_twenty_wrong_answers_are_printed() -> None:
    shown = printed(
        report(
            *(
                outcome(question(f"q{n}", f"Question {n}?"), "the companies", n / 40)
                for n in range(20, 40)
            )
        )
    )
    assert "20 of 20" in shown
    more = printed(
        report(
            *(
                outcome(question(f"q{n}", f"Question {n}?"), "the companies", n / 60)
                for n in range(30, 55)
            )
        )
    )
    assert "20 of 25" in more
    assert "Question 54?" in more
    assert "Question 34?" not in more


# JUnit


def cases(made: EvaluationReport) -> dict[str, Xml.Element]:
    """The test cases of a report, by the id of the question or the name of the condition."""
    return {
        str(case.get("name")).split(":")[0]: case
        for case in Xml.fromstring(as_junit(made)).iter("testcase")
    }


def test_junit_fails_what_is_wrong_and_skips_what_is_refused() -> None:
    found = cases(report(*EVERY))
    assert {id for id, case in found.items() if case.find("failure") is not None} == {
        "wrong",
        "false",
    }
    assert {id for id, case in found.items() if case.find("skipped") is not None} == {
        "refused",
        "silent",
    }
    skipped = found["refused"].find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "refused: confidence 0.300 is below the threshold 0.500"


def test_junit_fails_an_inexact_citation_and_evidence_that_is_gone() -> None:
    inexact = replace(RIGHT, exact=False)
    gone = replace(REFUSED, unresolved=(LabelledEvidence("old.md", "x"),))
    failures = [case.find("failure") for case in cases(report(inexact, gone)).values()]
    assert [None if failure is None else failure.get("message") for failure in failures] == [
        "a quote is not in its document where the citation says",
        "evidence is no longer in old.md",
    ]


def test_junit_has_a_case_for_each_verdict_and_counts_them_all() -> None:
    root = Xml.fromstring(as_junit(full_report()))
    suite = root.find("testsuite")
    assert suite is not None
    # Eight questions and two checks; wrong, false, gone and ECE fail; refused and silent are
    # skipped.
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == [
        "10",
        "4",
        "0",
        "2",
    ]
    found = cases(full_report())
    assert found["F1"].find("failure") is None
    assert found["ECE"].find("failure") is not None


def test_junit_is_xml_whatever_a_question_holds() -> None:
    evil = outcome(question("a\x00b", f"{NASTY}\x0b\x1b\ufffe]]>"), "the companies")
    (case,) = Xml.fromstring(as_junit(report(evil, name="<set>\x00"))).iter("testcase")
    assert "<script>" in str(case.get("name"))
    assert case.get("classname") == "<set>\ufffd.questions"


# Markdown


def test_markdown_says_the_verdict_first() -> None:
    written = as_markdown(full_report())
    assert written.startswith("## ❌ set.jsonl: gate missed: 1 of 2 conditions met\n")
    assert as_markdown(report(RIGHT, checks=CHECKS[:1])).startswith(
        "## ✅ set.jsonl: gate passed: 1 of 1"
    )
    assert as_markdown(report(RIGHT)).startswith("## set.jsonl: no gate\n")


def test_markdown_has_measures_changes_and_wrong_answers_to_unfold() -> None:
    written = as_markdown(full_report())
    assert "| CitationExact | 1.000 |" in written
    assert (
        written.index("Against the baseline")
        < written.index("<details>")
        < written.index("| 0.700 |")
    )
    assert "<details>" not in as_markdown(report(RIGHT))


def test_a_question_stays_in_its_cell_of_markdown() -> None:
    evil = outcome(question("a", f"{NASTY}\n\n# Heading"), "the companies")
    (line,) = [line for line in as_markdown(report(evil)).splitlines() if "script" in line]
    assert "<script>" not in line
    assert "@everyone" not in line
    # Five bars that are not escaped make four cells.
    assert len(re.findall(r"(?<!\\)\|", line)) == 5
    assert "# Heading" in line


# The page


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, text by the class of its article."""

    def __init__(self, written: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(written)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.text += data

    def classes(self, tag: str) -> list[str | None]:
        """The class of every tag of a name."""
        return [attributes.get("class") for name, attributes in self.tags if name == tag]


def test_the_page_shows_every_question_the_wrong_ones_first() -> None:
    page = Page(as_html(report(*EVERY)))
    assert page.classes("article") == [
        "false_answer",
        "wrong",
        "refused",
        "refused",
        "unjudged",
        "right",
        "rightly_refused",
    ]


def test_the_page_marks_the_answer_in_its_sentence_and_cites_it() -> None:
    written = as_html(report(RIGHT))
    assert "The pipeline is <mark>3,000 km</mark> long, the companies said." in written
    text = " ".join(Page(written).text.split())
    assert "The pipeline, page 2 · pipeline.md, 116–124" in text
    assert "evidence at rank 2" in text
    assert "quoted from the evidence" in text


def test_the_page_needs_nothing_from_elsewhere() -> None:
    page = Page(as_html(full_report()))
    assert {tag for tag, _ in page.tags} & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "a",
        "image",
        "use",
    } == set()
    assert [
        value
        for _, attributes in page.tags
        for name, value in attributes.items()
        if name in ("src", "href")
    ] == []
    assert "url(" not in as_html(full_report())
    assert "prefers-color-scheme: dark" in as_html(full_report())


@pytest.mark.parametrize(
    "text", [NASTY, RIGHT_TO_LEFT, "x" * 1_000, "</style></svg></title>", "{% raw %}"]
)
def test_every_text_is_escaped_on_the_page(text: str) -> None:
    evil = replace(
        outcome(replace(question(text, text), type=text, tags=(text,)), text),
        citations=(citation("3,000 km", f"{text} 3,000 km {text}", title=text),),
        reason=text,
        unresolved=(LabelledEvidence(text, text),),
    )
    evil = replace(
        evil, question=replace(evil.question, answers=(text,), history=(Turn(Role.USER, text),))
    )
    made = report(evil, name=text, checks=[GateCheck(text, False, text)])
    plain = report(
        replace(RIGHT, question=replace(RIGHT.question, history=(Turn(Role.USER, "x"),)))
    )
    page = Page(as_html(replace(made, fingerprint={text: text})))
    assert page.text.count(text) >= 12
    # No text makes a tag that the page of harmless words has not.
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in Page(as_html(plain)).tags} | {"q"}


def test_the_page_shows_the_evidence_that_was_missed() -> None:
    sought = f"evidence {SENTENCE} (pipeline.md)"
    assert sought in " ".join(Page(as_html(report(WRONG))).text.split())
    assert sought in " ".join(Page(as_html(report(SILENT))).text.split())
    assert sought not in " ".join(Page(as_html(report(RIGHT))).text.split())


def test_a_withheld_answer_is_shown_as_withheld() -> None:
    text = " ".join(Page(as_html(report(REFUSED))).text.split())
    assert "withheld 3,000 km (it would be right)" in text
    assert "refused, 0.30 < 0.50" in text
    assert "none: no span" in " ".join(Page(as_html(report(SILENT))).text.split())


def test_the_stages_show_where_a_question_went_wrong() -> None:
    missed = replace(
        WRONG,
        retrieved=(-1,) * 100,
        citations=(citation().model_copy(update={"document_id": "other.md"}),),
    )
    assert [(stage.text, stage.passed) for stage in stages(missed)] == [
        ("evidence not among 100 passages", False),
        ("quoted from elsewhere", False),
        ("quote exact", True),
        ("answered, 0.70 ≥ 0.50", True),
    ]
    assert [(stage.text, stage.passed) for stage in stages(FALSE)] == [
        ("no evidence labelled", None),
        ("quote exact", True),
        ("answered, 0.60 ≥ 0.50", False),
    ]


LITTLE = [
    (),
    (RIGHT,),
    (SILENT,),
    (SILENT, replace(SILENT, question=question("silent too"))),
    (RIGHT, WRONG),
    (RIGHTLY_REFUSED,),
    (UNJUDGED,),
    (replace(RIGHT, timings_ms={}),),
]


@pytest.mark.parametrize("outcomes", LITTLE)
def test_every_report_can_be_made_of_a_run_with_little_in_it(
    outcomes: tuple[QuestionOutcome, ...],
) -> None:
    empty = dict.fromkeys(DEFAULT_MEASURES, math.nan)
    made = (
        report(*outcomes)
        if outcomes
        else EvaluationReport(
            name="none", fingerprint={}, measures=empty, by_tag={}, by_type={}, outcomes=(), rows=()
        )
    )
    assert json.dumps(as_json(made), allow_nan=False)
    assert len(list(Xml.fromstring(as_junit(made)).iter("testcase"))) == len(outcomes)
    assert as_markdown(made)
    assert "nDCG@10" in printed(made)
    written = as_html(made)
    assert written.count("<article") == len(outcomes)
    assert not re.search(r"\bnan\b", written)


# The plots


def flags(*values: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """An array of flags."""
    return np.array(values, dtype=np.bool_)


def test_the_risk_coverage_curve_is_worked_out_by_hand() -> None:
    # 0.9 right; then two of 0.8, one wrong, that stand or fall together: 1 of 3 wrong; then 0.1
    # wrong: 2 of 4.
    points = risk_coverage(np.array([0.8, 0.9, 0.1, 0.8]), flags(1, 1, 0, 0))
    assert points == (Point(0.25, 0.0), Point(0.75, 1 / 3), Point(1.0, 0.5))


def test_the_curve_agrees_with_coverage_at_a_precision() -> None:
    draws = np.random.default_rng(7)
    confidences = draws.random(200)
    rights = draws.random(200) < confidences
    best = max(point.coverage for point in risk_coverage(confidences, rights) if point.risk <= 0.2)
    assert best == pytest.approx(coverage_at(confidences, rights, 0.8))


def test_the_default_threshold_is_a_point_of_the_curve() -> None:
    # Three of four are answered, one of the three wrongly.
    assert operating_point(flags(1, 1, 1, 0), flags(1, 0, 1, 1)) == Point(0.75, 1 / 3)
    assert operating_point(flags(0, 0), flags(1, 0)) is None


def test_bins_hold_their_edges_and_every_answer_once() -> None:
    bins = reliability(np.array([0.0, 0.1, 0.15, 0.99, 1.0]), flags(0, 1, 0, 1, 0))
    assert [each.count for each in bins] == [1, 2, 0, 0, 0, 0, 0, 0, 0, 2]
    assert bins[1].confidence == pytest.approx(0.125)
    assert bins[1].right == 0.5
    assert math.isnan(bins[2].right)


def test_bins_give_the_expected_calibration_error() -> None:
    draws = np.random.default_rng(7)
    confidences = draws.random(300)
    rights = draws.random(300) < 0.4
    gaps = [
        abs(each.confidence - each.right) * each.count / 300
        for each in reliability(confidences, rights)
        if each.count
    ]
    assert sum(gaps) == pytest.approx(calibration_error(confidences, rights))


def test_percentiles_lie_between_neighbours() -> None:
    # 0.95 of the way from the first to the last of five is 3.8: four fifths of the way from 40 to
    # 50.
    assert percentile([10, 20, 30, 40, 50], 50) == 30
    assert percentile([10, 20, 30, 40, 50], 95) == pytest.approx(48)


@pytest.mark.parametrize(
    ("top", "step"), [(1, 0.2), (0.3, 0.1), (37, 10), (5, 1), (0, 1), (5.1, 2), (900, 200)]
)
def test_ticks_are_one_two_or_five(top: float, step: float) -> None:
    assert nice_step(top) == pytest.approx(step)


def test_a_histogram_counts_every_value_and_gathers_what_is_far_out() -> None:
    shape = histogram(np.array([10.0] * 99 + [5_000.0]))
    # The 95th percentile is 10, so it reaches to 20: four ticks of 5 with five bars each.
    assert (shape.top, shape.step, len(shape.counts)) == (20, 5, 20)
    assert (sum(shape.counts), shape.counts[10], shape.counts[-1], shape.above) == (100, 99, 1, 1)
    assert sum(histogram(np.array([7.0])).counts) == 1
    assert sum(histogram(np.array([0.0])).counts) == 1


def test_plots_stay_inside_their_frame() -> None:
    draws = np.random.default_rng(7)
    confidences, rights = draws.random(60), draws.random(60) < 0.5
    drawings = (
        risk_coverage_plot(
            risk_coverage(confidences, rights), operating_point(confidences > 0.5, rights), 0.5
        ),
        reliability_plot(reliability(confidences, rights)),
        latency_plot(draws.gamma(3, 20, 60)),
        bars_plot({"number": (0.75, 12), "date": (1.0, 20_000)}),
    )
    for plot in drawings:
        root = Xml.fromstring(str(plot))
        width, height = (float(side) for side in root.get("viewBox", "").split()[2:])
        points = [
            pair.split(",")
            for line in root.iter("polyline")
            for pair in line.get("points", "").split()
        ]
        across = [
            float(each.get(name, 0)) for each in root.iter() for name in ("x", "x1", "x2", "cx")
        ]
        down = [
            float(each.get(name, 0)) for each in root.iter() for name in ("y", "y1", "y2", "cy")
        ]
        assert (
            0
            <= min(across + [float(x) for x, _ in points])
            <= max(across + [float(x) for x, _ in points])
            <= width
        )
        assert (
            0
            <= min(down + [float(y) for _, y in points])
            <= max(down + [float(y) for _, y in points])
            <= height
        )


def test_every_bar_has_its_name_value_and_count() -> None:
    drawn = Xml.fromstring(
        str(bars_plot({"number": (0.75, 12), "a very long type of question": (1.0, 2)}))
    )
    texts = ["".join(text.itertext()) for text in drawn.iter("text")]
    assert texts[3:] == [
        *("numbernumber", "0.75", "n 12"),
        # cut to 18 characters, with the whole name as its title
        *("a very long type of questiona very long type…", "1.00", "n 2"),
    ]


def test_names_in_plots_are_escaped() -> None:
    drawn = bars_plot({NASTY: (0.5, 3)})
    assert "<script>" not in drawn
    assert NASTY in "".join(Xml.fromstring(str(drawn)).itertext())


def test_a_plot_without_data_says_why() -> None:
    made = report(UNJUDGED)
    drawings = {plot.title: plot.drawing for plot in plots(made.outcomes, made.rows, made.by_type)}
    assert [title for title, drawing in drawings.items() if drawing is None] == [
        "Risk and coverage",
        "Reliability",
        "F1 by type of question",
    ]


def test_the_default_threshold_is_the_one_that_all_answers_share() -> None:
    assert default_threshold(EVERY) == 0.5
    assert default_threshold([SILENT]) is None
    assert default_threshold([RIGHT, replace(RIGHT, threshold=0.6)]) is None

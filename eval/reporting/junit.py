"""JUnit XML: a case for every question and for every condition of the gate, for the machines that
show them.
"""

import re
from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from eval.measuring.compare import Verdict
from eval.measuring.judgement import Standing, refusal, standing_of
from eval.measuring.runner import Outcome
from eval.reporting.wording import accepted, plain

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(name: str, outcomes: Sequence[Outcome], verdicts: Sequence[Verdict]) -> str:
    """One suite; a question fails where :func:`faults` has something to say, and is skipped where
    it is refused.
    """
    cases = [_question(name, outcome) for outcome in outcomes] + [
        _verdict(name, verdict) for verdict in verdicts
    ]
    counted = {
        "tests": str(len(cases)),
        "failures": str(_having("failure", cases)),
        "errors": "0",
        "skipped": str(_having("skipped", cases)),
    }
    suites = Xml.Element("testsuites", counted)
    suite = Xml.SubElement(suites, "testsuite", {"name": _legal(name), **counted})
    suite.extend(cases)
    Xml.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(suites, encoding="unicode")}\n'


def faults(outcome: Outcome) -> list[str]:
    """What is wrong with the answer to a question, in words."""
    wrong = {
        Standing.WRONG: "answered wrongly",
        Standing.FALSE: "answered though the documents do not say",
    }
    standing = standing_of(outcome)
    found = [wrong[standing]] if standing in wrong else []
    found += [] if outcome.exact else ["a quote is not what stands at its place"]
    return found + [
        f"evidence is no longer in {evidence.document_id}" for evidence in outcome.unresolved
    ]


def _question(name: str, outcome: Outcome) -> Xml.Element:
    seconds = outcome.timings_ms.get("total", 0.0) / 1e3
    title = f"{outcome.question.id}: {plain(outcome.question.text, 200)}"
    case = _case(f"{name}.questions", title, {"time": f"{seconds:.3f}"})
    found = faults(outcome)
    if found:
        failure = Xml.SubElement(
            case, "failure", {"type": "answer", "message": _legal("; ".join(found))}
        )
        failure.text = _legal(_told(outcome))
    elif standing_of(outcome) is Standing.REFUSED:
        Xml.SubElement(case, "skipped", {"message": _legal(f"refused: {refusal(outcome)}")})
    return case


def _told(outcome: Outcome) -> str:
    places = [f"{each.document_id} {each.start}-{each.end}" for each in outcome.citations]
    lines = (
        f"question: {outcome.question.text}",
        f"answer: {outcome.text}",
        f"accepted: {accepted(outcome)}",
        f"confidence: {outcome.confidence:.3f}, threshold {outcome.threshold:.3f}",
        f"sentence: {outcome.sentence}",
        f"cited: {'; '.join(places)}",
    )
    return "\n".join(lines)


def _verdict(name: str, verdict: Verdict) -> Xml.Element:
    case = _case(f"{name}.gate", verdict.name, {})
    if not verdict.passed:
        Xml.SubElement(case, "failure", {"type": "gate", "message": _legal(verdict.said)})
    return case


def _case(place: str, name: str, more: dict[str, str]) -> Xml.Element:
    return Xml.Element("testcase", {"classname": _legal(place), "name": _legal(name), **more})


def _having(kind: str, cases: Sequence[Xml.Element]) -> int:
    return sum(case.find(kind) is not None for case in cases)


def _legal(text: str) -> str:
    """Text with characters that XML cannot hold, even escaped, replaced."""
    return _ILLEGAL.sub("\ufffd", text)

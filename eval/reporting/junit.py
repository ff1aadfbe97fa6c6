"""The report of a run as JUnit XML, with a test case for every question and for every condition of
the gate.

It is built with the standard library. junitparser would save a dozen lines, but writes characters
that XML cannot hold as they are, and those are what questions may contain.
"""

import re
from xml.etree import ElementTree as Xml

from eval.measuring.gate import GateCheck
from eval.measuring.judgement import Judgement, judgement_of, refusal_reason
from eval.measuring.report import EvaluationReport
from eval.measuring.runner import QuestionOutcome
from eval.reporting.wording import accepted_answers, cut_line

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WRONG = {
    Judgement.WRONG: "answered wrongly",
    Judgement.FALSE_ANSWER: "answered though the documents do not say",
}


def as_junit(report: EvaluationReport) -> str:
    """JUnit XML of one suite. A question fails if it has :func:`faults`, and is skipped if it is
    refused.
    """
    cases = [_question(report.name, outcome) for outcome in report.outcomes]
    cases += [_condition(report.name, check) for check in report.checks]
    failures = sum(case.find("failure") is not None for case in cases)
    skipped = sum(case.find("skipped") is not None for case in cases)
    counts = {
        "tests": str(len(cases)),
        "failures": str(failures),
        "errors": "0",
        "skipped": str(skipped),
    }
    suites = Xml.Element("testsuites", counts)
    suite = Xml.SubElement(suites, "testsuite", {"name": _legal(report.name), **counts})
    suite.extend(cases)
    Xml.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(suites, encoding="unicode")}\n'


def faults(outcome: QuestionOutcome) -> list[str]:
    """What is wrong with the answer to a question, in words."""
    judgement = judgement_of(outcome)
    found = [_WRONG[judgement]] if judgement in _WRONG else []
    if not outcome.exact:
        found.append("a quote is not in its document where the citation says")
    return found + [
        f"evidence is no longer in {evidence.document_id}" for evidence in outcome.unresolved
    ]


def _question(suite: str, outcome: QuestionOutcome) -> Xml.Element:
    seconds = outcome.timings_ms.get("total", 0.0) / 1e3
    title = f"{outcome.question.id}: {cut_line(outcome.question.text, 200)}"
    case = _case(f"{suite}.questions", title)
    case.set("time", f"{seconds:.3f}")
    found = faults(outcome)
    if found:
        message = _legal("; ".join(found))
        failure = Xml.SubElement(case, "failure", {"type": "answer", "message": message})
        failure.text = _legal(_details(outcome))
    elif judgement_of(outcome) is Judgement.REFUSED:
        Xml.SubElement(case, "skipped", {"message": _legal(f"refused: {refusal_reason(outcome)}")})
    return case


def _condition(suite: str, check: GateCheck) -> Xml.Element:
    case = _case(f"{suite}.gate", check.name)
    if not check.passed:
        Xml.SubElement(case, "failure", {"type": "gate", "message": _legal(check.message)})
    return case


def _case(class_name: str, name: str) -> Xml.Element:
    return Xml.Element("testcase", {"classname": _legal(class_name), "name": _legal(name)})


def _details(outcome: QuestionOutcome) -> str:
    cited = [f"{each.document_id} {each.start}-{each.end}" for each in outcome.citations]
    lines = (
        f"question: {outcome.question.text}",
        f"answer: {outcome.text}",
        f"accepted: {accepted_answers(outcome)}",
        f"confidence: {outcome.confidence:.3f}, threshold {outcome.threshold:.3f}",
        f"sentence: {outcome.sentence}",
        f"cited: {'; '.join(cited)}",
    )
    return "\n".join(lines)


def _legal(text: str) -> str:
    """Text with the characters replaced that XML cannot hold, not even escaped."""
    return _ILLEGAL.sub("\ufffd", text)

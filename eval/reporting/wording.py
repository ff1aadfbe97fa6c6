"""Figures and questions in words, the same in tables, Markdown and on the page."""

import math
from collections.abc import Mapping, Sequence
from itertools import groupby

from eval.measuring.compare import Change
from eval.measuring.metrics import Measure, Row, measure_of
from eval.measuring.runner import Outcome

_BROKEN_DOWN = ("F1", "Contains", "AUROC", "FalseAnswers")


def shown(value: float) -> str:
    """A value of a measure; a dash where there was nothing to measure."""
    return "–" if math.isnan(value) else f"{value:.3f}"


def difference(change: Change) -> str:
    """By how much a measure changed, with the interval."""
    if math.isnan(change.now - change.before):
        return "–"
    return f"{change.now - change.before:+.3f} [{change.low:+.3f}, {change.high:+.3f}]"


def direction(change: Change) -> str:
    """Whether a measure got better or worse, where the change is significant."""
    if not change.significant:
        return "no clear change"
    return "worse" if change.loss > 0 else "better"


def plain(text: str, most: int = 1_000) -> str:
    """Text on one line without control characters, cut where it is longer."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def accepted(outcome: Outcome) -> str:
    """The accepted answers of a question."""
    if not outcome.question.answerable:
        return "none: the documents do not say"
    return "; ".join(outcome.question.answers) or "not labelled"


def grouped(measures: Mapping[str, float]) -> list[tuple[str, list[tuple[Measure, float]]]]:
    """Measures with their values by group, in the order in which the groups first appear."""
    named = [(measure_of(name), value) for name, value in measures.items()]
    groups = list(dict.fromkeys(measure.group for measure, _ in named))
    named.sort(key=lambda pair: groups.index(pair[0].group))
    return [(group, list(pairs)) for group, pairs in groupby(named, key=lambda pair: pair[0].group)]


def applying(parts: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The measures of a breakdown that say something about one of its parts at least."""
    return [
        name
        for name in _BROKEN_DOWN
        if any(not math.isnan(part.get(name, math.nan)) for part in parts.values())
    ]


def breakdown(
    parts: Mapping[str, Mapping[str, float]], sizes: Mapping[str, int]
) -> list[list[str]]:
    """For every part its name, its size and its values of :func:`applying` measures."""
    names = applying(parts)
    values = {
        part: [shown(measures.get(name, math.nan)) for name in names]
        for part, measures in parts.items()
    }
    return [[part, str(sizes[part]), *said] for part, said in values.items()]


def sizes_by_type(rows: Sequence[Row], types: Mapping[str, object]) -> dict[str, int]:
    """How many questions are of each type."""
    return {type: sum(row.type == type for row in rows) for type in types}


def sizes_by_tag(rows: Sequence[Row], tags: Mapping[str, object]) -> dict[str, int]:
    """How many questions have each tag."""
    return {tag: sum(tag in row.tags for row in rows) for tag in tags}

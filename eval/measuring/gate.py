"""The gate: what a run must reach.

A gate is a TOML file of bars::

    split = "report"            # judge these questions only; all questions if left out

    [bars]                      # over all of them
    CitationExact = 1.0         # at least; at most for measures where less is better
    ECE = 0.1

    [tags.near-miss]            # over those with a tag
    FalseAnswers = 0.3

    [drop]                      # against a baseline
    F1 = 0.02                   # the largest loss allowed; a larger one counts if significant
"""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.errors import EvaluationError
from eval.measuring.baseline import Change
from eval.measuring.measures import Measure, ScoreRow, ScoreTable, measure_of

_PARTS = ("split", "bars", "tags", "drop")


@dataclass(frozen=True, slots=True)
class Bar:
    """The least value of a measure that passes, or the greatest where less is better.

    :param tag: only questions with this tag count; None for all questions
    """

    measure: Measure
    value: float
    tag: str | None


@dataclass(frozen=True, slots=True)
class Gate:
    """What a run must reach.

    :param drops: the largest loss against a baseline that is allowed, by measure
    :param split: only questions of this split are judged; None for all
    """

    bars: tuple[Bar, ...]
    drops: Mapping[str, float]
    split: str | None


@dataclass(frozen=True, slots=True)
class GateCheck:
    """Whether one condition of a gate is met, and in words what was compared."""

    name: str
    passed: bool
    message: str


def read_gate(path: Path) -> Gate:
    """The gate in a file.

    :raises EvaluationError: it cannot be read, or names a measure that does not exist
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise EvaluationError(f"{path}: cannot be read as a gate ({exc})") from exc
    unknown = sorted(content.keys() - set(_PARTS))
    if unknown:
        raise EvaluationError(
            f"{path}: a gate has no part {unknown[0]!r}; its parts are {', '.join(_PARTS)}"
        )
    try:
        bars = [_bar(name, value, None) for name, value in content.get("bars", {}).items()]
        for tag, part in content.get("tags", {}).items():
            bars += [_bar(name, value, tag) for name, value in part.items()]
        drops = {
            measure_of(name).name: float(value) for name, value in content.get("drop", {}).items()
        }
    except EvaluationError as exc:
        raise EvaluationError(f"{path}: {exc}") from exc
    except (TypeError, ValueError, AttributeError) as exc:
        raise EvaluationError(f"{path}: a bar must be a measure and a number ({exc})") from exc
    return Gate(tuple(bars), drops, content.get("split"))


def _bar(name: str, value: float, tag: str | None) -> Bar:
    return Bar(measure_of(name), float(value), tag)


def judge(gate: Gate, rows: Sequence[ScoreRow], changes: Sequence[Change]) -> list[GateCheck]:
    """Check every condition of a gate, in its order.

    :raises EvaluationError: the gate names a split or a tag that no question has
    """
    judged = [row for row in rows if gate.split in (None, row.split)]
    if not judged:
        raise EvaluationError(f"the gate judges the split {gate.split!r}, but no question is in it")
    bars = [_check_bar(bar, judged) for bar in gate.bars]
    drops = [
        _check_drop(change, gate.drops[change.measure.name])
        for change in changes
        if change.measure.name in gate.drops
    ]
    return bars + drops


def _check_bar(bar: Bar, rows: Sequence[ScoreRow]) -> GateCheck:
    chosen = [row for row in rows if bar.tag is None or bar.tag in row.tags]
    if not chosen:
        raise EvaluationError(f"the gate has a bar for the tag {bar.tag!r}, but no question has it")
    value = bar.measure.of(ScoreTable.of(chosen))
    passed = not math.isnan(value) and not bar.measure.better(bar.value, value)
    name = bar.measure.name if bar.tag is None else f"{bar.measure.name} of {bar.tag}"
    wanted = "at most" if bar.measure.lower_is_better else "at least"
    return GateCheck(
        name, passed, f"{value:.3f}, {wanted} {bar.value:g}, over {len(chosen)} questions"
    )


def _check_drop(change: Change, allowed: float) -> GateCheck:
    message = (
        f"{change.before:.3f} -> {change.now:.3f} [{change.low:+.3f}, {change.high:+.3f}], may "
        f"lose {allowed:g}"
    )
    passed = not (change.significant and change.loss > allowed)
    return GateCheck(f"{change.measure.name} against the baseline", passed, message)

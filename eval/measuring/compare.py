"""The gate and the baseline: is it good enough, and is it still as good as it was.

A gate is a TOML file of bars::

    split = "report"            # judge these questions only; all where it is left out

    [bars]                      # over all of them
    CitationExact = 1.0         # at least; at most for measures of which less is better
    ECE = 0.1

    [tags.near-miss]            # over those with a tag
    FalseAnswers = 0.3

    [drop]                      # against a baseline
    F1 = 0.02                   # the largest loss allowed; a larger one counts if it is significant

A baseline is the JSON of an earlier run.
"""

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.errors import EvaluationError
from eval.measuring.metrics import Measure, Row, Table, measure_of

RESAMPLES = 2_000
_SEED = 20251122
_LOW, _HIGH = 2.5, 97.5


@dataclass(frozen=True, slots=True)
class Bar:
    """The least value of a measure that passes (the greatest, where less is better), over all
    questions or a tag's.
    """

    measure: Measure
    value: float
    tag: str | None


@dataclass(frozen=True, slots=True)
class Gate:
    """What a run must reach.

    :param split: the questions that are judged; None for all
    :param drops: the largest loss against a baseline that does not count, by measure
    """

    bars: tuple[Bar, ...]
    drops: Mapping[str, float]
    split: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one condition of a gate is met, in words."""

    name: str
    passed: bool
    said: str


@dataclass(frozen=True, slots=True)
class Change:
    """A measure now against a baseline, with the 95 % interval of the difference (paired
    bootstrap).
    """

    measure: Measure
    before: float
    now: float
    low: float
    high: float

    @property
    def significant(self) -> bool:
        """Whether the interval leaves out no change at all."""
        return self.low > 0 or self.high < 0

    @property
    def loss(self) -> float:
        """By how much it is worse; negative where it is better."""
        return (
            (self.now - self.before) if self.measure.lower_is_better else (self.before - self.now)
        )


def read_gate(path: Path) -> Gate:
    """The gate in a file.

    :raises EvaluationError: it cannot be read, or names a measure that does not exist
    """
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise EvaluationError(f"{path}: no gate can be read from it ({exc})") from exc
    unknown = read.keys() - {"split", "bars", "tags", "drop"}
    if unknown:
        raise EvaluationError(
            f"{path}: {sorted(unknown)[0]!r} is no part of a gate; there are split, bars, "
            "tags, drop"
        )
    try:
        bars = [_bar(name, value, None) for name, value in read.get("bars", {}).items()]
        bars += [
            _bar(name, value, tag)
            for tag, part in read.get("tags", {}).items()
            for name, value in part.items()
        ]
        drops = {
            measure_of(name).name: float(value) for name, value in read.get("drop", {}).items()
        }
    except EvaluationError as exc:
        raise EvaluationError(f"{path}: {exc}") from exc
    except (TypeError, ValueError, AttributeError) as exc:
        raise EvaluationError(f"{path}: every bar is a measure and a number ({exc})") from exc
    return Gate(tuple(bars), drops, read.get("split"))


def _bar(name: str, value: float, tag: str | None) -> Bar:
    return Bar(measure_of(name), float(value), tag)


def judge(gate: Gate, rows: Sequence[Row], changes: Sequence[Change]) -> list[Verdict]:
    """Every condition of a gate, in its order.

    :raises EvaluationError: the gate is about a split or a tag that no question has
    """
    judged = [row for row in rows if gate.split in (None, row.split)]
    if not judged:
        raise EvaluationError(f"the gate judges the split {gate.split!r}, and no question is of it")
    verdicts = [_reached(bar, judged) for bar in gate.bars]
    return verdicts + [
        _kept(change, gate.drops[change.measure.name])
        for change in changes
        if change.measure.name in gate.drops
    ]


def _reached(bar: Bar, rows: Sequence[Row]) -> Verdict:
    chosen = [row for row in rows if bar.tag is None or bar.tag in row.tags]
    if not chosen:
        raise EvaluationError(f"the gate has a bar for the tag {bar.tag!r}, and no question has it")
    value = bar.measure.of(Table.of(chosen))
    passed = not math.isnan(value) and not bar.measure.better(bar.value, value)
    name = bar.measure.name if bar.tag is None else f"{bar.measure.name} of {bar.tag}"
    wanted = "at most" if bar.measure.lower_is_better else "at least"
    return Verdict(
        name, passed, f"{value:.3f}, {wanted} {bar.value:g}, over {len(chosen)} questions"
    )


def _kept(change: Change, allowed: float) -> Verdict:
    passed = not (change.significant and change.loss > allowed)
    said = (
        f"{change.before:.3f} -> {change.now:.3f} [{change.low:+.3f}, {change.high:+.3f}], may "
        f"lose {allowed:g}"
    )
    return Verdict(f"{change.measure.name} against the baseline", passed, said)


def compare(before: Sequence[Row], now: Sequence[Row], names: Sequence[str]) -> list[Change]:
    """How measures changed over the questions of both runs: paired bootstrap (Efron and Tibshirani
    1993).

    :raises EvaluationError: they have none in common
    """
    known = {row.id: row for row in before}
    pairs = [(known[row.id], row) for row in now if row.id in known]
    if not pairs:
        raise EvaluationError("this run and the baseline have no question in common")
    unknown = [name for name in names if measure_of(name).each and name not in pairs[0][0].values]
    if unknown:
        raise EvaluationError(
            f"the baseline has no {', '.join(unknown)}; make one with the gate that names it"
        )
    old, new = Table.of([pair[0] for pair in pairs]), Table.of([pair[1] for pair in pairs])
    places = np.random.default_rng(_SEED).integers(0, len(pairs), (RESAMPLES, len(pairs)))
    return [_change(measure_of(name), old, new, places) for name in names]


def _change(
    measure: Measure, old: Table, new: Table, places: np.ndarray[Any, np.dtype[np.int64]]
) -> Change:
    # Any: the shape
    differences = [measure.of(new.take(each)) - measure.of(old.take(each)) for each in places]
    low, high = (
        np.nanpercentile(differences, [_LOW, _HIGH])
        if not np.isnan(differences).all()
        else (0.0, 0.0)
    )
    return Change(measure, measure.of(old), measure.of(new), float(low), float(high))


@dataclass(frozen=True, slots=True)
class Baseline:
    """An earlier run: what it depended on, and its rows."""

    fingerprint: Mapping[str, str]
    rows: tuple[Row, ...]


def read_baseline(path: Path) -> Baseline:
    """The run in a JSON report.

    :raises EvaluationError: it is no report of a run
    """
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        return Baseline(read["fingerprint"], tuple(_row(each) for each in read["questions"]))
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise EvaluationError(
            f"{path}: not the JSON report of a run ({exc!r}); write one with --json"
        ) from exc


def _row(read: Mapping[str, Any]) -> Row:  # Any: JSON
    values = {
        name: math.nan if value is None else float(value) for name, value in read["values"].items()
    }
    return Row(
        read["id"],
        read["type"],
        tuple(read["tags"]),
        read["split"],
        bool(read["answerable"]),
        bool(read["judged"]),
        bool(read["right"]),
        bool(read["given"]),
        float(read["confidence"]),
        values,
    )


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What two runs do not have in common and would have to, for their figures to be compared."""
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))

"""Comparison with a baseline, which is the JSON report of an earlier run."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.errors import EvaluationError
from eval.measuring.measures import Measure, ScoreRow, ScoreTable, measure_of
from eval.seed import SEED

RESAMPLES = 2_000
INTERVAL_PERCENT = (2.5, 97.5)
"""The percentiles that bound a 95 % interval."""


@dataclass(frozen=True, slots=True)
class Change:
    """A measure before and now.

    :param low: lower end of the 95 % interval of the difference (paired bootstrap)
    :param high: its upper end
    """

    measure: Measure
    before: float
    now: float
    low: float
    high: float

    @property
    def significant(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0

    @property
    def loss(self) -> float:
        """How much worse the measure is now; negative if it is better."""
        gain = self.now - self.before
        return gain if self.measure.lower_is_better else -gain


@dataclass(frozen=True, slots=True)
class Baseline:
    """An earlier run: what its figures depend on, and the scores of its questions."""

    fingerprint: Mapping[str, str]
    rows: tuple[ScoreRow, ...]


def compare(
    before: Sequence[ScoreRow], now: Sequence[ScoreRow], names: Sequence[str]
) -> list[Change]:
    """How measures changed over the questions of both runs, by a paired bootstrap (Efron and
    Tibshirani 1993).

    :raises EvaluationError: the runs share no question, or the baseline lacks a measure
    """
    known = {row.id: row for row in before}
    pairs = [(known[row.id], row) for row in now if row.id in known]
    if not pairs:
        raise EvaluationError("this run and the baseline have no question in common")
    missing = [name for name in names if measure_of(name).each and name not in pairs[0][0].values]
    if missing:
        raise EvaluationError(
            f"the baseline does not have {', '.join(missing)}; make a new one with this gate"
        )
    old = ScoreTable.of([pair[0] for pair in pairs])
    new = ScoreTable.of([pair[1] for pair in pairs])
    # every measure sees the same samples, and both runs the same questions of a sample
    samples = np.random.default_rng(SEED).integers(0, len(pairs), (RESAMPLES, len(pairs)))
    return [_change(measure_of(name), old, new, samples) for name in names]


def _change(
    measure: Measure, old: ScoreTable, new: ScoreTable, samples: NDArray[np.int64]
) -> Change:
    differences = [measure.of(new.take(each)) - measure.of(old.take(each)) for each in samples]
    low, high = 0.0, 0.0
    if not np.isnan(differences).all():
        low, high = np.nanpercentile(differences, INTERVAL_PERCENT)
    return Change(
        measure, before=measure.of(old), now=measure.of(new), low=float(low), high=float(high)
    )


def read_baseline(path: Path) -> Baseline:
    """The run in a JSON report.

    :raises EvaluationError: the file is not the report of a run
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        return Baseline(report["fingerprint"], tuple(_row(each) for each in report["questions"]))
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise EvaluationError(
            f"{path}: not the JSON report of a run ({exc!r}); write one with --json"
        ) from exc


def _row(read: Mapping[str, Any]) -> ScoreRow:  # Any: JSON
    values = {
        name: math.nan if value is None else float(value) for name, value in read["values"].items()
    }
    return ScoreRow(
        id=read["id"],
        type=read["type"],
        tags=tuple(read["tags"]),
        split=read["split"],
        answerable=bool(read["answerable"]),
        judged=bool(read["judged"]),
        right=bool(read["right"]),
        given=bool(read["given"]),
        confidence=float(read["confidence"]),
        values=values,
    )


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The names of the fingerprints in which two runs differ. Their figures can be compared only
    if there are none.
    """
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))

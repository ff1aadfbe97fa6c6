"""Plots of a run as inline SVG: first the numbers, then the drawing, both in small pure functions.

Every plot is :data:`WIDTH` wide. Colours and fonts come from the stylesheet of the page, so that a
plot follows its light and dark mode. They are drawn by hand because plotting libraries were no
better for this page: pygal's SVG has a script and random ids, brings colours of its own, weighs
100 kB for the risk-coverage curve, and cannot combine bars with a curve; matplotlib draws text as
paths, is a large dependency, and follows no mode.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from eval.measuring.formulas import Bin, BoolArray, FloatArray, percentile
from eval.reporting.wording import cut_line

WIDTH = 400
_LEFT, _RIGHT, _TOP = 44.0, 382.0, 40.0
_ROW = 26
_BARS_FROM, _BARS_TO = 132.0, 318.0
_NAME = 18
_FINE = 5
"""Bars of a histogram between two ticks."""


@dataclass(frozen=True, slots=True)
class Point:
    """A share of questions that are answered, and the share of those answers that are wrong."""

    coverage: float
    risk: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts in bars of equal width from 0 to ``top``.

    :param step: the distance of ticks
    :param counts: of each bar; the last one includes the values above the top
    :param above: the number of values above the top
    """

    step: float
    top: float
    counts: tuple[int, ...]
    above: int


def risk_coverage(confidences: FloatArray, rights: BoolArray) -> tuple[Point, ...]:
    """Coverage and risk for each threshold on the confidence (El-Yaniv and Wiener 2010), the
    highest threshold first.
    """
    order = np.argsort(-confidences, kind="stable")
    falling = confidences[order]
    wrong = np.cumsum(~rights[order])
    # a threshold cannot separate equal confidences: only the last of them makes a point
    last = [*(falling[1:] < falling[:-1]), True]
    answered = [number for number, ends in enumerate(last, start=1) if ends]
    return tuple(
        Point(number / len(falling), float(wrong[number - 1]) / number) for number in answered
    )


def operating_point(given: BoolArray, rights: BoolArray) -> Point | None:
    """Coverage and risk at the default threshold; None if nothing is answered."""
    return Point(float(given.mean()), float((~rights[given]).mean())) if given.any() else None


def histogram(values: FloatArray) -> Histogram:
    """Counts up to the largest value, or up to twice the 95th percentile if some values are far
    above it.
    """
    reach = min(float(values.max()), 2 * percentile(values, 95))
    step = nice_step(reach)
    top = step * max(1, math.ceil(reach / step))
    bars = round(top / step) * _FINE
    counts, _ = np.histogram(np.minimum(values, top), bins=bars, range=(0, top))
    return Histogram(step, top, tuple(int(count) for count in counts), int((values > top).sum()))


def nice_step(top: float) -> float:
    """The distance of ticks that divides 0 to ``top`` into at most five parts: 1, 2 or 5 times a
    power of ten.
    """
    if top <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(top / 5))
    return next(
        (times * power for times in (1.0, 2.0, 5.0) if top / (times * power) <= 5 + 1e-9),
        10.0 * power,
    )


@dataclass(frozen=True, slots=True)
class _Axes:
    """Axes from 0 to ``x_top`` and 0 to ``y_top``, and the coordinates of values."""

    x_top: float
    y_top: float
    bottom: float

    def x(self, value: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * value / self.x_top

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - _TOP) * value / self.y_top

    def across(self, values: Iterable[float], kind: str = "percent") -> Markup:
        """Ticks of the horizontal axis."""
        return _joined(
            _text(self.x(value), self.bottom + 16, _label(value, kind), "tick", anchor="middle")
            for value in values
        )

    def up(self, values: Iterable[float], kind: str = "percent") -> Markup:
        """Ticks of the vertical axis, each with a grid line."""
        return _joined(
            _line((_LEFT, self.y(value)), (_RIGHT, self.y(value)), "grid")
            + _text(_LEFT - 7, self.y(value) + 4, _label(value, kind), "tick", anchor="end")
            for value in values
        )

    def curve(self, points: Iterable[tuple[float, float]], kind: str) -> Markup:
        """A line through points."""
        coordinates = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        return Markup('<polyline class="{}" points="{}"/>').format(kind, coordinates)


def risk_coverage_plot(
    points: Sequence[Point], chosen: Point | None, threshold: float | None
) -> Markup:
    """The curve, with a mark at the default threshold."""
    step = nice_step(max(0.1, *(point.risk for point in points)))
    top = step * math.ceil(max(0.1, *(point.risk for point in points)) / step - 1e-9)
    axes = _Axes(1.0, top, 218)
    return _svg(
        262,
        "Risk-coverage curve",
        axes.up(_ticks(top, step)),
        axes.across(_ticks(1.0, 0.2)),
        _titles("wrong among answered", "share of questions answered", 254),
        axes.curve(((point.coverage, point.risk) for point in points), "curve"),
        _mark_chosen(axes, chosen, threshold) if chosen else Markup(),
    )


def _mark_chosen(axes: _Axes, point: Point, threshold: float | None) -> Markup:
    x, y = axes.x(point.coverage), axes.y(point.risk)
    named = "by default" if threshold is None else f"threshold {threshold:.2f}"
    label = f"{named}: {point.coverage:.0%} answered, {point.risk:.0%} of them wrong"
    return (
        _line((x, _TOP), (x, axes.bottom), "mark")
        + _dot(x, y, "at", label)
        + _dot(_LEFT + 4, 26, "at", label)
        + _text(_LEFT + 13, 30, label, "note")
    )


def reliability_plot(bins: Sequence[Bin]) -> Markup:
    """The share of right answers by confidence, with the number of answers in every bin."""
    axes = _Axes(1.0, 1.0, 218)
    full = [each for each in bins if each.count]
    middle = 0.5 / len(bins)
    return _svg(
        280,
        "Reliability diagram",
        axes.up(_ticks(1.0, 0.25)),
        axes.across(_ticks(1.0, 0.2)),
        _titles("right among them", "confidence", 272),
        _joined(_column(axes, each.low, 1 / len(bins), each.right) for each in full),
        axes.curve(((0, 0), (1, 1)), "mark"),
        axes.curve(((each.confidence, each.right) for each in full), "curve"),
        _joined(
            _dot(axes.x(each.confidence), axes.y(each.right), "dot", _binned(each)) for each in full
        ),
        _text(_LEFT - 7, 254, "n", "tick", anchor="end"),
        _joined(
            _text(axes.x(each.low + middle), 254, _short(each.count), "tick", anchor="middle")
            for each in bins
        ),
    )


def _binned(each: Bin) -> str:
    return f"{each.count} answers of confidence {each.confidence:.2f}: {each.right:.0%} right"


def latency_plot(values: FloatArray) -> Markup:
    """How long questions took, in milliseconds, with the median and the 95th percentile."""
    shape = histogram(values)
    most = max(shape.counts)
    step = max(1.0, nice_step(most))
    axes = _Axes(shape.top, step * math.ceil(most / step), 218)
    width = shape.top / len(shape.counts)
    past = f" (the last bar: {shape.above} above {shape.top:g})" if shape.above else ""
    return _svg(
        262,
        "Latency histogram",
        axes.up(_ticks(axes.y_top, step), "count"),
        axes.across(_ticks(shape.top, shape.step), "count"),
        _titles("questions", f"milliseconds{past}", 254),
        _joined(
            _column(axes, number * width, width, count)
            for number, count in enumerate(shape.counts)
            if count
        ),
        _percentile(axes, values, 50, 18),
        _percentile(axes, values, 95, 33),
    )


def _percentile(axes: _Axes, values: FloatArray, percent: int, row: float) -> Markup:
    value = percentile(values, percent)
    x = axes.x(min(value, axes.x_top))
    anchor, aside = ("end", -5) if x > (_LEFT + _RIGHT) / 2 else ("start", 5)
    label = f"p{percent} {value:.0f} ms"
    return _line((x, row - 10), (x, axes.bottom), "mark") + _text(
        x + aside, row, label, "note", anchor=anchor
    )


def bars_plot(bars: Mapping[str, tuple[float, int]]) -> Markup:
    """A bar for every name: its value from 0 to 1, and how many questions it is the mean of."""
    height = _ROW * len(bars) + 8
    lines = (_BARS_FROM + (_BARS_TO - _BARS_FROM) * share for share in (0, 0.25, 0.5, 0.75, 1))
    ticks = ((_BARS_FROM + (_BARS_TO - _BARS_FROM) * share, f"{share:g}") for share in (0, 0.5, 1))
    return _svg(
        height + 20,
        "Bars by type of question",
        _joined(_line((x, 4), (x, height), "grid") for x in lines),
        _joined(_text(x, height + 14, label, "tick", anchor="middle") for x, label in ticks),
        _joined(_bar(number, name, *bar) for number, (name, bar) in enumerate(bars.items())),
    )


def _bar(number: int, name: str, value: float, count: int) -> Markup:
    top = _ROW * number + 4
    # a long name is cut, and its title holds all of it
    label = Markup('<text class="name" x="0" y="{}"><title>{}</title>{}</text>').format(
        top + 17, name, cut_line(name, _NAME)
    )
    bar = _rectangle(
        _BARS_FROM,
        top + 5,
        width=(_BARS_TO - _BARS_FROM) * value,
        height=_ROW - 10,
        label=f"{name}: {value:.3f}",
    )
    return (
        label
        + bar
        + _text(_BARS_TO + 10, top + 17, f"{value:.2f}", "value")
        + _text(WIDTH, top + 17, f"n {_short(count)}", "tick", anchor="end")
    )


def _svg(height: float, name: str, *parts: Markup) -> Markup:
    frame = '<svg viewBox="0 0 {} {:.0f}" role="img" aria-label="{}">{}</svg>'
    return Markup(frame).format(WIDTH, height, name, _joined(parts))


def _titles(up: str, across: str, bottom: float) -> Markup:
    return _text(0, 12, f"↑ {up}", "axis") + _text(
        _RIGHT, bottom, f"{across} →", "axis", anchor="end"
    )


def _column(axes: _Axes, low: float, width: float, value: float) -> Markup:
    x, y = axes.x(low), axes.y(value)
    return _rectangle(
        x + 1,
        y,
        width=max(1.0, axes.x(low + width) - x - 2),
        height=axes.bottom - y,
        label=f"{low:g} to {low + width:g}: {value:g}",
    )


def _rectangle(x: float, y: float, *, width: float, height: float, label: str) -> Markup:
    shape = (
        '<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" '
        'height="{:.1f}"><title>{}</title></rect>'
    )
    return Markup(shape).format(x, y, width, height, label)


def _dot(x: float, y: float, kind: str, label: str) -> Markup:
    return Markup(
        '<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="4"><title>{}</title></circle>'
    ).format(kind, x, y, label)


def _line(start: tuple[float, float], end: tuple[float, float], kind: str) -> Markup:
    shape = '<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>'
    return Markup(shape).format(kind, *start, *end)


def _text(x: float, y: float, text: str, kind: str, *, anchor: str = "start") -> Markup:
    shape = '<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>'
    return Markup(shape).format(kind, x, y, anchor, text)


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup().join(parts)


def _ticks(top: float, step: float) -> list[float]:
    return [round(step * number, 9) for number in range(round(top / step) + 1)]


def _label(value: float, kind: str) -> str:
    return f"{value:.0%}" if kind == "percent" else f"{value:g}"


def _short(count: int) -> str:
    return f"{count / 1_000:.0f}k" if count >= 10_000 else str(count)

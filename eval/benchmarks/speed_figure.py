"""The figures of the speed benchmark, with what they should reach."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from rich import box
from rich.table import Table

from eval.benchmarks.machine import Machine
from eval.console import print_wide, stdout


class SpeedPart(StrEnum):
    """What can be measured, in the order of the table."""

    ADDING = "adding"
    SEARCHING = "searching"
    ASKING = "asking"
    SERVICE = "service"


class Bound(StrEnum):
    """On which side of its limit a figure should be."""

    AT_LEAST = "≥"
    BELOW = "<"
    AT_MOST = "≤"


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should reach."""

    bound: Bound
    limit: float

    def reached_by(self, value: float) -> bool:
        """Whether the value is on the right side of the limit."""
        match self.bound:
            case Bound.AT_LEAST:
                return value >= self.limit
            case Bound.BELOW:
                return value < self.limit
            case Bound.AT_MOST:
                return value <= self.limit


@dataclass(frozen=True, slots=True)
class SpeedFigure:
    """One measured number.

    :param digits: after the decimal point, where the value is shown
    :param detail: what it was taken from
    :param target: None where the figure only explains another one
    """

    part: SpeedPart
    name: str
    value: float
    unit: str
    digits: int
    detail: str
    target: Target | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None without one."""
        return None if self.target is None else self.target.reached_by(self.value)


def print_figures(figures: Sequence[SpeedFigure]) -> None:
    """Print a table of the figures, and below it what each was taken from."""
    table = Table("figure", "value", "target", "reached", box=box.MARKDOWN)
    for figure in figures:
        target = f"{figure.target.bound} {figure.target.limit:,g}" if figure.target else ""
        reached = {None: "", True: "yes", False: "no"}[figure.reached]
        value = f"{figure.value:,.{figure.digits}f} {figure.unit}".strip()
        table.add_row(f"{figure.part}: {figure.name}", value, target, reached)
    print_wide(table)
    for figure in figures:
        stdout.print(f"- {figure.part}: {figure.name}: {figure.detail}", soft_wrap=True)


def figures_json(machine: Machine, figures: Sequence[SpeedFigure]) -> dict[str, object]:
    """The machine and its figures as JSON."""
    return {
        "machine": asdict(machine),
        "figures": [{**asdict(figure), "reached": figure.reached} for figure in figures],
    }

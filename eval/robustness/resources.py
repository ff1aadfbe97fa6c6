"""What a process and its children use, sampled over time, and whether it grows."""

import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

WARM_UP = 0.25
"""The share of a run that does not count: models, caches and pools fill."""

MOST_GROWTH = 0.05
"""The largest growth of memory after the warm-up, as a share of what is resident then."""

MOST_MORE = 16
"""The largest growth in number of file descriptors or of threads after the warm-up."""


@dataclass(frozen=True, slots=True)
class ResourceSample:
    """What a service used at a moment.

    :param at_s: seconds since the sampling began
    :param rss: bytes resident in the process itself
    :param children_rss: bytes resident in its children
    """

    at_s: float
    rss: int
    children_rss: int
    descriptors: int
    threads: int


class Sampler:
    """Samples a process every second in a thread of its own, until the block ends."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.samples: list[ResourceSample] = []

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        started = time.perf_counter()
        while not self._stopped.wait(1):
            try:
                self.samples.append(self._sample(time.perf_counter() - started))
            except psutil.NoSuchProcess:
                return

    def _sample(self, at_s: float) -> ResourceSample:
        children = 0
        for child in self._process.children(recursive=True):
            try:
                children += child.memory_info().rss
            except psutil.NoSuchProcess:
                continue  # it has ended meanwhile
        return ResourceSample(
            at_s,
            self._process.memory_info().rss,
            children,
            self._process.num_fds(),
            self._process.num_threads(),
        )


@dataclass(frozen=True, slots=True)
class Growth:
    """How the use of a process grew after its warm-up.

    :param start_mb: the median of resident memory in the first fifth after the warm-up
    :param slope_mb_per_hour: of the straight line with the least squares
    :param growth: the slope times the time after the warm-up, as a share of ``start_mb``
    :param descriptors: medians of the first and of the last fifth
    :param threads: the same
    """

    start_mb: float
    peak_mb: float
    slope_mb_per_hour: float
    growth: float
    descriptors: tuple[float, float]
    threads: tuple[float, float]

    @classmethod
    def of(cls, samples: Sequence[ResourceSample]) -> "Growth":
        """The growth in some samples, at least ten of them after the warm-up."""
        warm_s = samples[-1].at_s * WARM_UP
        warm = [sample for sample in samples if sample.at_s >= warm_s]
        fifth = max(len(warm) // 5, 1)
        first, last = warm[:fifth], warm[-fifth:]
        start = statistics.median(sample.rss for sample in first)
        line = statistics.linear_regression(
            [sample.at_s for sample in warm], [sample.rss for sample in warm]
        )
        return cls(
            start_mb=start / 1e6,
            peak_mb=max(sample.rss for sample in samples) / 1e6,
            slope_mb_per_hour=line.slope * 3_600 / 1e6,
            growth=line.slope * (warm[-1].at_s - warm[0].at_s) / start,
            descriptors=(_median_descriptors(first), _median_descriptors(last)),
            threads=(_median_threads(first), _median_threads(last)),
        )

    def faults(self) -> list[str]:
        """What grew too much."""
        found = []
        if self.growth > MOST_GROWTH:
            found.append(
                f"memory grew by {self.growth:.1%} after the warm-up; at most {MOST_GROWTH:.0%}"
            )
        for name, (first, last) in (
            ("file descriptors", self.descriptors),
            ("threads", self.threads),
        ):
            if last - first > MOST_MORE:
                found.append(f"{name} grew from {first:.0f} to {last:.0f}")
        return found


def _median_descriptors(samples: Sequence[ResourceSample]) -> float:
    return statistics.median(sample.descriptors for sample in samples)


def _median_threads(samples: Sequence[ResourceSample]) -> float:
    return statistics.median(sample.threads for sample in samples)

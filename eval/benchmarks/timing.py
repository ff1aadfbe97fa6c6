"""How long work takes, by the wall clock or in processor time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from index.encoding.encoder import Encoder
from index.encoding.identity import EncoderIdentity
from index.encoding.vectors import Vectors


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """Times work by a clock. With ``time.process_time``, other processes do not lengthen it."""

    clock: Callable[[], float] = time.perf_counter

    def seconds(self, work: Callable[[], object]) -> float:
        """Seconds that a call takes."""
        started = self.clock()
        work()
        return self.clock() - started

    def milliseconds(self, work: Callable[[], object]) -> float:
        """Milliseconds that a call takes."""
        return 1_000 * self.seconds(work)


WALL = Stopwatch()
PROCESSOR = Stopwatch(time.process_time)
CLOCKS = {"wall": WALL, "processor": PROCESSOR}


class TimedEncoder:
    """An encoder that counts the texts it was given and the time it spent on them.

    :param texts: number of texts
    :param seconds: wall-clock time
    :param cpu_s: processor time of this process
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.identity: EncoderIdentity = encoder.identity
        self.reset()

    def reset(self) -> None:
        """Set the counts to 0."""
        self.texts, self.seconds, self.cpu_s = 0, 0.0, 0.0

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The encoder's vectors."""
        started, cpu = time.perf_counter(), time.process_time()
        vectors = self._encoder.encode(texts)
        self.seconds += time.perf_counter() - started
        self.cpu_s += time.process_time() - cpu
        self.texts += len(texts)
        return vectors

    def token_spans(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        """The encoder's tokens. Not counted: chunks are cut by them, which is not embedding."""
        return self._encoder.token_spans(texts)

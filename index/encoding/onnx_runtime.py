"""Runs ONNX graphs on the processor."""

import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpus.errors import SettingsError

GraphInput = Mapping[str, NDArray[np.int64]]
"""The inputs of a graph for one text, by name, ``[L]`` each."""

_LOW_PRIORITY = 15

_SLOW_FUSIONS = ["SkipLayerNormFusion"]
"""Optimisations of the graph that make onnxruntime slower on the processor."""


class Graph:
    """A graph whose inputs are ``[B, L]``. It runs each row by itself on one core, and as many rows
    at once as there are free cores.
    """

    # A single row needs no padding, uses less of the processor's caches, and does not depend on
    # other rows: an int8 graph scales its numbers by the largest of all rows in a batch. Besides,
    # no core waits for another between two layers.

    def __init__(self, path: Path, cores: int, *, yields: bool = False) -> None:
        """Load a file.

        :param yields: whether several rows are work that single rows and other graphs go before
        :raises SettingsError: it is not a graph that this machine can run
        """
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(path),
                options,
                providers=["CPUExecutionProvider"],
                disabled_optimizers=_SLOW_FUSIONS,
            )
        except Exception as exc:  # onnxruntime's exceptions have no common base class.
            raise SettingsError(f"{path}: cannot be loaded as an ONNX model ({exc})") from exc
        self.inputs = frozenset(argument.name for argument in self._session.get_inputs())
        self.outputs = tuple(argument.name for argument in self._session.get_outputs())
        self._yields = yields
        # The caller's thread works too, unless that would give it the share of other work.
        self._helpers = ThreadPoolExecutor(
            cores if yields else max(1, cores - 1),
            thread_name_prefix=path.stem,
            initializer=_yield_to_others if yields else None,
        )

    def run(
        self, rows: Sequence[GraphInput], outputs: Sequence[str]
    ) -> list[list[NDArray[np.float32]]]:
        """The named outputs of each row, in order, without the batch dimension."""
        if len(rows) == 1:
            return [self._run(rows[0], outputs)]
        longest_first = sorted(range(len(rows)), key=lambda number: -_length(rows[number]))
        mine = [] if self._yields else longest_first[:1]
        helped = {
            number: self._helpers.submit(self._run, rows[number], outputs)
            for number in longest_first[len(mine) :]
        }
        results = {number: self._run(rows[number], outputs) for number in mine}
        for number, future in helped.items():
            # Under load the helpers have other callers' rows, and this thread need not wait for
            # them: a row that has not been begun is taken back.
            if not self._yields and future.cancel():
                results[number] = self._run(rows[number], outputs)
            else:
                results[number] = future.result()
        return [results[number] for number in range(len(rows))]

    def _run(self, row: GraphInput, outputs: Sequence[str]) -> list[NDArray[np.float32]]:
        inputs = {name: row[name][np.newaxis] for name in self.inputs}
        # onnxruntime has no type hints for its results.
        results: list[Any] = self._session.run(list(outputs), inputs)
        return [output[0] for output in results]


def _yield_to_others() -> None:
    """Let this thread run when no other wants its core, or nearly so."""
    # On Linux, threads have priorities of their own.
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOW_PRIORITY)


def _length(row: GraphInput) -> int:
    return len(next(iter(row.values())))

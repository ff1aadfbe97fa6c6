"""Metrics for Prometheus: questions by outcome, time of each stage, and size of the index."""

from collections.abc import Mapping

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from service.answering.reason import Reason
from service.answering.service import ANSWERED, FAILED, SMALL_TALK, AnswerService
from service.http.dependencies import Dependencies

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Counts the questions of a service, and reads the size of its index at every scrape."""

    def __init__(self, service: AnswerService) -> None:
        self._registry = CollectorRegistry()
        self._questions = Counter(
            "quoth_questions",
            "Questions by outcome.",
            ["outcome"],
            registry=self._registry,
        )
        self._stages = Histogram(
            "quoth_stage_seconds",
            "Time that a stage of answering took; answers given before take none.",
            ["stage"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        for outcome in (ANSWERED, *Reason, SMALL_TALK, FAILED):
            self._questions.labels(outcome)  # every outcome is there from the start, at 0
        self._registry.register(_IndexSize(service))
        ProcessCollector(registry=self._registry)
        service.observers.append(self.count)

    def count(self, outcome: str, timings_ms: Mapping[str, float]) -> None:
        """Count a question, and the time of its stages."""
        self._questions.labels(outcome).inc()
        for stage, spent in timings_ms.items():
            self._stages.labels(stage).observe(spent / 1e3)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format.

        :raises StoreError: the index cannot be read
        """
        return generate_latest(self._registry)


class _IndexSize(Collector):
    """The size of the index, counted at every scrape."""

    def __init__(self, service: AnswerService) -> None:
        self._collection = service.collection

    def describe(self) -> list[GaugeMetricFamily]:
        """The names alone, so that registering does not count anything."""
        return [_gauge("documents", 0), _gauge("chunks", 0), _gauge("generation", 0)]

    def collect(self) -> list[GaugeMetricFamily]:
        """The metrics with their present values."""
        counts = self._collection.store.counts()
        held = {
            "documents": counts["documents"],
            "chunks": counts["chunks"],
            "generation": self._collection.generation,
        }
        return [_gauge(name, value) for name, value in held.items()]


def _gauge(name: str, value: float) -> GaugeMetricFamily:
    meaning = (
        "Number of the latest write of documents."
        if name == "generation"
        else f"{name.capitalize()} in the index."
    )
    return GaugeMetricFamily(f"quoth_{name}", meaning, value)


def router(deps: Dependencies) -> APIRouter:
    """``GET /metrics``. Counting starts when the router is made."""
    routes, metrics = APIRouter(), Metrics(deps.service)

    @routes.get("/metrics", include_in_schema=False)
    async def read() -> Response:
        return Response(
            await deps.threads.read(metrics.text),
            headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4},
        )

    return routes

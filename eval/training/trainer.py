"""A run of training: its settings, its state, its steps and its checkpoints.

The budget is a number of tokens, not of hours, so a paused process loses nothing.
"""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from eval.training.batches import Batch, Mix, Source, batches
from eval.training.examples import Example
from eval.training.loss import evidence_loss, reader_loss
from eval.training.model import Reader, fresh_head

CHECKPOINT = "checkpoint.pt"

_SHOWN_STEPS = 20


@dataclass(frozen=True, slots=True)
class Settings:
    """What fixes a run; ``warm_up``, ``decay`` and ``short`` are shares of the tokens.

    :param short: the first stage's share, where windows are short
    :param average: how much of the running average of the weights a step keeps
    :param evidence: the weight of the loss of sentences beside that of spans
    """

    tokens: int = 30_000_000
    tokens_a_batch: int = 7680
    rate: float = 3e-4
    warm_up: float = 0.05
    decay: float = 0.5
    short: float = 0.55
    weight_decay: float = 0.01
    average: float = 0.998
    evidence: float = 1.0
    seed: int = 7
    bfloat16: bool = True
    compiled: bool = True


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the rows of a stage come from."""

    source: Source
    examples: list[Example]
    mix: Mix


@dataclass(slots=True)
class Progress:
    """Where a run stands.

    :param active_s: processor seconds
    :param drawn: examples drawn in each of the two stages
    """

    tokens: int = 0
    steps: int = 0
    active_s: float = 0.0
    drawn: list[int] = field(default_factory=lambda: [0, 0])


def rate_at(tokens: int, settings: Settings) -> float:
    """The learning rate after so many tokens: warm-up, level, then linear to 0 over the decay's
    share.
    """
    done = tokens / settings.tokens
    up = min(1.0, done / settings.warm_up + 0.02)
    down = min(1.0, max(0.0, (1.0 - done) / settings.decay))
    return settings.rate * min(up, down)


def with_budget(settings: Settings, out: Path) -> Settings:
    """The settings, with the number of tokens in the file ``budget`` of the run's folder if there
    is one.

    Writing that file shortens or lengthens a run under way, and its learning rate with it.
    """
    path = out / "budget"
    return replace(settings, tokens=int(path.read_text())) if path.exists() else settings


class Trainer:
    """A reader in training, its optimiser, its running average and its place in the data."""

    def __init__(self, reader: Reader, settings: Settings, out: Path, device: str = "cpu") -> None:
        self.reader, self.settings, self.out = reader, with_budget(settings, out), out
        self._device = torch.device(device)
        reader.to(self._device)
        self.progress = Progress()
        self.stopped = False
        self._average = {name: value.detach().clone() for name, value in self._trained().items()}
        self._optimiser = torch.optim.AdamW(self._groups(), lr=settings.rate, fused=True)

    @property
    def stage(self) -> int:
        """0 while short windows are read, 1 afterwards, 2 when the budget is spent."""
        budget = self.settings.tokens
        return int(self.progress.tokens >= self.settings.short * budget) + int(
            self.progress.tokens >= budget
        )

    def train(self, stages: Sequence[Stage], every_s: float) -> None:
        """Run to the end of the budget, or until it is stopped, and save.

        Where the budget grows under way, the second stage goes on and does not fall back to the
        first.

        :param every_s: processor seconds between checkpoints
        """
        shown, saved = _Shown(self), self.progress.active_s
        for number, stage in enumerate(stages):
            if self.stage > number or self.stopped:
                continue
            for batch in self._batches(number, stage):
                shown.add(self.step(batch), batch)
                if self.progress.active_s - saved > every_s:
                    self.save()
                    saved = self.progress.active_s
                if self.stage > number or self.stopped:
                    break
        self.save()

    def step(self, batch: Batch) -> float:
        """One update; returns the loss."""
        began = time.process_time()
        self.settings = with_budget(self.settings, self.out)
        for group in self._optimiser.param_groups:
            group["lr"] = rate_at(self.progress.tokens, self.settings)
        loss = self._loss(batch)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self._trained().values(), 1.0)
        self._optimiser.step()
        self._optimiser.zero_grad()
        self._follow()
        self.progress.tokens += int(batch.mask.sum())
        self.progress.steps += 1
        self.progress.active_s += time.process_time() - began
        return float(loss.detach())

    def stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  # a signal handler's signature
        """Ask for a checkpoint and an end after the step under way."""
        self.stopped = True

    def save(self) -> None:
        """Write everything needed to go on, in one rename."""
        state = {
            "reader": self.reader.state_dict(),
            "average": self._average,
            "optimiser": self._optimiser.state_dict(),
            "progress": asdict(self.progress),
            "settings": asdict(self.settings),
        }
        part = self.out / f"{CHECKPOINT}.part"
        torch.save(state, part)
        os.replace(part, self.out / CHECKPOINT)

    def resume(self) -> bool:
        """Go on from the checkpoint in the run's folder, if there is one."""
        path = self.out / CHECKPOINT
        if not path.exists():
            return False
        state = torch.load(path, map_location=self._device, weights_only=True)
        self.reader.load_state_dict(fresh_head(self.reader) | state["reader"])
        if self._average.keys() == state["average"].keys():
            self._optimiser.load_state_dict(state["optimiser"])
        # An optimiser begins anew where the checkpoint is older than the evidence head.
        self._average |= state["average"]
        self.progress = Progress(**state["progress"])
        return True

    def _trained(self) -> dict[str, torch.nn.Parameter]:
        return {
            name: value for name, value in self.reader.named_parameters() if value.requires_grad
        }

    def _groups(self) -> list[dict[str, object]]:
        trained = list(self._trained().values())
        return [
            {
                "params": [value for value in trained if value.ndim > 1],
                "weight_decay": self.settings.weight_decay,
            },
            {"params": [value for value in trained if value.ndim < 2], "weight_decay": 0.0},
        ]

    def _batches(self, number: int, stage: Stage) -> Iterator[Batch]:
        """The stage's batches from where the run stands; a batch counts as drawn once it is handed
        out.
        """
        seed, start = self.settings.seed + number, self.progress.drawn[number]
        for drawn, batch in batches(
            stage.source, stage.examples, stage.mix, self.settings.tokens_a_batch, seed, start
        ):
            self.progress.drawn[number] = drawn
            yield batch

    def _loss(self, batch: Batch) -> Tensor:
        def moved(array: NDArray[Any]) -> Tensor:
            return torch.from_numpy(array).to(self._device)

        kinds = moved(batch.kinds)
        start, end, evidence = self.reader(moved(batch.ids), moved(batch.mask), kinds)
        rest = [moved(part) for part in (batch.spans, batch.group, batch.weight, batch.loose)]
        spans = reader_loss(start, end, kinds, *rest)
        return spans + self.settings.evidence * evidence_loss(
            evidence, moved(batch.sentences), moved(batch.belongs)
        )

    def _follow(self) -> None:
        """Move the running average a little towards the weights; a young run's average follows
        faster.
        """
        share = max(1 - self.settings.average, 1 / (self.progress.steps + 1))
        values = [value.detach() for value in self._trained().values()]
        torch._foreach_lerp_(list(self._average.values()), values, share)


class _Shown:
    """Prints the run's state every twenty steps."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._begin()

    def _begin(self) -> None:
        progress = self._trainer.progress
        self._losses: list[float] = []
        self._tokens, self._active, self._wall = (
            progress.tokens,
            progress.active_s,
            time.monotonic(),
        )
        self._rows = self._nulls = 0.0

    def add(self, loss: float, batch: Batch) -> None:
        """Count a step, and print if it is time."""
        self._losses.append(loss)
        self._rows += float(batch.weight.sum())
        self._nulls += float((batch.weight * (batch.spans[:, 0, 0] == 0)).sum())
        if len(self._losses) == _SHOWN_STEPS:
            self._print(float(batch.mask.mean()))
            self._begin()

    def _print(self, fill: float) -> None:
        now, settings = self._trainer.progress, self._trainer.settings
        read = now.tokens - self._tokens
        active, wall = (
            read / max(taken, 1e-9)
            for taken in (now.active_s - self._active, time.monotonic() - self._wall)
        )
        left = (settings.tokens - now.tokens) / wall / 60
        print(
            f"{time.strftime('%H:%M:%S')} step {now.steps} stage {self._trainer.stage} tokens "
            f"{now.tokens / 1e6:.2f}M"
            f" loss {sum(self._losses) / len(self._losses):.3f} rate "
            f"{rate_at(now.tokens, settings):.2e}"
            f" null {self._nulls / self._rows:.2f} fill {fill:.2f} drawn {now.drawn}"
            f" {active:.0f} tokens/CPU s, {wall:.0f} tokens/s, {left:.0f} min left",
            flush=True,
        )

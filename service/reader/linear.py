"""A weighted sum of features: what ranks spans, and what a logistic regression is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Linear:
    """Weights of named features, and what is added to their sum."""

    weights: Mapping[str, float]
    intercept: float = 0.0

    def of(self, features: Mapping[str, float]) -> float:
        """The sum; features without a weight do not count."""
        return self.intercept + math.fsum(
            weight * features[name] for name, weight in self.weights.items()
        )

"""The seed of everything that is drawn at random in an evaluation."""

SEED = 20251122

"""What can be wrong with what an evaluation is given."""

from corpus.errors import QuothError


class EvaluationError(QuothError):
    """A question set, a gate or a baseline cannot be used: mend the file that the message names."""

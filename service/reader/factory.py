"""Readers by name: Quoth's own, a folder with an ONNX graph, or any model that Transformers
loads.
"""

from pathlib import Path

from service.reader.onnx import OnnxScorer, graph_of
from service.reader.passage import PassageReader, TokenReader

DEFAULT_READER = "quoth"
"""The reader that this project trained; its weights come with it."""

WEIGHTS = Path(__file__).parent / "weights"


def load_passage_reader(name: str, threads: int) -> PassageReader:
    """The reader of that name.

    :param name: ``quoth``, a folder, or a model's name that Transformers finds on this machine
    :param threads: processor cores that a question may use
    :raises SettingsError: it is not here, damaged, or no model of extractive question answering
    """
    folder = WEIGHTS if name == DEFAULT_READER else Path(name)
    if name == DEFAULT_READER or graph_of(folder):
        return TokenReader(OnnxScorer(folder, threads))
    from service.reader.transformer import TransformerScorer

    return TokenReader(TransformerScorer(name, threads))

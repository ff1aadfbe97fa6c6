"""Loads readers by name: Quoth's own, a folder with an ONNX graph, or any model that Transformers
loads.
"""

from pathlib import Path

from service.reader.onnx import OnnxScorer, graph_of
from service.reader.passage import PassageReader, TokenReader

DEFAULT_READER = "quoth"
"""The reader that this project trained and ships."""

WEIGHTS = Path(__file__).parent / "weights"


def load_passage_reader(name: str, threads: int) -> PassageReader:
    """The reader of that name.

    :param name: ``quoth``, a folder, or the name of a model that Transformers finds on this machine
    :param threads: number of processor cores that a question may use
    :raises SettingsError: it is missing, damaged, or not an extractive question-answering model
    """
    folder = WEIGHTS if name == DEFAULT_READER else Path(name)
    if name == DEFAULT_READER or graph_of(folder):
        return TokenReader(OnnxScorer(folder, threads))
    from service.reader.transformer import TransformerScorer

    return TokenReader(TransformerScorer(name, threads))

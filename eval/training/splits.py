"""Which documents are trained on, and which only tell how good a reader is.

A set is split by document (an article, a page, a passage), never by question. The reader has seen
nothing of the tune part, so that its scores there are those of documents it does not know.
"""

from hashlib import sha256

TUNE_ARTICLES = frozenset({"Harvard University", "Immune system", "Normans", "Steam engine"})
"""The articles of SQuAD's development part whose unanswerable questions are never trained on."""

TRAINED_ARTICLES = frozenset(
    {
        "1973 oil crisis",
        "Computational complexity theory",
        "European Union law",
        "Force",
        "French and Indian War",
        "Huguenot",
        "Imperialism",
        "Islamism",
        "Packet switching",
        "Scottish Parliament",
        "Warsaw",
        "Yuan dynasty",
    }
)
"""The articles of SQuAD's development part that are trained on, and so count in no score."""

TUNE_SHARES = {"clapnq": 0.5, "covidqa": 0.5, "inscit": 0.25, "policyqa": 0.3, "timeqa": 0.25}
"""How much of each other set is its tune part."""


def is_trained_article(title: str) -> bool:
    """Whether an article of SQuAD's development part is trained on; its title may have underscores
    for spaces.
    """
    return title.replace("_", " ") in TRAINED_ARTICLES


def is_tune(name: str, document: str) -> bool:
    """Whether a document of a set is in its tune part.

    :param document: the document's title, or its text where it has none
    """
    drawn = int.from_bytes(sha256(document.encode()).digest()[:4], "big") / 2**32
    return drawn < TUNE_SHARES[name]

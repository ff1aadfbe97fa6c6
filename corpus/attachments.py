"""Attached files: their text follows that of the document that they are attached to."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

from corpus.errors import DocumentError
from corpus.formats import fragment
from corpus.formats.extracted import AttachedFile, Extracted, Extractor
from corpus.formats.fragment import Fragment

MAX_ATTACHMENT_DEPTH = 5
"""How deeply files may be attached to attached files. Deeper ones are left out."""

MAX_ATTACHMENTS = 200
"""The most files that are read for one document."""

_LEVEL = 1


def with_attachments(extracted: Extracted, extractor: Callable[[str, str], Extractor]) -> Extracted:
    """What was extracted from a file, followed by what the files attached to it hold, each under
    its name. A note names each of them that cannot be read.

    :param extractor: gives the function that reads a file, for its name and its suffix; raises
        DocumentError if there is none
    """
    pieces = [Fragment(extracted.text, extracted.blocks)]
    notes = list(extracted.notes)
    # A stack in place of recursion, with the first file on top.
    waiting = [(file, 1) for file in reversed(extracted.files)]
    read = 0
    while waiting:
        file, depth = waiting.pop()
        read += 1
        if read > MAX_ATTACHMENTS or depth > MAX_ATTACHMENT_DEPTH:
            notes.append(f"The attachment {file.name} is one too many, or attached too deeply.")
            if read > MAX_ATTACHMENTS:
                break
            continue
        try:
            inner = _read(file, extractor)
        except DocumentError as exc:
            notes.append(f"The attachment {file.name} {exc.reason}.")
            continue
        pieces.append(fragment.heading(file.name, _LEVEL))
        pieces.append(Fragment(inner.text, inner.blocks))
        notes += [f"In {file.name}: {note}" for note in inner.notes]
        waiting += [(each, depth + 1) for each in reversed(inner.files)]
    if len(pieces) == 1:
        return replace(extracted, notes=tuple(notes))
    written = fragment.joined(pieces)
    return replace(extracted, text=written.text, blocks=written.blocks, notes=tuple(notes))


def _read(file: AttachedFile, extractor: Callable[[str, str], Extractor]) -> Extracted:
    extract = extractor(file.name, PurePosixPath(file.name).suffix.lower())
    if not file.data:
        raise DocumentError(file.name, "is empty")
    inner = extract(file.name, file.data)
    if not inner.text.strip() and not inner.files:
        raise DocumentError(file.name, "has no text in it")
    return inner

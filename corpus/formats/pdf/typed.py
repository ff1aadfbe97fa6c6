"""What was typed on a page of a PDF after it was made: the values of its form, and notes."""

import ctypes
from collections.abc import Iterator
from typing import Any

from corpus.formats.pdf.words import Word, turned

_WIDGET, _FREE_TEXT = 20, 3
_FIELD_SIZE = 10.0
_CHECK_BOX, _RADIO_BUTTON, _COMBO_BOX, _LIST_BOX, _TEXT_FIELD = 2, 3, 4, 5, 6
_MAX_ANNOTATIONS = 5_000
_MAX_VALUE_BYTES = 200_000


def typed_words(page: Any, form: Any) -> Iterator[Word]:  # Any: pypdfium2 ships no types
    """The values of the form's fields and the text of notes on a page, where they stand.

    :param form: the form of the document, None if it has none
    """
    from pypdfium2 import raw

    count = raw.FPDFPage_GetAnnotCount(page.raw)
    for number in range(min(count, _MAX_ANNOTATIONS)):
        annotation = raw.FPDFPage_GetAnnot(page.raw, number)
        if not annotation:
            continue
        try:
            kind = raw.FPDFAnnot_GetSubtype(annotation)
            if kind == _FREE_TEXT:
                yield from _placed(page, annotation, _string(annotation, b"Contents"))
            elif kind == _WIDGET and form is not None:
                yield from _placed(page, annotation, _value(form, annotation))
        finally:
            raw.FPDFPage_CloseAnnot(annotation)


def _value(form: Any, annotation: Any) -> str:  # Any: ctypes pointers
    """The value of a field as it is shown: a box that is ticked is "yes", other boxes are "no"."""
    from pypdfium2 import raw

    kind = raw.FPDFAnnot_GetFormFieldType(form.raw, annotation)
    if kind == _CHECK_BOX:
        return "yes" if raw.FPDFAnnot_IsChecked(form.raw, annotation) else "no"
    if kind == _RADIO_BUTTON:
        return "yes" if raw.FPDFAnnot_IsChecked(form.raw, annotation) else ""
    if kind in (_COMBO_BOX, _LIST_BOX, _TEXT_FIELD):
        length = raw.FPDFAnnot_GetFormFieldValue(form.raw, annotation, None, 0)
        if not 2 < length <= _MAX_VALUE_BYTES:
            return ""
        buffer = (ctypes.c_ushort * (length // 2))()
        raw.FPDFAnnot_GetFormFieldValue(form.raw, annotation, buffer, length)
        return _decoded(buffer)
    return ""


def _string(annotation: Any, key: bytes) -> str:  # Any: a ctypes pointer
    from pypdfium2 import raw

    length = raw.FPDFAnnot_GetStringValue(annotation, key, None, 0)
    if not 2 < length <= _MAX_VALUE_BYTES:
        return ""
    buffer = (ctypes.c_ushort * (length // 2))()
    raw.FPDFAnnot_GetStringValue(annotation, key, buffer, length)
    return _decoded(buffer)


def _decoded(buffer: Any) -> str:  # Any: a ctypes array
    return bytes(buffer).decode("utf-16-le", "replace").rstrip("\x00")


def _placed(page: Any, annotation: Any, text: str) -> Iterator[Word]:  # Any: ctypes pointers
    """The words of a text from the top left corner of its frame."""
    from pypdfium2 import raw

    frame = raw.FS_RECTF()
    if not text.strip() or not raw.FPDFAnnot_GetRect(annotation, frame):
        return
    turns = page.get_rotation() // 90 % 4
    corners = [
        turned(x, y, turns) for x in (frame.left, frame.right) for y in (frame.bottom, frame.top)
    ]
    left, right = min(x for x, _ in corners), max(x for x, _ in corners)
    bottom, top = min(y for _, y in corners), max(y for _, y in corners)
    lines = [line for line in text.replace("\r", "\n").split("\n") if line.strip()]
    # One line stands on the baseline of the label beside its frame.
    height = (top - bottom) / len(lines)
    size = min(_FIELD_SIZE, max(1.0, height))
    for number, line in enumerate(lines):
        middle = top - height * (number + 0.5)
        width = (right - left) / max(1, len(line))
        position = left
        for word in line.split():
            end = position + width * len(word)
            yield Word(word, position, end, middle - 0.3 * size, size, turns)
            position = end + min(width, 0.3 * size)

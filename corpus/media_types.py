"""Media types of files, by their suffix."""

import mimetypes

_OFFICE = "application/vnd.openxmlformats-officedocument"
_MACROS = "application/vnd.ms-{}.macroEnabled.12"
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument"

# The tables of the operating system differ from machine to machine, so they are not read.
_KNOWN = mimetypes.MimeTypes().types_map[1] | {
    ".text": "text/plain",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".mdx": "text/markdown",
    ".rst": "text/x-rst",
    ".xhtml": "application/xhtml+xml",
    ".jsonl": "application/jsonl",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".docx": f"{_OFFICE}.wordprocessingml.document",
    ".pptx": f"{_OFFICE}.presentationml.presentation",
    ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    ".docm": _MACROS.format("word.document"),
    ".pptm": _MACROS.format("powerpoint.presentation"),
    ".xlsm": _MACROS.format("excel.sheet"),
    ".odt": f"{_OPEN_DOCUMENT}.text",
    ".ods": f"{_OPEN_DOCUMENT}.spreadsheet",
    ".odp": f"{_OPEN_DOCUMENT}.presentation",
    ".rtf": "application/rtf",
    ".msg": "application/vnd.ms-outlook",
    ".epub": "application/epub+zip",
}
_UNKNOWN = "application/octet-stream"


def media_type_of(suffix: str) -> str:
    """The media type of a file with this suffix, ``application/octet-stream`` if it is not known.

    :param suffix: with its dot, in any case
    """
    return _KNOWN.get(suffix.lower(), _UNKNOWN)

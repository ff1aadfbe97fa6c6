"""Zipped XML packages (docx, pptx, xlsx, epub): checks them before they are opened, and reads their
title and date.
"""

import io
import posixpath
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, TypeVar

from corpus.dates import stated_day
from corpus.errors import DocumentError
from corpus.formats.clean import one_line

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_T = TypeVar("_T")
MAX_UNPACKED_BYTES = 512 * 1024 * 1024
# What reading a damaged member raises, or one that is packed in an unknown way.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)
_OLE = b"\xd0\xcf\x11\xe0"
_DC = "{http://purl.org/dc/elements/1.1/}"
_CREATED = "{http://purl.org/dc/terms/}created"
# These are the values in the templates of python-docx, python-pptx and PowerPoint. No author chose
# them.
_TEMPLATE_TITLES = frozenset({"powerpoint presentation", "word document", "untitled"})
_TEMPLATE_STAMPS = frozenset({"2013-12-23T23:15:00Z", "2013-01-27T09:14:16Z"})


@dataclass(frozen=True, slots=True)
class PackageProperties:
    """The title and the date that a package states."""

    title: str | None = None
    published: date | None = None


@contextmanager
def open_package(source: str, data: bytes, suffix: str) -> Iterator[zipfile.ZipFile]:
    """The package, after it was checked.

    :param suffix: its expected format, such as ``docx``
    :raises DocumentError: it is encrypted, damaged, of another format, or too large when unpacked
    """
    if data.startswith(_OLE):
        raise DocumentError(source, "is encrypted, or in an old binary Office format")
    try:
        package = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError) as exc:
        raise wrong_format(source, suffix) from exc
    with package:
        _check_members(source, package)
        yield package


def required_xml(source: str, package: zipfile.ZipFile, name: str, suffix: str) -> "Element":
    """The root of the XML file that every package of a format has.

    :raises DocumentError: it is missing, or its XML is invalid or unsafe
    """
    root = member_xml(package, name)
    if root is None:
        raise wrong_format(source, suffix)
    return root


def relations(package: zipfile.ZipFile, name: str) -> dict[str, str]:
    """The parts that a part of an Office file refers to: their names in the package, by the ids
    that it uses.
    """
    folder, _, file_name = name.rpartition("/")
    root = member_xml(package, f"{folder}/_rels/{file_name}.rels")
    return {
        relation.get("Id", ""): posixpath.normpath(
            posixpath.join(f"/{folder}", relation.get("Target", ""))
        ).lstrip("/")
        for relation in (root if root is not None else ())
        if relation.get("TargetMode") != "External"
    }


def translated(source: str, read: Callable[[], _T]) -> _T:
    """The result of ``read``, with the errors of libraries turned into a ``DocumentError``.

    On a damaged package, a library may raise anything. So every exception means damage, except
    running out of memory and an interrupt, which are about this process.
    """
    try:
        return read()
    except (DocumentError, MemoryError):
        raise
    except Exception as exc:
        raise DocumentError(source, "is damaged: its contents cannot be read") from exc


def wrong_format(source: str, suffix: str) -> DocumentError:
    """The error for a file whose content does not match its suffix."""
    article = "an" if suffix[0] in "aeiorux" else "a"
    return DocumentError(source, f"is not {article} {suffix} file, or is damaged")


def core_properties(package: zipfile.ZipFile) -> PackageProperties:
    """The properties in ``docProps/core.xml`` of an Office file."""
    core = member_xml(package, "docProps/core.xml")
    if core is None:
        return PackageProperties()
    title = one_line(core.findtext(f"{_DC}title") or "")
    created = (core.findtext(_CREATED) or "").strip()
    return PackageProperties(
        title=None if title.lower() in _TEMPLATE_TITLES else title or None,
        published=None if created in _TEMPLATE_STAMPS else stated_day(created),
    )


def book_properties(opf: "Element") -> PackageProperties:
    """The properties in the metadata of an epub."""
    title = one_line(next((node.text or "" for node in opf.iter(f"{_DC}title")), ""))
    day = next((node.text or "" for node in opf.iter(f"{_DC}date")), "").strip()
    return PackageProperties(title=title or None, published=stated_day(day))


def book_of(source: str, package: zipfile.ZipFile) -> tuple["Element", list[str]]:
    """The package document of an epub, and the names of its chapters in reading order.

    :raises DocumentError: this is not an epub, or it is encrypted
    """
    container = member_xml(package, "META-INF/container.xml")
    rootfile = None if container is None else container.find(".//{*}rootfile")
    name = "" if rootfile is None else rootfile.get("full-path", "")
    opf = member_xml(package, name)
    if opf is None:
        raise wrong_format(source, "epub")
    if (
        "META-INF/encryption.xml" in package.namelist()
        and "META-INF/rights.xml" in package.namelist()
    ):
        raise DocumentError(source, "is encrypted")
    return opf, list(_chapters(opf, posixpath.dirname(name)))


def member_xml(package: zipfile.ZipFile, name: str) -> "Element | None":
    """The root of an XML file in the package. None if there is no such file, if it cannot be
    unpacked, or if its XML is invalid or unsafe.
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException  # type: ignore[import-untyped]  # it ships no types
    from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]  # likewise

    try:
        root: Element = fromstring(package.read(name))
    except (KeyError, ParseError, DefusedXmlException, ValueError, *_DAMAGED):
        return None
    return root


def streamed_xml(package: zipfile.ZipFile, name: str) -> Iterator["Element"]:
    """The elements of an XML file in the package, each once it is complete, so that a large file
    need not be held in memory. None if there is no such file.

    :raises ParseError: the XML is invalid; likewise DefusedXmlException for unsafe XML
    """
    from defusedxml.ElementTree import iterparse

    if name in package.namelist():
        with package.open(name) as part:
            for _, element in iterparse(part):
                yield element


def _chapters(opf: "Element", folder: str) -> Iterator[str]:
    from urllib.parse import unquote

    hrefs = {
        item.get("id"): item.get("href", "")
        for item in opf.iter("{http://www.idpf.org/2007/opf}item")
    }
    for reference in opf.iter("{http://www.idpf.org/2007/opf}itemref"):
        href = hrefs.get(reference.get("idref"))
        if href:
            yield posixpath.normpath(posixpath.join(folder, unquote(href)))


def _check_members(source: str, package: zipfile.ZipFile) -> None:
    members = package.infolist()
    if any(member.flag_bits & 0x1 for member in members):
        raise DocumentError(source, "is encrypted")
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAX_UNPACKED_BYTES:
        raise DocumentError(
            source,
            f"unpacks to {unpacked >> 20} MiB; at most {MAX_UNPACKED_BYTES >> 20} MiB are allowed",
        )

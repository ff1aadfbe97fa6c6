"""Front matter: what a Markdown file states about itself before its text, in YAML or TOML."""

import re
import tomllib
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Self

from corpus.dates import day_of

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_SIMPLE_LINE = re.compile(r"([A-Za-z][\w-]{0,40}):[ \t]+(\S.*)")
_SHOWN = 60


@dataclass(slots=True)
class FrontMatter:
    """The fields of a front matter.

    :param fields: by name, every value a string, a list or a mapping
    :param notes: what is wrong with it, a sentence for each fault
    :param is_text: whether it is part of the text, because it is not wholly fields
    """

    fields: dict[str, Any] = field(default_factory=dict)  # Any: checked field by field
    notes: list[str] = field(default_factory=list)
    is_text: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """The fields of the YAML between two lines of ``---``.

        Lines such as ``title: Nets: how to mend them`` are not YAML, but everybody writes them, so
        a front matter of such lines is read line by line.
        """
        import yaml

        try:
            # BaseLoader keeps every scalar as the string that was written, and makes no objects.
            fields = yaml.load(text, Loader=yaml.BaseLoader)
        except (yaml.YAMLError, ValueError, RecursionError) as exc:
            lines = [line for line in text.split("\n") if line.strip()]
            simple = [_SIMPLE_LINE.fullmatch(line) for line in lines]
            found = {line[1]: line[2].strip(" \t\"'") for line in simple if line}
            if all(simple):
                return cls(found)
            fault = f"The front matter is not YAML and is part of the text: {_first_fault(exc)}."
            return cls(found, [fault], is_text=True)
        if fields in (None, ""):
            return cls()
        if not isinstance(fields, dict):
            fault = "The front matter has no fields and is part of the text."
            return cls(notes=[fault], is_text=True)
        return cls(fields)

    @classmethod
    def parse_toml(cls, text: str) -> Self:
        """The fields of the TOML between two lines of ``+++``."""
        try:
            fields = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as exc:
            fault = f"The front matter is not TOML and is part of the text: {exc}."
            return cls(notes=[fault], is_text=True)
        return cls(
            {
                name: value if isinstance(value, list | dict) else str(value)
                for name, value in fields.items()
            }
        )

    def line(self, name: str) -> str | None:
        """A field that is one line of text."""
        value = self.fields.get(name)
        if value is None or (isinstance(value, str) and value in _NULLS):
            return None
        if isinstance(value, str):
            return value
        kind = "list" if isinstance(value, list) else "mapping"
        self.notes.append(f"The front matter's {name} is a {kind}, not a line, and is left out.")
        return None

    def day(self, name: str) -> date | None:
        """A field that is a date."""
        value = self.line(name)
        day = None if value is None else day_of(value)
        if value is not None and day is None:
            self.notes.append(
                f"The front matter's {name} {value[:_SHOWN]!r} is not a date and is left out; "
                "write it as 2025-11-07."
            )
        return day

    def tags(self) -> tuple[str, ...]:
        """The tags, as a list or as one string with commas."""
        value = self.fields.get("tags")
        if isinstance(value, str):
            value = [] if value in _NULLS else value.split(",")
        tags = value if isinstance(value, list) else []
        if value and (not tags or not all(isinstance(tag, str) for tag in tags)):
            self.notes.append("The front matter's tags are not a list of words, and are left out.")
            return ()
        return tuple(tag.strip() for tag in tags if tag.strip())

    def groups(self) -> tuple[str, ...] | None:
        """The groups that may know of the document, as a list or as one string with commas; empty
        for everybody. None if it does not say.

        :raises ValueError: they are written in another way. Leaving them out would show to
            everybody what is meant for a few
        """
        if self.is_text:
            # The field may be in the part that is not valid.
            raise ValueError("has a front matter that cannot be read, and that may name groups")
        if "groups" not in self.fields:
            return None
        value = self.fields["groups"]
        groups = value
        if isinstance(value, str) and value not in _NULLS:
            # Where other lines are not YAML, a list comes as it was written.
            is_list = value.startswith("[") and value.endswith("]")
            words = (value[1:-1] if is_list else value).split(",")
            groups = [word.strip(" \t\"'") for word in words]
            if any(mark in word for word in groups for mark in "[]{}"):
                groups = None
        if not isinstance(groups, list) or not all(
            isinstance(group, str) and group.strip() for group in groups
        ):
            raise ValueError(
                "has a front matter whose groups are not a list of words; write [] for everybody"
            )
        return tuple(group.strip() for group in groups)


def _first_fault(exc: Exception) -> str:
    mark = getattr(exc, "problem_mark", None)
    problem = getattr(exc, "problem", None) or "it cannot be read"
    # The YAML starts on line 2 of the file, and its lines count from 0.
    return f"{problem} (line {mark.line + 2})" if mark else str(problem)

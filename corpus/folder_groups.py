"""The groups that may know of the files in a folder, as ``.quoth.toml`` files beside them say."""

import stat
import tomllib
from pathlib import Path

from corpus.document import make_groups
from corpus.errors import DocumentError
from corpus.files import path_text

SETTINGS_FILE = ".quoth.toml"

_MAX_BYTES = 64_000

GroupNames = tuple[str, ...]


class FolderGroups:
    """The groups of folders, each read once.

    A file that cannot be read, or says something else, is an error: ignoring it would show to
    everybody what is meant for a few.
    """

    def __init__(self) -> None:
        self._stated: dict[Path, GroupNames | None] = {}

    def of(self, path: Path) -> GroupNames | None:
        """The groups for the files beside ``path``: of the nearest ``.quoth.toml`` in its folder or
        in one above it. None without one.

        :raises DocumentError: such a file is not valid
        """
        for folder in Path(path).absolute().parents:
            if folder not in self._stated:
                self._stated[folder] = _stated_in(folder / SETTINGS_FILE)
            groups = self._stated[folder]
            if groups is not None:
                return groups
        return None

    def stated(self) -> tuple[tuple[str, GroupNames], ...]:
        """The folders that were looked at and state groups, with these, in the order of their
        paths.
        """
        found = ((path_text(folder), groups) for folder, groups in self._stated.items())
        return tuple(sorted((folder, groups) for folder, groups in found if groups is not None))


def _stated_in(path: Path) -> GroupNames | None:
    """The groups that a file states, None if there is no such file.

    :raises DocumentError: it is not valid
    """
    source = path_text(path)
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
            raise DocumentError(source, f"is not a file of at most {_MAX_BYTES // 1000} kB")
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise DocumentError(source, f"cannot be read ({exc.strerror})") from exc
    except (ValueError, RecursionError) as exc:
        raise DocumentError(source, f"is not TOML ({exc})") from exc
    groups = settings.pop("groups", None)
    if settings or not isinstance(groups, list) or not all(isinstance(one, str) for one in groups):
        raise DocumentError(
            source, 'says something else than groups = ["one", "another"], or [] for everybody'
        )
    try:
        return make_groups(source, groups)
    except DocumentError as exc:
        raise DocumentError(source, exc.reason) from exc

"""The web page: plain HTML, CSS and ES modules, which ``service/http/page.py`` serves."""

from pathlib import Path

FILES = Path(__file__).parent / "files"

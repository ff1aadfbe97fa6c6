"""The page that people see: plain HTML, CSS and ES modules, served by ``service/http/page.py``."""

from pathlib import Path

FILES = Path(__file__).parent / "files"

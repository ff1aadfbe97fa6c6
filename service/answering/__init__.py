"""Answering: from a question to a checked, cited and kept answer."""

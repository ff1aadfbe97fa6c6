"""Texts cut up: sentences, sections and chunks, with exact offsets."""

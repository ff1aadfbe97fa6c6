"""Fitting: ranking, early stop and confidence from labelled questions."""

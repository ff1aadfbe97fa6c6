"""Measuring: questions asked, outcomes judged, runs compared."""

"""Follow-up questions, completed with rules for English."""

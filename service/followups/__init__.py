"""Follow-up questions, completed by rules of English."""

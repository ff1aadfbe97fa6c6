"""Quoth in Slack: it answers when it is asked, in the thread, and is silent otherwise."""

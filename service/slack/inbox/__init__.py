"""The inbox: work accepted from Slack until it is done, and what the bot remembers, on disk."""

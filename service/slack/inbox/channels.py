"""Channels: the settings that ``/quoth`` changes, channel by channel."""

from dataclasses import dataclass

import sqlalchemy as sa

from service.slack.inbox.database import SlackDatabase, slack_tables, upsert

_channels_table = sa.Table(
    "channels",
    slack_tables,
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("threshold", sa.Float),
    sa.Column("auto", sa.Boolean, nullable=False),
)


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """How the bot answers in a channel.

    :param tags: only documents with one of these tags are searched, all documents where it is empty
    :param threshold: the least confidence of an answer, None for the calibrated threshold
    :param auto: the bot also answers questions that do not mention it
    """

    tags: tuple[str, ...] = ()
    threshold: float | None = None
    auto: bool = False


class Channels:
    """The settings of the channels of one database. Thread-safe."""

    def __init__(self, database: SlackDatabase) -> None:
        self._database = database

    def settings(self, channel: str) -> ChannelSettings:
        """A channel's settings, the defaults where none were set."""
        with self._database.reading() as connection:
            return find_channel_settings(connection, channel)

    def set_settings(self, channel: str, settings: ChannelSettings) -> None:
        """Keep a channel's settings."""
        row = {
            "channel": channel,
            "tags": list(settings.tags),
            "threshold": settings.threshold,
            "auto": settings.auto,
        }
        with self._database.transaction() as connection:
            upsert(connection, _channels_table, row)


def find_channel_settings(connection: sa.Connection, channel: str) -> ChannelSettings:
    """:meth:`Channels.settings` within a transaction."""
    query = sa.select(_channels_table).where(_channels_table.c.channel == channel)
    row = connection.execute(query).first()
    return ChannelSettings(tuple(row.tags), row.threshold, row.auto) if row else ChannelSettings()

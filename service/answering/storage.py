"""What the service keeps in the store's database beside documents."""

from service.answering.history import HISTORY_DATA
from service.mirror.ledger import LEDGER_DATA

APPLICATION_DATA = (HISTORY_DATA, LEDGER_DATA)
"""Open every collection and store of the service with this."""

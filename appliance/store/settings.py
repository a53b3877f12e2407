"""Settings that belong to the state, such as the box's name: one JSON value a key."""

from typing import Any

import msgspec

from appliance.store.database import Reader, Transaction


def read(reader: Reader, key: str, default: Any = None) -> Any:
    """The value of `key`, or `default` where it was never set."""
    row = reader.row("SELECT value FROM settings WHERE key = ?", (key,))
    return default if row is None else msgspec.json.decode(row["value"])


def write(tx: Transaction, key: str, value: Any) -> None:
    """Set `key` to a JSON value."""
    tx.execute(
        "INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, msgspec.json.encode(value).decode()),
    )

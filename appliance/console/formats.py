"""Numbers, sizes, durations and times as people read them. A value that is not known shows as N/A."""

from datetime import UTC, datetime

NA = "N/A"

_MINUTE = 60.0
_HOUR = 3600.0
_DAY = 86400.0


def count(value: int | None) -> str:
    """`12,345`."""
    return NA if value is None else f"{value:,}"


def number(value: float | None, digits: int = 1) -> str:
    """A number without needless noughts: `4`, `2.5`."""
    return NA if value is None else f"{value:.{digits}f}".removesuffix("." + "0" * digits)


def size(value: int | None) -> str:
    """Bytes in binary units with three figures: `640 B`, `15.6 GiB`."""
    if value is None:
        return NA
    amount = float(value)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 999.5 or unit == "TiB":
            break
        amount /= 1024
    digits = 0 if unit == "B" or amount >= 99.95 else 1 if amount >= 9.995 else 2
    return f"{amount:.{digits}f} {unit}"


def share(part: int, whole: int) -> str:
    """Bytes of bytes, in one unit where that says enough: `10.0 of 32.0 GiB`, `200 MiB of 466 GiB`."""
    amount, unit = size(whole).split()
    scale = whole / float(amount) if float(amount) else 1.0
    if part < scale:
        return f"{size(part)} of {size(whole)}"
    digits = 0 if unit == "B" or part / scale >= 99.95 else 1
    return f"{part / scale:.{digits}f} of {amount} {unit}"


def percent(fraction: float | None) -> str:
    return NA if fraction is None else f"{fraction * 100:.0f} %"


def rate(per_second: float | None) -> str:
    """Requests a second: `0`, `0.25`, `12.1`, `1,204`."""
    if per_second is None:
        return NA
    if per_second == 0:
        return "0"
    digits = 2 if per_second < 0.995 else 1 if per_second < 99.95 else 0
    return f"{per_second:,.{digits}f}"


def latency(seconds: float | None) -> str:
    """`850 µs`, `6.7 ms`, `120 ms`, `1.2 s`."""
    if seconds is None:
        return NA
    for factor, unit in ((1e6, "µs"), (1e3, "ms")):
        value = seconds * factor
        if value < 999.5:
            return f"{value:.{1 if unit == 'ms' and value < 99.95 else 0}f} {unit}"
    return f"{seconds:.1f} s"


def duration(seconds: float | None) -> str:
    """Its two largest units, for people: `12 s`, `3 min`, `2 h 5 min`, `9 days`."""
    if seconds is None:
        return NA
    seconds = max(0.0, seconds)
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min"
    if seconds < _DAY:
        minutes = seconds % _HOUR // _MINUTE
        return f"{seconds // _HOUR:.0f} h" + (f" {minutes:.0f} min" if minutes else "")
    days = int(seconds // _DAY)
    return "1 day" if days == 1 else f"{days:,} days"


def ago(seconds: float | None) -> str:
    return NA if seconds is None else f"{duration(seconds)} ago"


def temperature(celsius: float | None) -> str:
    return NA if celsius is None else f"{celsius:.0f}°C"


def power(watts: float | None) -> str:
    return NA if watts is None else f"{watts:.0f} W"


def parse_time(text: str | None) -> datetime | None:
    """Read ISO 8601; a time without a zone is UTC; None where it is no time at all."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def moment(text: str | None, now: datetime) -> str:
    """A time in UTC: `14:02:11` on the same day as `now`, else `2026-11-20 14:02`."""
    time = parse_time(text)
    if time is None:
        return NA
    same_day = time.date() == now.astimezone(UTC).date()
    return f"{time:%H:%M:%S}" if same_day else f"{time:%Y-%m-%d %H:%M}"


def day_or_time(text: str | None, now: datetime) -> str:
    """A time in UTC for a narrow column: `14:02:11` on the same day as `now`, else `2026-11-20`."""
    return moment(text, now).split(" ", maxsplit=1)[0]


def seconds_since(text: str | None, now: datetime) -> float | None:
    """Seconds from the time in `text` to `now`, never negative; None where it is no time."""
    time = parse_time(text)
    return None if time is None else max(0.0, (now - time).total_seconds())


def clock(now: datetime) -> str:
    """`2026-11-21 14:02 UTC`."""
    return f"{now.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

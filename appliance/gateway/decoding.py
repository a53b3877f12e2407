"""JSON from clients: anything malformed becomes a refusal that names the place, never an internal error."""

import re
from typing import TypeVar

import msgspec

from appliance.gateway.refusals import RefusalError, bad_request

T = TypeVar("T")

_PLACE = re.compile(r" - at `\$\.?(.*)`$")


def decode(decoder: msgspec.json.Decoder[T], body: memoryview | bytes) -> T:
    """Raises RefusalError (400)."""
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise malformed(error) from None
    except RecursionError:
        raise bad_request("The JSON is nested too deeply.", code="request.too-deep") from None
    except UnicodeDecodeError:
        raise bad_request("The JSON is not UTF-8.") from None


def malformed(error: msgspec.MsgspecError) -> RefusalError:
    """Tell msgspec's complaint as a refusal, with the parameter that it found wrong."""
    text = str(error)
    place = _PLACE.search(text)
    return bad_request(f"{text}.", parameter=place[1] if place and place[1] else None)

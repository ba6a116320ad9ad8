"""The rules that lessons were decided by, each kept once: what is decided keeps its rules."""

from functools import lru_cache
from hashlib import sha256

import msgspec

from kiosk.decoder import decoder_of
from kiosk.register.models import RuleSet
from kiosk.register.rules.settings import RuleSettings


def keep_rules(settings: RuleSettings) -> str:
    """Store the rules where they are not stored yet; return their digest."""
    text = msgspec.json.encode(settings, order="sorted")
    digest = sha256(text).hexdigest()
    RuleSet.objects.get_or_create(digest=digest, defaults={"settings": text.decode()})
    return digest


@lru_cache(maxsize=64)
def kept_rules(digest: str) -> RuleSettings:
    """Return the rules of a digest; a setting that they do not name yet has its default."""
    row = RuleSet.objects.get(digest=digest)
    known = set(RuleSettings.__struct_fields__)
    values = {key: one for key, one in msgspec.json.decode(row.settings).items() if key in known}
    return decoder_of(RuleSettings).decode(msgspec.json.encode(values))

"""Keep an uploaded file until its import is confirmed, so that the same bytes are applied."""

import hashlib
from datetime import datetime, timedelta
from typing import Final

import msgspec

from kiosk.decoder import decoder_of
from kiosk.register.config import RegisterConfig
from kiosk.register.models import Account, Upload
from kiosk.register.office.imports import Kind, Source
from kiosk.register.office.timetable_import import Options

KEPT: Final = timedelta(hours=24)
SIZE_MAX: Final = 20_000_000
"""Bytes of the largest file."""


def keep(
    account: Account, kind: Kind, name: str, options: Options, content: bytes, now: datetime
) -> Upload:
    """Store a file, and delete what has expired."""
    Upload.objects.filter(expires_at__lte=now).delete()
    return Upload.objects.create(
        digest=hashlib.sha256(content).hexdigest(),
        account=account,
        kind=kind,
        file_name=name[:200],
        options=msgspec.json.encode(options).decode(),
        content=content,
        expires_at=now + KEPT,
    )


def source_of(upload: Upload, config: RegisterConfig) -> Source:
    """Return the file with what it does not say itself."""
    options = decoder_of(Options).decode(upload.options)
    return Source(
        kind="roster" if upload.kind == "roster" else "timetable",
        data=bytes(upload.content),
        name=upload.file_name,
        options=options,
        zone=config.zone_of(options.site) if options.site else config.zone,
    )

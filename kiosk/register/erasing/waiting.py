"""Delete what waits for people for some hours: uploaded files, and messages of pages.

Both may name anybody. An erasure deletes all of it: a file is uploaded again, and a message ("Ada
is a guest of this lesson") has been read by then, unless the browser never fetched the next page.
"""

from datetime import datetime

from django.contrib.messages.storage.session import SessionStorage
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core import signing

from kiosk.register.models import Register, Upload


def delete_waiting() -> dict[str, int]:
    """Delete every uploaded file and every message; return the count of files by their table."""
    _delete_messages()
    return Upload.objects.all().delete()[1]


def delete_expired(now: datetime) -> None:
    """Delete the files whose import was never confirmed, and the sessions that have ended."""
    Upload.objects.filter(expires_at__lte=now).delete()
    Session.objects.filter(expire_date__lte=now).delete()


def _delete_messages() -> None:
    """Take the messages out of all sessions, whose accounts stay signed in.

    Only the pages have the key of the sessions as a setting; a command reads it.
    """
    store = SessionStore()
    how = {"salt": store.key_salt, "serializer": store.serializer}
    key = Register.objects.values_list("secret", flat=True).first()
    for session in Session.objects.iterator():
        try:
            data = signing.loads(session.session_data, key=key, **how)
        except signing.BadSignature:  # of a former key: nobody can use it
            session.delete()
            continue
        if data.pop(SessionStorage.session_key, None) is not None:
            session.session_data = signing.dumps(data, key=key, compress=True, **how)
            session.save()

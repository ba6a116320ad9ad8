"""Do as the service does: with the rights of its account, also when root runs the command."""

import os
import pwd

from kiosk.config.keys import Config


def become_service_account(config: Config) -> str | None:
    """As root, take on the account that owns ``state.directory``, with its groups.

    Then every file is read, and the camera opened, with the rights that the service has, and
    nothing that is written belongs to root.

    Returns:
        The name of the account; ``None`` if nothing was changed.
    """
    try:
        owner = config.directory.stat().st_uid
        account = pwd.getpwuid(owner)
    except (OSError, KeyError):  # no folder yet, or an owner without an account
        return None
    if os.geteuid() != 0 or owner == 0:
        return None
    os.initgroups(account.pw_name, account.pw_gid)
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    os.environ["HOME"] = account.pw_dir
    return account.pw_name

"""``kiosk register key``: what a kiosk must be told to trust this register."""

from kiosk.protocol.signature import fingerprint
from kiosk.register.commands.output import opened, print_json, print_line
from kiosk.register.identity.own_key import own_public_key


def show_key(*, as_json: bool) -> int:
    """Print the public key as the lines of a kiosk's configuration.

    Raises:
        RegisterError: The database cannot be read.
    """
    with opened():
        key = own_public_key()
    if as_json:
        print_json({"public_key": key, "fingerprint": fingerprint(key)})
        return 0
    print_line("# The register that may have faces erased here, and whose cards count.")
    print_line(
        f"# For each kiosk: /etc/kiosk/kiosk.toml.d/register.toml. Fingerprint {fingerprint(key)}"
    )
    print_line("[register]")
    print_line(f'public_key = "{key}"')
    return 0

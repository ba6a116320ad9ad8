"""How passwords are stored: as OWASP's cheat sheet on password storage asks, and no costlier.

Anybody may try to sign in, and each thread of the pages checks one password at a time: with the
100 MiB of Django's default they would take all the memory that the service may have.
"""

from typing import Final

from django.contrib.auth.hashers import Argon2PasswordHasher

MEMORY_KIB: Final = 19 * 1024
"""What a check needs."""


class PasswordHasher(Argon2PasswordHasher):
    """Argon2id; a hash of other costs is renewed when its owner signs in."""

    time_cost = 2
    memory_cost = MEMORY_KIB
    parallelism = 1

from datetime import date

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def _account() -> "models.ForeignKey[object, object]":
    return models.ForeignKey(
        null=True,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to=settings.AUTH_USER_MODEL,
    )


class Migration(migrations.Migration):
    dependencies = [("register", "0010_watch")]

    operations = [
        migrations.AddField("register", "card_key", models.TextField(default="")),
        migrations.AlterField(
            "card",
            "person",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="cards",
                to="register.person",
            ),
        ),
        # No version before this one issued a card, so no row gets the default.
        migrations.AddField(
            "card",
            "expires_on",
            models.DateField(default=date(1970, 1, 1)),
            preserve_default=False,
        ),
        migrations.AddField("card", "revoked_by", _account()),
        migrations.AddIndex(
            "card", models.Index(fields=["person", "expires_on"], name="card_person")
        ),
        migrations.AddField("consent", "withdrawn_by", _account()),
        migrations.AddField("consent", "erased_at", models.DateTimeField(null=True)),
        migrations.AddField("consent", "erased_by", _account()),
    ]

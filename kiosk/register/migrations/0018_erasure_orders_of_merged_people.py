import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("register", "0017_room_names"),
    ]

    operations = [
        migrations.AddField(
            model_name="erasureorder",
            name="merged",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="register.person",
            ),
        ),
        migrations.RemoveConstraint(model_name="erasureorder", name="erasure_order_once"),
        migrations.AddConstraint(
            model_name="erasureorder",
            constraint=models.UniqueConstraint(
                fields=("consent", "site", "room", "kiosk"),
                condition=models.Q(("merged", None)),
                name="erasure_order_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="erasureorder",
            constraint=models.UniqueConstraint(
                fields=("consent", "merged", "site", "room", "kiosk"),
                name="erasure_order_merged_once",
            ),
        ),
    ]

"""The ledger's first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "balances",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("window", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("settled_micros", sa.BigInteger(), nullable=False),
        sa.Column("reserved_micros", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("reserved_micros >= 0", name="nothing_given_back_twice"),
        sa.PrimaryKeyConstraint("scope", "window", "period"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "charges",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("key_name", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("surface", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("called", sa.String(), nullable=False),
        sa.Column("resolution", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("unit_micros", sa.BigInteger(), nullable=False),
        sa.Column("list_unit_micros", sa.BigInteger(), nullable=True),
        sa.Column("price_version", sa.String(), nullable=False),
        sa.Column("price_status", sa.String(), nullable=False),
        sa.Column("price_assumed", sa.Integer(), nullable=False),
        sa.Column("images_mode", sa.String(), nullable=False),
        sa.Column("reserved_micros", sa.BigInteger(), nullable=False),
        sa.Column("settled_micros", sa.BigInteger(), nullable=False),
        sa.Column("sold_images", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("prediction_id", sa.String(), nullable=True),
        sa.Column("key_day", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("admitted_us", sa.BigInteger(), nullable=False),
        sa.Column("accepted_us", sa.BigInteger(), nullable=True),
        sa.Column("decided_us", sa.BigInteger(), nullable=True),
        sa.Column("due_us", sa.BigInteger(), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(), nullable=False),
        sa.Column("lease_us", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("tags", sa.String(), nullable=False),
        sa.Column("body_hash", sa.String(), nullable=False),
        sa.Column("provisional", sa.Integer(), nullable=False),
        sa.Column("shadow", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("charges_key", "charges", ["key_id", "id"], unique=False)
    op.create_index(
        "charges_open",
        "charges",
        ["due_us"],
        unique=False,
        sqlite_where=sa.text("state IN ('reserved','accepted','uncertain')"),
        postgresql_where=sa.text("state IN ('reserved','accepted','uncertain')"),
    )
    op.create_index("charges_prediction", "charges", ["prediction_id", "account"], unique=True)
    op.create_table(
        "counting",
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("version", "model"),
    )
    op.create_table(
        "entries",
        sa.Column("charge_id", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reserved_micros", sa.BigInteger(), nullable=False),
        sa.Column("settled_micros", sa.BigInteger(), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("charge_id", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("own", sa.Integer(), nullable=False),
        sa.Column("adopted", sa.Integer(), nullable=False),
        sa.Column("public", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("old_digest", sa.LargeBinary(), nullable=False),
        sa.Column("old_public", sa.String(), nullable=False),
        sa.Column("old_until_us", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("daily_micros", sa.BigInteger(), nullable=True),
        sa.Column("monthly_micros", sa.BigInteger(), nullable=True),
        sa.Column("topup_day", sa.String(), nullable=False),
        sa.Column("topup_micros", sa.BigInteger(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("zone_until_us", sa.BigInteger(), nullable=True),
        sa.Column("zone_then", sa.String(), nullable=True),
        sa.Column("models", sa.String(), nullable=False),
        sa.Column("max_price_micros", sa.BigInteger(), nullable=True),
        sa.Column("expires_us", sa.BigInteger(), nullable=True),
        sa.Column("shadow", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("upstream_key_env", sa.String(), nullable=False),
        sa.Column("tags", sa.String(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_index(op.f("ix_keys_revision"), "keys", ["revision"], unique=False)
    op.create_table(
        "meta",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "price_versions",
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("effective_us", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("loaded_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version"),
        sa.UniqueConstraint("effective_us"),
    )
    op.create_table(
        "replays",
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("request_hash", sa.String(), nullable=False),
        sa.Column("charge_id", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "idempotency_key"),
    )
    op.create_index(op.f("ix_replays_charge_id"), "replays", ["charge_id"], unique=False)
    op.create_index(op.f("ix_replays_created_us"), "replays", ["created_us"], unique=False)
    op.create_table(
        "spend",
        sa.Column("quarter", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("key_name", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("resolution", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("tags", sa.String(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("images", sa.BigInteger(), nullable=False),
        sa.Column("spend_micros", sa.BigInteger(), nullable=False),
        sa.Column("list_micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "quarter",
            "key_id",
            "key_name",
            "team",
            "model",
            "resolution",
            "task",
            "version",
            "tags",
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tallies",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "label"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "teams",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("daily_micros", sa.BigInteger(), nullable=True),
        sa.Column("monthly_micros", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index(op.f("ix_teams_revision"), "teams", ["revision"], unique=False)
    op.create_table(
        "totals",
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("key_name", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("resolution", sa.String(), nullable=False),
        sa.Column("spend_micros", sa.BigInteger(), nullable=False),
        sa.Column("images", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("team", "key_name", "model", "resolution"),
        sqlite_with_rowid=False,
    )
    _append_only()


_REFUSE = "entries are only ever added"
_PROVISIONAL = "(SELECT provisional FROM charges WHERE id=OLD.charge_id)"


def _append_only() -> None:
    # The one exception: traces of a key that the upstream turned away are removed.
    if op.get_bind().dialect.name == "sqlite":
        refuse = f"BEGIN SELECT RAISE(ABORT,'{_REFUSE}'); END"
        op.execute(f"CREATE TRIGGER entries_stay BEFORE UPDATE ON entries {refuse}")
        op.execute(
            "CREATE TRIGGER entries_remain BEFORE DELETE ON entries"
            f" WHEN coalesce({_PROVISIONAL},0)=0 {refuse}"
        )
        return
    op.execute(
        "CREATE FUNCTION entries_only_added() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN IF TG_OP='DELETE' AND coalesce({_PROVISIONAL},0)=1 THEN RETURN OLD; END IF;"
        f" RAISE EXCEPTION '{_REFUSE}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER entries_stay BEFORE UPDATE OR DELETE ON entries"
        " FOR EACH ROW EXECUTE FUNCTION entries_only_added()"
    )

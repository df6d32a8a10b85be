"""Hashes over what was written, and the shape of a call: its pictures and its aspect."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "seals",
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("to_us", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("audits", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("n"),
    )
    op.create_index("entries_at", "entries", ["at_us"])
    op.create_index("audit_at", "audit", ["at_us"])
    op.add_column("charges", sa.Column("refs", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("charges", sa.Column("aspect", sa.String(), nullable=False, server_default=""))

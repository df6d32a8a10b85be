"""What of a closed month has been handed out to finance."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "focus_months",
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("grain", sa.String(), nullable=False),
        sa.Column("through_us", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("closed_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("month", "grain"),
    )

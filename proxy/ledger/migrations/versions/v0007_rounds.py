"""A threshold is told again after it was resolved: its notices have rounds."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_KEPT = 'scope,"window",period,threshold,state,body,created_us,sent_us,tries,next_us'


def upgrade() -> None:
    # SQLite cannot change a primary key. A copy goes out of the way, and not the table itself: its
    # key would keep the name that PostgreSQL is to give to the new one.
    op.execute("CREATE TABLE notices_before AS SELECT * FROM notices")
    op.drop_table("notices")
    op.create_table(
        "notices",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("window", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=False),
        # A node of the version before does not name it.
        sa.Column("round", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("limit_micros", sa.BigInteger(), nullable=True),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("sent_us", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "window", "period", "threshold", "round", "state"),
    )
    op.execute(f"INSERT INTO notices({_KEPT}) SELECT {_KEPT} FROM notices_before")  # noqa: S608
    op.drop_table("notices_before")

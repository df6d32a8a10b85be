"""Seals cover what of a charge never changes; older versions go on making those without."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("seals", sa.Column("fares", sa.String(), nullable=False, server_default=""))

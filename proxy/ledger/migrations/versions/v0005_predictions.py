"""Only charges that have a prediction stand in its index: until then an entry was in vain."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

NAMED = sa.text("prediction_id IS NOT NULL")


def upgrade() -> None:
    op.drop_index("charges_prediction", "charges")
    op.create_index(
        "charges_prediction",
        "charges",
        ["prediction_id", "account"],
        unique=True,
        sqlite_where=NAMED,
        postgresql_where=NAMED,
    )

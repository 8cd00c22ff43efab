"""How a vendor joins and leaves: applications, their decisions, and why somebody left."""

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Nothing yet."""

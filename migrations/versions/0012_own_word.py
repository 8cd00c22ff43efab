"""What a vendor says herself of her own payments."""

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Nothing yet."""

"""Seals: figures that no longer change, and what they rest on."""

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    pass

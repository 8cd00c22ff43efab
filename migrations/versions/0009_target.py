"""Targets of areas, and the keys that programs ask with."""

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    pass

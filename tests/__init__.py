"""Tests: through the doors, on a real PostgreSQL."""

"""Doors for people and programs: pages and the JSON API."""

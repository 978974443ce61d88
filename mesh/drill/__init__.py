"""Drills: a mesh under load is hurt on purpose, and what a client sees of it is measured and judged."""

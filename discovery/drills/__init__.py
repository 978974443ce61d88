"""Hurt a service of one's own on purpose, and see what its clients see. `discovery.testing` is the door for tests."""

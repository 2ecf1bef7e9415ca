"""Whose credentials a command works with: where they are found, and how a login keeps them."""

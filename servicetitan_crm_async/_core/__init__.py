"""The parts a call goes through; everything here is private, and imports point one way (tests/test_layers.py)."""

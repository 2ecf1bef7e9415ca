"""The parts a call goes through; private, and imports point one way (tests/test_layers.py)."""

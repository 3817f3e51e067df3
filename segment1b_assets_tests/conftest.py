"""Chooses hypothesis' profile before any test module makes its settings."""

from segment1b_assets_tests import hypothesis_profiles  # noqa: F401

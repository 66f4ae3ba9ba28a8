"""Backbones, their weights and preprocessing, taps, feature extraction and its cache."""

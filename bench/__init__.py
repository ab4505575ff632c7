"""Measurements: the gateway against baselines that are measured in the same run, on the same machine."""

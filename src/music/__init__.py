"""Drum grids as music: features, style, MIDI, sound and pictures."""

"""Drum bars: data sets, musical features, MIDI, sound and pictures."""

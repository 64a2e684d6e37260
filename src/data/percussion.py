"""General MIDI's percussion by name: the note that is written for each, and the sound of this project's kit for it.

Notes are those of General MIDI level 1's percussion key map, 35 to 81.
"""

import re

# By note: the sound that stands for it, then its names. The first nine sounds are those of a standard grid's voices.
PERCUSSION = {
    35: ("kick", "acoustic bass drum", "kick 2"),
    36: ("kick", "kick", "bass drum", "bass", "bass drum 1", "kick drum", "bd"),
    37: ("click", "side stick", "rim", "rim shot", "rimshot", "rs"),
    38: ("snare", "snare", "acoustic snare", "snare drum", "sd", "sn"),
    39: ("clap", "clap", "hand clap", "claps", "cp"),
    40: ("snare", "electric snare", "snare 2"),
    41: ("low tom", "low floor tom", "floor tom 2"),
    42: ("closed hat", "closed hat", "hat", "hat closed", "ch", "hh"),
    43: ("low tom", "high floor tom", "floor tom", "floor tom 1"),
    44: ("closed hat", "pedal hat", "foot hat"),
    45: ("low tom", "low tom", "lt", "tom 3"),
    46: ("open hat", "open hat", "hat open", "oh"),
    47: ("mid tom", "mid tom", "low mid tom", "middle tom", "mt", "tom 2"),
    48: ("high tom", "high mid tom", "hi mid tom"),
    49: ("crash", "crash", "crash 1", "cc", "cr"),
    50: ("high tom", "high tom", "hi tom", "ht", "tom 1"),
    51: ("ride", "ride", "ride 1", "rd"),
    52: ("crash", "china", "chinese"),
    53: ("bell", "ride bell"),
    54: ("closed hat", "tambourine"),
    55: ("crash", "splash"),
    56: ("bell", "cowbell", "cow bell", "cb"),
    57: ("crash", "crash 2"),
    58: ("click", "vibraslap", "vibra slap"),
    59: ("ride", "ride 2"),
    60: ("high tom", "high bongo", "hi bongo", "bongo"),
    61: ("mid tom", "low bongo"),
    62: ("high tom", "mute high conga", "mute hi conga"),
    63: ("mid tom", "open high conga", "open hi conga", "high conga", "conga"),
    64: ("low tom", "low conga"),
    65: ("high tom", "high timbale", "timbale", "timbales"),
    66: ("mid tom", "low timbale"),
    67: ("bell", "high agogo", "agogo"),
    68: ("bell", "low agogo"),
    69: ("closed hat", "cabasa"),
    70: ("closed hat", "maracas", "shaker"),
    71: ("bell", "short whistle", "whistle"),
    72: ("bell", "long whistle"),
    73: ("closed hat", "short guiro", "guiro"),
    74: ("open hat", "long guiro"),
    75: ("click", "claves", "clave"),
    76: ("click", "high wood block", "hi wood block", "wood block", "woodblock"),
    77: ("click", "low wood block"),
    78: ("mid tom", "mute cuica"),
    79: ("high tom", "open cuica", "cuica"),
    80: ("bell", "mute triangle"),
    81: ("bell", "open triangle", "triangle"),
}
NOTE_OF = {name: note for note, (_, *names) in PERCUSSION.items() for name in names}


def plain(name: str) -> str:
    """A name without what differs between sources: "Hi-Hat (closed)" and "closed_hihat" become "hat closed"."""
    words = re.sub(r"[^\w#]+|_", " ", name.casefold())
    words = re.sub(r"\bhi ?hats?\b|\bhats\b", "hat", words)
    return " ".join(re.sub(r"\bcymbal\b", " ", words).split())


def note_of(name: str) -> int | None:
    """The note that a name means; None if it is none of General MIDI's."""
    words = plain(name)
    return NOTE_OF.get(words, NOTE_OF.get(" ".join(reversed(words.split()))))

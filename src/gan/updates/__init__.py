"""Update rules: the order and the kind of both networks' updates."""

from src.gan.updates.alternating import Alternating, Lookahead
from src.gan.updates.rule import UpdateRule
from src.gan.updates.simultaneous import Consensus, Extragradient, Simultaneous

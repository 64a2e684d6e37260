"""Words that other programs use for this project's options and choices, from synonyms.yaml."""

from pathlib import Path

from src.core.plain_data import read_yaml


def _meanings(table: dict[str, str]) -> dict[str, str]:
    """What is meant by each word."""
    return {word: meaning for meaning, words in table.items() for word in words.split()}


OPTIONS, ENDINGS, CHOICES, DATA_SETS = map(_meanings, read_yaml(Path(__file__).with_suffix(".yaml")).values())


def usual_choice(word: str) -> str:
    """A choice's name without what its writing may add to it: `cuda`, `WGAN-GP` and `gan_fm.yaml` have one each."""
    word = word.rpartition("/")[2].removesuffix(".yaml").lower().replace("-", "_")
    for name in (word, word.removeprefix("gan_").removeprefix("vae_")):
        if name in CHOICES:
            return CHOICES[name]
    return name

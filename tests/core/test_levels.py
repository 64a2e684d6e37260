"""Names of levels, in a model and in what its runs measured."""

import pytest

from src.core.levels import expanded, level_names, levels_in
from src.core.metric_families import family
from src.core.metric_specs import metric_spec, ordered

TWO, THREE = ["elbo", "kl_high", "kl_low"], ["kl_1", "kl_2", "kl_3"]


@pytest.mark.parametrize(
    ("num", "names"), [(1, ("1",)), (2, ("high", "low")), (3, ("1", "2", "3")), (5, ("1", "2", "3", "4", "5"))]
)
def test_names_are_found_again_in_metrics(num, names):
    assert level_names(num) == names
    keys = {f"kl_{name}" for name in names} | {"kl", "kl_late", "kl_any", "kl_1_dims", "kl_0", "kl_x", "mi_9"}
    assert levels_in(keys) == names


def test_levels_are_in_order_however_many():
    keys = [f"kl_{name}" for name in (*range(11, 0, -1), "low", "high")]
    assert levels_in(keys) == ("high", "low", *map(str, range(1, 12)))
    assert levels_in(["modes"]) == ()


def test_texts_are_repeated_for_each_level():
    assert expanded(["elbo", "kl_LEVEL", "mse"], ("1", "2", "3")) == ("elbo", "kl_1", "kl_2", "kl_3", "mse")
    assert expanded(["kl_LEVEL", "elbo"], ()) == ("elbo",)


def test_a_numbered_level_is_shown_as_a_named_one():
    assert metric_spec("kl_3").label == "KL z_3"
    assert metric_spec("style_probe_1").better == "higher" == metric_spec("style_probe_high").better
    assert metric_spec("style_probe_2").better is None
    assert metric_spec("distance_fixed_2").label == "distance, z_2 fixed"
    assert metric_spec("modes_3").label == "modes 3", "which is no level's"
    assert metric_spec(f"kl_{'9' * 5000}").label.startswith("kl 9"), "nor is a stranger's nonsense"
    keys = ["elbo", "kl_high", "kl_1", "kl_low", "kl_2", "kl_10", "active_1", "mse"]
    assert ordered(set(keys)) == keys


def test_a_family_has_the_levels_of_its_runs():
    two, three, both = (family("vae", keys) for keys in ([], THREE, [*TWO, *THREE]))
    assert two == family("vae", TWO)
    assert three.headline == ("elbo", "kl_1", "kl_2", "kl_3")
    assert not any("LEVEL" in key for one in (two, three, both) for key in (*one.main, *one.headline))
    assert [one.level("kl_2") for one in (two, three, both)] == ["", "2", "2"]
    assert len(two.chapters) == len(three.chapters) == len(both.chapters) - 3
    assert len(family("vae", ["kl_1"]).chapters) == len(two.chapters) - 1, "one level has no hierarchy"
    assert family("gan", THREE) == family("gan")
    keys = {key for chapter in both.chapters for key in (chapter.key, *chapter.metrics)}
    assert {"named_high", "named_1", "transfer_3", "style_probe_low", "style_probe_2"} <= keys

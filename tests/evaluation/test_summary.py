import pytest

from src.evaluation.summary import print_summary

GAN = {
    "name": "gan_fm",
    "model": "gan",
    "seed": 3,
    "dataset": {"name": "strokes", "source": "strokes", "digest": "ab12cd34ef56", "levels": 255},
    "oracle_accuracy": 0.984,
    "metrics": {"fid": 3.04, "modes": 24, "missing": ["Q", "X"], "kl": 0.1234, "num_samples": 10000},
    "controls": {"real": {"modes": 26, "kl": 0.0012, "fid": 0.1}, "noise": {"modes": 1, "kl": 3.2, "fid": 90.5}},
    "outcome": "collapsed",
    "onset": 64000,
    "onset_reason": None,
    "images_per_second": 4321.4,
}
VAE = {
    "name": "vae_drums vae.anneal=none",
    "model": "vae",
    "seed": 0,
    "dataset": {"name": "drums", "source": "drums", "digest": "cd56ef78ab90", "levels": 1},
    "oracle_accuracy": None,
    "metrics": {
        "validity": 0.97,
        "elbo": -26.123,
        "iwae_nll": 25.5,
        "kl_low": 0.012,
        "floor_nll": 40.33,
        "entropy": 18.25,
        "style_accuracy": float("nan"),
        "collapsed": ["low"],
        "without_effect": ["high"],
        "kl_low_dims": [0.01, 0.002],
        "importance_samples": 500,
        "num_samples": 2000,
        "num_held_out": 2000,
    },
    "controls": {"real": {"validity": 0.98}},
    "onset": {"high": None, "low": 128000},
    "images_per_second": 6400.0,
}


def printed(results, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "160")
    print_summary(results)
    return capsys.readouterr().out


def cells(output: str) -> dict[str, list[str]]:
    rows = [line[1:-1].split("│") for line in output.splitlines() if line.startswith("│")]
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}


def test_gan(capsys, monkeypatch) -> None:
    output = printed(GAN, capsys, monkeypatch)
    assert "gan_fm · seed 3 · strokes ab12cd34" in output
    assert cells(output) == {
        "modes": ["24", "26", "1"],
        "KL": ["0.123", "0.00120", "3.20"],
        "FID": ["3.04", "0.100", "90.5"],
    }
    caption = " ".join(output.split())
    assert "10,000 samples · missing: Q, X · outcome: collapsed · onset of collapse: 64k · oracle" in caption


def test_a_terminal_without_width_hides_nothing(capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "0")
    print_summary(GAN)
    assert cells(capsys.readouterr().out)["FID"] == ["3.04", "0.100", "90.5"]


def test_gan_without_losses(capsys, monkeypatch) -> None:
    covering = GAN | {"outcome": "covering", "onset": None, "metrics": GAN["metrics"] | {"missing": []}}
    output = printed(covering, capsys, monkeypatch)
    assert "missing: none · outcome: covering · onset of collapse: none" in " ".join(output.split())


def test_gan_that_had_nothing_to_lose(capsys, monkeypatch) -> None:
    learning = GAN | {"outcome": "learning", "onset": None, "onset_reason": "never covered half the modes"}
    output = printed(learning, capsys, monkeypatch)
    assert "outcome: learning · onset of collapse: never covered half the modes" in " ".join(output.split())


def test_vae(capsys, monkeypatch) -> None:
    output = printed(VAE, capsys, monkeypatch)
    rows = cells(output)
    assert list(rows) == ["IWAE NLL", "ELBO", "KL low", "collapse floor", "entropy", "validity"]
    assert rows["ELBO"] == ["−26.12", ""]
    assert rows["validity"] == ["0.970", "0.980"]
    caption = " ".join(output.split())
    assert "collapsed: low since 128k bars · without effect: high · 2,000 bars · IWAE with k = 500" in caption
    assert "14.83 nats below the collapse floor" in caption
    assert "7.25 nats above the entropy · 6,400 bars/s in training" in caption


def test_vae_on_images_that_keeps_its_levels(capsys, monkeypatch) -> None:
    dataset = {"name": "strokes", "source": "strokes", "digest": "ab12cd34ef56", "levels": 255}
    metrics = {
        "elbo": -120.0,
        "iwae_nll": 118.0,
        "mse": 0.01,
        "collapsed": [],
        "without_effect": [],
        "importance_samples": 500,
        "num_held_out": 900,
    }
    onset = {"high": None, "low": None}
    output = printed(
        VAE | {"dataset": dataset, "metrics": metrics, "onset": onset, "controls": {}}, capsys, monkeypatch
    )
    caption = " ".join(output.split())
    assert "collapsed: no level · 900 images · IWAE with k = 500 · 6,400 images/s" in caption


def test_gan_on_points(capsys, monkeypatch) -> None:
    dataset = {"name": "gaussian_grid", "source": "gaussian_grid", "digest": "ab12cd34ef56", "levels": 2**20 - 1}
    dataset |= {"shape": [1, 1, 2], "classes": [str(number) for number in range(25)]}
    metrics = GAN["metrics"] | {"recognisable": 0.973, "modes_any": 24}
    output = printed(GAN | {"dataset": dataset, "metrics": metrics}, capsys, monkeypatch)
    rows = cells(output)
    assert rows["within 3σ"] == ["0.97", "", ""]
    assert "recognisable" not in rows
    caption = " ".join(output.split())
    assert "24 of 25 modes with a sample within 3σ · 97.3% of samples within 3σ" in caption
    assert "4,321 points/s" in caption


def test_a_vae_on_letters_names_what_its_samples_lack(capsys, monkeypatch) -> None:
    metrics = VAE["metrics"] | {"modes": 24, "missing": ["Q", "X"]}
    caption = " ".join(printed(VAE | {"metrics": metrics}, capsys, monkeypatch).split())
    assert "missing: Q, X" in caption


def test_classes_too_rare_to_judge_are_named(capsys, monkeypatch) -> None:
    metrics = GAN["metrics"] | {"missing": [], "unjudged": ["blues", "gospel"]}
    caption = " ".join(printed(GAN | {"metrics": metrics}, capsys, monkeypatch).split())
    assert "missing: none · too rare to measure: blues, gospel" in caption

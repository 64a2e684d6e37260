"""Words that other programs use for this project's options and choices."""

from collections.abc import Mapping

from src.cli.trainer_options import LENGTH, LOGGERS, MEMORY

SEVERAL = "-m 'seed=range(3)', or study.seeds= with study="
ADAM = "vae.optimizer._target_=, gan.generator_optimizer._target_= or gan.discriminator_optimizer._target_="


def _by_word(words: Mapping[str, str]) -> dict[str, str]:
    return {word: meaning for meaning, several in words.items() for word in several.split()}


# Options by what is to be said of them; {value} is the value that was given.
OPTIONS = _by_word(
    {
        f"{LENGTH}: the size of the training split times the epochs": "epoch epochs num_epochs n_epochs nepochs"
        " max_epochs train_epochs num_train_epochs",
        f"{LENGTH}: steps times batch_size": "steps max_steps num_steps n_steps iterations iters n_iter niter"
        " num_iterations max_iter train_steps total_steps",
        "use batch_size={value}": "batch batch_size bs batchsize batch-size train_batch_size minibatch",
        "use data={value}": "dataset data_set dataset_name",
        "use data.root={value}": "data_dir root data_path datadir dataroot data_root",
        "use accelerator=, cpu, gpu or auto": "device gpu gpus cuda use_cuda use_gpu ngpu num_gpus gpu_id",
        "use accelerator=ddp trainer.devices={value}": "devices num_devices",
        "use trainer.precision=bf16-mixed or 32-true": "precision amp fp16 bf16 dtype half",
        "use hydra.run.dir={value}": "output output_dir out outdir save_dir log_dir logdir name exp_name run_name",
        f"use {SEVERAL}": "seeds num_seeds n_seeds",
        "use seed={value}": "random_seed random_state manual_seed",
        "use resume=, the folder of a run": "resume_from checkpoint ckpt ckpt_path load pretrained",
        MEMORY: "workers num_workers n_workers",
        f"use {LOGGERS}": "logger loggers wandb use_wandb mlflow report_to",
        "use evaluations=, how many of them along the way": "eval_every eval_interval log_interval save_every"
        " save_interval sample_interval val_every",
        "budget=640 evaluations=1 makes a first try": "debug fast_dev_run smoke_test test_run",
        f"use {ADAM}, a class of torch.optim": "optimizer optim opt",
        "use vae.anneal={value}": "anneal annealing kl_anneal kl_annealing annealer",
        "use vae.anneal=constant vae.anneal.constant.beta={value}": "beta kl_weight kld_weight kl_beta",
        "use vae.anneal=linear vae.anneal.linear.duration=, a share of the run": "warmup_epochs warmup_steps"
        " kl_warmup anneal_epochs anneal_steps",
        "use vae.anneal=free_bits vae.anneal.free_bits.nats={value}": "free_bits freebits free_nats",
        "use gan.loss={value}": "loss criterion adversarial_loss gan_loss loss_fn loss_type",
        "use gan.tricks=[{value}]": "trick tricks penalty regularizer stabilizer",
        "use gan.network={value}": "network arch architecture backbone",
        "use gan.tricks=[r1] gan.tricks.r1.gamma={value}": "r1_gamma",
        "use gan.tricks=[gradient_penalty] gan.tricks.gradient_penalty.weight={value}": "gp_weight lambda_gp gp_lambda",
        "use gan.tricks=[n_critic] gan.tricks.n_critic.n={value}": "n_critic num_critic critic_iters n_dis",
        "use gan.tricks=[ema]": "ema ema_decay use_ema",
    }
)
# The ends of the options that are meant by names which alone say too little.
ENDINGS = _by_word(
    {
        ".lr": "lr learning_rate learningrate learning-rate",
        ".betas": "betas beta1 beta2 adam_beta1 b1 b2",
        ".weight_decay": "wd",
        ".z .z_high .z_low": "z latent latent_dim latent_size latents z_dim zdim z_size nz noise_dim dim_z",
        ".width": "hidden hidden_dim hidden_size channels num_channels ngf ndf nf",
        ".depth": "num_layers n_layers layers",
        ".dropout": "drop dropout_rate p_dropout",
    }
)
# Choices under names from elsewhere; those of experiments without gan_ or vae_.
CHOICES = _by_word(
    {
        "fm": "feature_matching featurematching feature-matching",
        "standard": "gan vanilla baseline bce dcgan nsgan non_saturating nonsaturating ns cross_entropy",
        "wasserstein": "wgan w1",
        "gradient_penalty": "wgan_gp wgangp gp",
        "least_squares": "lsgan mse ls l2",
        "relativistic": "rpgan rgan rsgan",
        "relativistic_average": "ragan rasgan",
        "r3": "r3gan",
        "spectral_norm": "sngan sn spectral spectralnorm spectral_normalization",
        "minibatch_discrimination": "minibatch mbd",
        "minibatch_stddev": "mbstd minibatch_std",
        "packing": "pacgan pac pac2",
        "two_time_scale": "ttur",
        "diff_augment": "diffaug diffaugment",
        "adaptive_augment": "ada",
        "mode_seeking": "msgan",
        "consistency": "bcr",
        "cyclical": "cyclic cycle",
        "linear": "kl warmup warm_up kl_annealing monotonic",
        "constant": "beta beta_vae",
        "sigmoid": "logistic",
        "saturating": "exponential exp",
        "free_bits": "freebits fb",
        "control": "controlvae pi pid",
        "batch_norm_mean": "bn bnvae batchnorm",
        "aggressive": "lagging",
        "drums": "vae drum_vae",
        "groove": "gmd groove_midi",
        "strokes": "letters alphabet",
        "gaussian_ring": "ring 8gaussians",
        "gaussian_grid": "grid 25gaussians",
        "autoregressive": "lstm gru rnn",
        "residual": "resnet",
        "gpu": "cuda nvidia",
        "ddp": "multi_gpu multigpu",
    }
)
# Data sets that are a choice with an option.
DATA_SETS = _by_word(
    {
        "data=emnist data.split=mnist": "mnist",
        "data=images data.path=FOLDER": "folder imagefolder image_folder custom own",
        "data=grids data.path=FILE.npz": "npz midi",
        **{
            f"data=torchvision data.set={name}": name.lower()
            for name in ("CIFAR10", "CIFAR100", "SVHN", "STL10", "CelebA", "KMNIST", "QMNIST", "USPS")
        },
        "data=torchvision data.set=FashionMNIST": "fashionmnist fashion_mnist fashion",
    }
)


def usual_choice(word: str) -> str:
    """A choice's name without what its writing may add to it: `cuda`, `WGAN-GP` and `gan_fm.yaml` have one each."""
    word = word.rpartition("/")[2].removesuffix(".yaml").lower().replace("-", "_")
    for name in (word, word.removeprefix("gan_").removeprefix("vae_")):
        if name in CHOICES:
            return CHOICES[name]
    return name

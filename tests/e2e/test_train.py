"""Training end to end: the loss of the theory sheet, descended step by step, measured as the DUFM that it is."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from nccli.catalogue.stages import stages
from nccli.e2e.checkpoint import RunCheckpoint
from nccli.e2e.config import E2eConfig
from nccli.e2e.device_images import DeviceImages
from nccli.e2e.evaluation import evaluate
from nccli.e2e.network import build_network
from nccli.e2e.regularizer import make_regularizer
from nccli.e2e.result import E2eResult, NetworkProgress, ended_trivially
from nccli.e2e.train import train_network
from nccli.errors import InputError
from nccli.metrics import measure_layers
from nccli.objective import SquaredError
from nccli.theory import explicit_loss
from nccli.training.watch import Watch
from tests.e2e.image_files import config_of, image_set
from tests.oracle.plain_sgd import plain_descent

IMAGES = image_set()


def same_model(first: E2eResult, second: E2eResult) -> bool:
    """Whether two networks are equal to the last bit."""
    return all(torch.equal(tensor, second.model[name]) for name, tensor in first.model.items())


@pytest.mark.parametrize("reg", ["dufm", "standard"])
def test_training_takes_the_steps_of_the_loss_of_the_theory_sheet(reg: str) -> None:
    config = config_of(
        IMAGES,
        reg=reg,
        steps=7,
        batch_size=20,
        schedule="linear",
        clip=0,
        wd_layers=(5e-3, 2e-3, 1e-3) if reg == "dufm" else (5e-3,) * 3,
    )
    found = train_network(config, IMAGES).model
    for name, tensor in plain_descent(config, IMAGES).state_dict().items():
        torch.testing.assert_close(found[name], tensor, rtol=2e-4, atol=2e-6)


def test_what_is_measured_is_the_loss_and_the_layers_of_the_dufm_with_these_features() -> None:
    config = config_of(IMAGES)
    network = build_network(config, (1, 8, 8)).eval()
    data = DeviceImages(IMAGES.train, "cpu")
    found = evaluate(network, data, SquaredError(), make_regularizer(config), scatter=True)
    order = np.argsort(IMAGES.train.labels, kind="stable")
    with torch.no_grad():
        H = network.features(data.batch(order)[0])
        features = [(layer, stage, X.double().numpy()) for layer, stage, X in network.head.stages(H)[0]]
    weights = [weight.detach().double().numpy() for weight in network.head.weights]
    assert config.problem is not None
    fit, reg = explicit_loss(config.problem, weights, features[0][2].T)
    assert found.fit == pytest.approx(fit, rel=1e-6)
    assert found.reg == pytest.approx(reg, rel=1e-6)
    dense = measure_layers(features, IMAGES.train.labels[order], weights)
    assert list(found.statistics) == list(stages(config.L))
    for layer, statistics in zip(dense, found.statistics.values(), strict=True):
        assert statistics.dnc1 == pytest.approx(layer.dnc1, rel=1e-5)
        np.testing.assert_allclose(statistics.means, layer.class_means, atol=1e-6)


def test_a_result_depends_on_its_configuration_and_nothing_else() -> None:
    config = config_of(IMAGES)
    first = train_network(config, IMAGES)
    torch.rand(7)
    assert same_model(first, train_network(config, IMAGES))
    assert not same_model(first, train_network(config_of(IMAGES, seed=1), IMAGES))


@pytest.mark.parametrize("changes", [{}, {"augment": True, "schedule": "cosine"}], ids=["plain", "augmented"])
@pytest.mark.parametrize("stop_at", [2, 3, 7])
def test_a_run_stopped_anywhere_goes_on_to_the_same_result_bit_for_bit(
    tmp_path: Path, stop_at: int, changes: dict[str, object]
) -> None:
    config = config_of(IMAGES, steps=9, **changes)
    polled = iter(range(1, 1000))
    path = tmp_path / "state.pt"
    watch = Watch[NetworkProgress](should_stop=lambda: next(polled) >= stop_at)
    stopped = train_network(config, IMAGES, watch=watch, checkpoint=RunCheckpoint(path))
    assert (stopped.status, stopped.steps) == ("interrupted", stop_at)
    assert path.exists()
    resumed = train_network(config, IMAGES, checkpoint=RunCheckpoint(path))
    whole = train_network(config, IMAGES)
    assert same_model(resumed, whole)
    assert repr(resumed.history) == repr(whole.history)  # nan is not equal to itself
    assert (resumed.loss, resumed.test_accuracy) == (whole.loss, whole.test_accuracy)
    assert not path.exists()


def test_a_run_stopped_as_it_was_measured_has_that_step_once() -> None:
    config = config_of(IMAGES, steps=9)
    polled = iter(range(1, 1000))
    watch = Watch[NetworkProgress](should_stop=lambda: next(polled) >= config.steps_per_epoch)
    stopped = train_network(config, IMAGES, watch=watch)
    assert stopped.status == "interrupted"
    assert [row["step"] for row in stopped.history] == [0, 1, 2, config.steps_per_epoch]


def test_a_checkpoint_with_one_other_bit_anywhere_in_a_tensor_is_not_used(tmp_path: Path) -> None:
    config, path, said = config_of(IMAGES, steps=3), tmp_path / "state.pt", list[str]()
    stop = Watch[NetworkProgress](should_stop=lambda: True)
    train_network(config, IMAGES, watch=stop, checkpoint=RunCheckpoint(path))
    weight = torch.load(path)["model"]["backbone.0.weight"].numpy().tobytes()
    raw = bytearray(path.read_bytes())
    raw[raw.index(weight) + len(weight) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"is damaged: .* does not fit its checksum"):
        RunCheckpoint(path).read(config)
    watch = Watch[NetworkProgress](on_trouble=said.append)
    anew = train_network(config, IMAGES, watch=watch, checkpoint=RunCheckpoint(path))
    assert same_model(anew, train_network(config, IMAGES))
    assert "the run begins anew" in said[0]


def test_a_damaged_checkpoint_or_one_of_another_run_is_told_and_not_used(tmp_path: Path) -> None:
    config = config_of(IMAGES, steps=3)
    path, said = tmp_path / "state.pt", list[str]()
    stop = Watch[NetworkProgress](should_stop=lambda: True)
    train_network(config_of(IMAGES, seed=5), IMAGES, watch=stop, checkpoint=RunCheckpoint(path))
    whole = train_network(config, IMAGES)
    for damage in (lambda: None, lambda: path.write_bytes(b"PK\3\4 not a checkpoint")):
        damage()
        watch = Watch[NetworkProgress](on_trouble=said.append)
        assert same_model(train_network(config, IMAGES, watch=watch, checkpoint=RunCheckpoint(path)), whole)
        path.write_bytes(b"")
    assert "of another run" in said[0]
    assert "cannot be read" in said[1] or "no torch file" in said[1]


def test_a_checkpoint_of_the_time_before_this_format_is_told_and_not_used(tmp_path: Path) -> None:
    config, path, said = config_of(IMAGES), tmp_path / "state.pt", list[str]()
    stop = Watch[NetworkProgress](should_stop=lambda: True)
    train_network(config, IMAGES, watch=stop, checkpoint=RunCheckpoint(path))
    fields = torch.load(path)
    momentum = fields.pop("momentum")
    assert momentum.numel() == sum(p.numel() for p in build_network(config, (1, 8, 8)).parameters())
    torch.save({**fields, "format": 1, "optimizer": {}, "config": {"epochs": 2}}, path)
    watch = Watch[NetworkProgress](on_trouble=said.append)
    anew = train_network(config, IMAGES, watch=watch, checkpoint=RunCheckpoint(path))
    assert same_model(anew, train_network(config, IMAGES))
    assert "is of another version of nccli; the run begins anew" in said[0]


def test_a_checkpoint_of_a_backbone_that_was_changed_since_is_told_and_not_used(tmp_path: Path) -> None:
    config, path, said = config_of(IMAGES), tmp_path / "state.pt", list[str]()
    stop = Watch[NetworkProgress](should_stop=lambda: True)
    train_network(config, IMAGES, watch=stop, checkpoint=RunCheckpoint(path))
    fields = torch.load(path)
    fields["model"]["backbone.0.weight"] = torch.zeros(16, 1, 5, 5)
    torch.save(fields, path)
    watch = Watch[NetworkProgress](on_trouble=said.append)
    anew = train_network(config, IMAGES, watch=watch, checkpoint=RunCheckpoint(path))
    assert same_model(anew, train_network(config, IMAGES))
    assert "of a network with another backbone.0.weight; the run begins anew" in said[0]


def test_clipped_steps_survive_initial_features_that_full_steps_diverge_on() -> None:
    fields = {"backbone": "mlp", "L": 4, "width": 64, "wd_layers": (5e-3,) * 4, "steps": 180}
    assert train_network(config_of(IMAGES, **fields, clip=0), IMAGES).status == "diverged"
    found = train_network(config_of(IMAGES, **fields), IMAGES)
    assert found.train_accuracy == 1
    assert found.loss < 0.5 * found.history[0]["loss"]


def test_a_step_size_that_no_run_survives_ends_as_diverged() -> None:
    found = train_network(config_of(IMAGES, lr=1e6, clip=0, steps=60), IMAGES)
    assert found.status == "diverged"
    assert found.layers == []
    assert found.train_accuracy is None


def test_weight_decay_that_wins_ends_at_the_trivial_point_and_one_that_does_not_fits() -> None:
    lost = train_network(config_of(IMAGES, wd_layers=(0.3,) * 3, wd_h1=0.1, steps=180), IMAGES)
    assert ended_trivially(lost.config, lost.status, lost.fit, lost.layers)
    fitted = train_network(config_of(IMAGES, wd_layers=(1e-4,) * 3, wd_h1=1e-5, clip=0, steps=180), IMAGES)
    assert not ended_trivially(fitted.config, fitted.status, fitted.fit, fitted.layers)
    assert fitted.train_accuracy == 1
    assert fitted.layers[-1].dnc1 < 0.1
    assert fitted.layers[-1].collapse is not None
    assert fitted.layers[-1].collapse.nc4 == 0


def test_he_init_keeps_a_signal_that_pytorchs_own_loses_layer_by_layer() -> None:
    sizes = {}
    for init in ("he", "default"):
        network = build_network(config_of(IMAGES, init=init, L=8, width=256, wd_layers=(5e-3,) * 8), (1, 8, 8))
        with torch.no_grad():
            H = torch.randn(64, 64)
            X = network.head.stages(H)[0][-1][2]
        sizes[init] = float(X.square().mean() / H.square().mean())
    assert 0.3 < sizes["he"] < 3
    assert sizes["default"] == pytest.approx(6.0**-7, rel=1.0)


def test_bfloat16_is_another_training_measured_in_float32() -> None:
    exact, rough = (train_network(config_of(IMAGES, precision=name), IMAGES) for name in ("float32", "bf16"))
    assert rough.loss != exact.loss
    assert rough.loss == pytest.approx(exact.loss, rel=0.05)
    assert rough.history[0] == exact.history[0] | {"grad_norm": rough.history[0]["grad_norm"]}


def test_a_configuration_survives_its_dictionary_and_defaults_leave_run_ids_alone() -> None:
    config = config_of(IMAGES)
    assert E2eConfig.from_dict(config.as_dict()) == config
    assert not {"augment", "balanced", "init_scale", "lr_rise", "wd_rise", "feature_scale"} & set(config.as_dict())
    assert E2eConfig.from_dict(config_of(IMAGES, augment=True).as_dict()).augment


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lr": math.nan}, "lr"),
        ({"momentum": 1.0}, "momentum"),
        ({"steps": 0}, "steps"),
        ({"reg": "l2", "wd_h1": 0.0}, "reg 'l2'"),
        ({"reg": "standard", "wd_h1": 1e-3}, "one weight decay"),
        ({"wd_h1": -1.0}, "λ_H1"),
        ({"schedule": "zigzag"}, "schedule"),
        ({"precision": "float16"}, "precision 'float16': must be one of float32, tf32, bf16"),
        ({"lr_rise": 1.5}, "lr-rise = 1.5: must be a share"),
        ({"wd_rise": -0.1}, "wd-rise = -0.1: must be a share"),
        ({"feature_scale": -1.0}, "feature-scale = -1.0: must be positive"),
    ],
)
def test_a_configuration_out_of_range_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        config_of(IMAGES, **changes)

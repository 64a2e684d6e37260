import pytest
import torch

from src.gan.tricks import EMA, R1, Dragan, R1Approx, R2Approx, Unrolled


@pytest.mark.ci
@pytest.mark.filterwarnings("ignore")  # PyTorch looks at its own tensors
@pytest.mark.parametrize(
    "tricks", [[EMA], [R1Approx, R2Approx]], ids=["once differentiable", "slopes by finite differences"]
)
def test_compiled_networks_train_alike(make_gan, fit, not_to_machine_code, tricks):
    plain, compiled = (make_gan(tricks={trick.__name__: trick() for trick in tricks}) for _ in range(2))
    compiled.compile_networks()
    assert compiled.generator._compiled_call_impl
    assert compiled.discriminator._compiled_call_impl
    fit(plain)
    fit(compiled)
    assert list(compiled.state_dict()) == list(plain.state_dict())
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(compiled.state_dict()[name], tensor, atol=1e-6, rtol=1e-5, msg=name)


@pytest.mark.parametrize("trick", [R1(3.0), Dragan(), Unrolled(1)], ids=lambda trick: type(trick).__name__)
def test_what_is_differentiated_twice_is_not_compiled(make_gan, trick):
    with pytest.raises(ValueError, match=r"differentiated twice, as gan\.tricks=trick does"):
        make_gan(tricks={"trick": trick}).compile_networks()

"""ResNet20 for 28 × 28 and 32 × 32 images (He et al. 2016, section 4.2), without its classifier."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class _Block(nn.Module):
    """Two 3 × 3 convolutions and a shortcut without parameters (their option A)."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        """From `before` to `after` channels."""
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        self._stride, self._grown = stride, after - before

    def forward(self, x: Float[Tensor, "B before h w"]) -> Float[Tensor, "B after h2 w2"]:
        """σ(shortcut + residual)."""
        residual: Tensor = self.norm2(self.conv2(functional.relu_(self.norm1(self.conv1(x)))))
        if self._grown or self._stride > 1:
            x = functional.pad(functional.avg_pool2d(x, 1, self._stride), (0, 0, 0, 0, 0, self._grown))
        return functional.relu_(residual.add_(x))


class ResNet20(nn.Module):
    """Three stages of three blocks with 16, 32 and 64 channels, and the mean over positions: features of size 64."""

    def __init__(self, channels: int) -> None:
        """For images of so many channels."""
        super().__init__()
        self.conv = nn.Conv2d(channels, 16, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        shapes = [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2
        self.blocks = nn.Sequential(*(_Block(*shape) for shape in shapes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def feeding_norms(self) -> list[nn.Module]:
        """The normalisations whose outputs the shortcuts add up: features are homogeneous of degree 1 in them."""
        return [self.norm, *(block.norm2 for block in self.blocks)]  # type: ignore[list-item]  # Sequential does not say of what

    def forward(self, x: Float[Tensor, "B channels h w"]) -> Float[Tensor, "B 64"]:
        """Features H_1, a row a sample."""
        x = self.blocks(functional.relu_(self.norm(self.conv(x))))
        return x.mean(dim=(2, 3))

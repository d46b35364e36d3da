"""Convolutional networks as they are written are right in float32, and wrong where it is planted."""

import pytest

import gradproof as gp
from gradproof.verdicts.verdict import Verdict

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional


class Block(nn.Module):
    """Two convolutions with batch normalisation, beside a shortcut (He et al., 2016)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        y = functional.relu(self.first_norm(self.first(x)))
        return functional.relu(self.second_norm(self.second(y)) + self.shortcut(x))


def resnet(blocks, width=4):
    """A ResNet for small images: with three blocks at each of three sizes it is ResNet-20."""
    layers, inputs = [nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()], width
    for place, outputs in enumerate((width, 2 * width, 4 * width)):
        for number in range(blocks):
            layers.append(Block(inputs, outputs, 2 if place and not number else 1))
            inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 10))


class UNet(nn.Module):
    """Down by pooling, up by a transposed convolution and by interpolation, with concatenations across."""

    def __init__(self, width):
        super().__init__()
        self.down, self.middle = self.twice(1, width), self.twice(width, 2 * width)
        self.bottom = self.twice(2 * width, 4 * width)
        self.up = nn.ConvTranspose2d(4 * width, 2 * width, 2, 2)
        self.left = self.twice(4 * width, 2 * width)
        self.larger = nn.Upsample(scale_factor=2, mode="bilinear")
        self.last, self.head = self.twice(3 * width, width), nn.Conv2d(width, 2, 1)

    @staticmethod
    def twice(inputs, outputs):
        pairs = [(inputs, outputs), (outputs, outputs)]
        return nn.Sequential(
            *(
                layer
                for each in pairs
                for layer in (nn.Conv2d(*each, 3, padding=1), nn.GroupNorm(2, outputs), nn.SiLU())
            )
        )

    def forward(self, x):
        down = self.down(x)
        middle = self.middle(functional.max_pool2d(down, 2))
        bottom = self.bottom(functional.avg_pool2d(middle, 2))
        left = self.left(torch.cat([self.up(bottom), middle], 1))
        return self.head(self.last(torch.cat([self.larger(left), down], 1)))


def scenario(model, x, y):
    return gp.from_torch(model, (x,), loss=lambda output: functional.cross_entropy(output, y))


def cases():
    torch.manual_seed(0)
    images, labels = torch.randn(2, 3, 8, 8), torch.tensor([1, 7])
    grey, pixels = torch.randn(2, 1, 8, 8), torch.randint(0, 2, (2, 8, 8))
    return {
        "ResNet-8": lambda: scenario(resnet(1, 2), images[..., :4, :4], labels),
        "ResNet-20": lambda: scenario(resnet(3), images, labels),
        "U-Net": lambda: scenario(UNet(4), grey, pixels),
    }


@pytest.mark.parametrize(
    "name", ["ResNet-8", *(pytest.param(name, marks=pytest.mark.slow) for name in ("ResNet-20", "U-Net"))]
)
def test_a_convolutional_network_is_right_in_float32(name):
    found = gp.check(cases()[name](), dtype="float32", points=2)
    assert found.ok
    assert found.floats.spreads < 8
    assert set(found.entries["verdict"]) <= {Verdict.AGREES, Verdict.ILL_CONDITIONED}


class Halved(torch.autograd.Function):
    """The identity, whose backward pass lets a half through: a planted error."""

    @staticmethod
    def forward(_, x):
        return x * 1.0

    @staticmethod
    def backward(_, gradient):
        return 0.5 * gradient


class Wrong(Block):
    def forward(self, x):
        return super().forward(Halved.apply(x))


def test_an_error_in_one_block_is_found():
    torch.manual_seed(0)
    model = resnet(1, 2)
    model[4].__class__ = Wrong
    found = gp.check(
        scenario(model, torch.randn(2, 3, 4, 4), torch.tensor([1, 7])), dtype="float32", points=0
    )
    assert found.verdict is Verdict.DISAGREES
    failing = {name for name in found.parameters if not found.parameters[name].worst.accepted(strict=False)}
    # What lies behind the error, as seen from the loss, has a wrong gradient, and nothing else.
    assert {name.partition(".")[0] for name in failing} == {"0", "1", "3"}
    assert found.cause is not None
    assert "Halved" in found.cause.text

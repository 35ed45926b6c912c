"""The composer's network: a small decoder-only transformer with rotary positions.

Shapes: B sequences in a batch, T tokens, V words, D width, H heads, K = D/H a head, L layers,
P tokens before.
Needs torch (the extra ``[train]``); what ships runs by onnxruntime without it.

References
----------
Vaswani et al., "Attention Is All You Need", 2017; Su et al., "RoFormer", 2021 (rotary positions);
Zhang & Sennrich, "Root Mean Square Layer Normalization", 2019; Shazeer, "GLU Variants Improve
Transformer", 2020;
Shazeer, "Fast Transformer Decoding", 2019 (one key and value for all heads).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Composer", "Size"]


@dataclass(frozen=True, slots=True)
class Size:
    """What fixes the shapes of a network."""

    n_words: int
    n_layers: int = 6
    width: int = 256
    n_heads: int = 4
    hidden: int = 672
    context: int = 512
    dropout: float = 0.1
    """Of what each layer adds, while it learns."""


def rotary(positions: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Return cosine and sine of each position's angles, [T, width/2] each."""
    pace = 10_000.0 ** (-torch.arange(0, width, 2, dtype=torch.float32) / width)  # [width/2]
    angle = positions[:, None].float() * pace  # [T, width/2]
    return angle.cos(), angle.sin()


def turn(x: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor:
    """Turn pairs of features by their position's angles: [B, H, T, K] → the same."""
    cos, sin = angles
    a, b = x.chunk(2, dim=-1)  # [B, H, T, K/2] each
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)


class Norm(nn.Module):
    """Scales each token to a root mean square of one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:  # [B, T, D] → the same
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * self.gain


class Layer(nn.Module):
    """Attention to what came before, then a gated hidden layer, each added to the stream.

    All heads share one key and value a token, so that what is remembered stays small.
    """

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.n_heads, self.head = size.n_heads, size.width // size.n_heads
        self.dropout = size.dropout
        self.before_attention, self.before_hidden = Norm(size.width), Norm(size.width)
        self.query = nn.Linear(size.width, size.width, bias=False)
        self.key_value = nn.Linear(size.width, 2 * self.head, bias=False)
        self.out = nn.Linear(size.width, size.width, bias=False)
        self.gate_up = nn.Linear(size.width, 2 * size.hidden, bias=False)
        self.down = nn.Linear(size.hidden, size.width, bias=False)

    def forward(
        self, x: Tensor, angles: tuple[Tensor, Tensor], past: Sequence[Tensor] | None = None,
        hidden: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        """Read T tokens after P that are remembered.

        Parameters
        ----------
        x : Tensor [B, T, D]
        angles : two Tensors [T, K/2]
        past : two Tensors [B, P, K], optional
            Keys and values of the P tokens before.
        hidden : Tensor [B, T, P + T]
            0 where a token may look, very negative where not; with ``past`` only.

        Returns
        -------
        tuple of (x [B, T, D], keys [B, P + T, K], values [B, P + T, K])
        """
        b, t, d = x.shape
        read = self.before_attention(x)
        q = self.query(read).view(b, t, self.n_heads, self.head).transpose(1, 2)  # [B, H, T, K]
        k, v = self.key_value(read).chunk(2, dim=-1)  # [B, T, K] each
        q, k = turn(q, angles), turn(k, angles)
        if past is None or hidden is None:
            shared = (b, self.n_heads, t, self.head)
            heard = F.scaled_dot_product_attention(
                q, k[:, None].expand(shared), v[:, None].expand(shared), is_causal=True
            )
        else:
            k, v = torch.cat((past[0], k), dim=1), torch.cat((past[1], v), dim=1)  # [B, P + T, K]
            # The heads share keys and values: their questions are rows of one product.
            fit = q.reshape(b, -1, self.head) @ k.transpose(-1, -2)  # [B, H · T, P + T]
            fit = fit.view(b, self.n_heads, t, -1) * self.head**-0.5 + hidden[:, None]
            heard = fit.softmax(dim=-1).view(b, self.n_heads * t, -1) @ v  # [B, H · T, K]
            heard = heard.view(b, self.n_heads, t, self.head)
        heard = heard.transpose(1, 2).reshape(b, t, d)  # [B, T, D]
        x = x + F.dropout(self.out(heard), self.dropout, self.training)
        gate, up = self.gate_up(self.before_hidden(x)).chunk(2, dim=-1)  # [B, T, hidden] each
        x = x + F.dropout(self.down(F.silu(gate) * up), self.dropout, self.training)
        return x, k, v


class Composer(nn.Module):
    """Guesses the next token of a piece of music.

    Parameters
    ----------
    size : Size
    """

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size
        self.words = nn.Embedding(size.n_words, size.width)
        self.layers = nn.ModuleList(Layer(size) for _ in range(size.n_layers))
        self.last = Norm(size.width)
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                scale = 0.5 if name.startswith("words") else 1.0
                std = scale * size.width**-0.5
                if name.endswith(("out.weight", "down.weight")):
                    std *= (2 * size.n_layers) ** -0.5
                nn.init.normal_(weight, std=std)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits of what follows each token: [B, T] → [B, T, V]."""
        x = self.words(tokens)  # [B, T, D]
        angles = rotary(torch.arange(tokens.shape[1]), self.size.width // self.size.n_heads)
        for layer in self.layers:
            x, *_ = layer(x, angles)
        return F.linear(self.last(x), self.words.weight)

    def step(
        self, tokens: Tensor, hidden: Tensor, past: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """Go on after what is remembered.

        Parameters
        ----------
        tokens : Tensor [B, T]
        hidden : Tensor [B, P + T]
            0 for each token that is there, very negative for padding on the left.
        past : 2 · L Tensors [B, P, K]
            Keys and values, layer after layer, of the P tokens before.

        Returns
        -------
        tuple of (logits [B, T, V], past of P + T tokens)
        """
        t, p = tokens.shape[1], past[0].shape[1]
        x = self.words(tokens)  # [B, T, D]
        angles = rotary(torch.arange(t) + p, self.size.width // self.size.n_heads)
        later = torch.arange(p + t)[None, :] > torch.arange(t)[:, None] + p  # [T, P + T]
        blind = hidden[:, None, :] + later * -1e9  # [B, T, P + T]
        kept: list[Tensor] = []
        for i, layer in enumerate(self.layers):
            x, k, v = layer(x, angles, past[2 * i : 2 * i + 2], blind)
            kept += (k, v)
        return F.linear(self.last(x), self.words.weight), kept

"""A loop without any framework: a small transformer learns to add, on rows of its own making."""

import argparse
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

DIGITS = "0123456789+=."
WIDTH = 12


class Adder(nn.Module):
    """Two layers of attention over the digits of a sum."""

    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(len(DIGITS), 32)
        self.places = nn.Embedding(WIDTH, 32)
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(32, len(DIGITS))

    def forward(self, ids):
        mask = nn.Transformer.generate_square_subsequent_mask(ids.shape[1])
        hidden = self.tokens(ids) + self.places(torch.arange(ids.shape[1]))
        return self.head(self.layers(hidden, mask=mask, is_causal=True))


def rows(generator, count):
    """Sums like 12+7=19..., as ids."""
    pairs = torch.randint(0, 100, (count, 2), generator=generator).tolist()
    texts = [f"{a}+{b}={a + b}".ljust(WIDTH + 1, ".") for a, b in pairs]
    return torch.tensor([[DIGITS.index(sign) for sign in text] for text in texts])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("plain_loop_out"))
    parser.add_argument("--steps", type=int, default=40)
    asked = parser.parse_args()
    torch.manual_seed(7)
    generator = torch.Generator().manual_seed(7)
    model = Adder()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=asked.steps)
    for step in range(1, asked.steps + 1):
        batch = rows(generator, 16)
        logits = model(batch[:, :-1])
        loss = functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        rate = optimizer.param_groups[0]["lr"]
        optimizer.step()
        schedule.step()
        print(f"step {step} loss {loss.item():.8f} rate {rate:.10f} norm {norm.item():.6f}")
    asked.out.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), asked.out / "model.pt")


if __name__ == "__main__":
    main()

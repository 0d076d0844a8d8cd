"""A small classifier of pictures that it draws itself: horizontal or vertical bars in noise."""

import argparse
import json
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional


def pictures(generator, count):
    """Pictures of 12 by 12 pixels, and whether their bar lies or stands."""
    images = torch.randn((count, 1, 12, 12), generator=generator) * 0.3
    kinds = torch.randint(0, 2, (count,), generator=generator)
    places = torch.randint(0, 12, (count,), generator=generator)
    for image, kind, place in zip(images, kinds.tolist(), places.tolist(), strict=True):
        (image[0, place] if kind == 0 else image[0, :, place]).add_(1.0)
    return images, kinds


def accuracy(model, images, kinds):
    model.eval()
    with torch.no_grad():
        return (model(images).argmax(1) == kinds).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("vision_out"))
    asked = parser.parse_args()
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(1)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 5), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(8, 2)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    held_out = pictures(generator, 200)
    for step in range(1, 61):
        model.train()
        images, kinds = pictures(generator, 32)
        loss = functional.cross_entropy(model(images), kinds)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 20 == 0:
            print(f"step={step} loss={loss.item():.6f} accuracy={accuracy(model, *held_out):.4f}")
    asked.out.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), asked.out / "model.pt")
    result = {"accuracy": accuracy(model, *held_out)}
    (asked.out / "metrics.json").write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()

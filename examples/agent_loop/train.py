"""One experiment of the loop: fits a curve and prints its validation loss. The loop edits RATE."""

import torch
from torch import nn

RATE = 0.01


def main():
    torch.manual_seed(0)
    inputs = torch.linspace(-1, 1, 128).unsqueeze(1)
    targets = torch.sin(3 * inputs)
    training, held_out = slice(0, 128, 2), slice(1, 128, 2)
    model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    for _ in range(60):
        loss = nn.functional.mse_loss(model(inputs[training]), targets[training])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        result = nn.functional.mse_loss(model(inputs[held_out]), targets[held_out])
    print(f"val_loss: {result.item():.9f}")


if __name__ == "__main__":
    main()

"""A Lightning module: a small recurrent model learns to count, with accumulated gradients."""

import argparse
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

try:
    import lightning as pl
except ImportError:
    raise SystemExit("this example needs Lightning: pip install lightning") from None


class Counting(torch.utils.data.Dataset):
    """Rows of eight numbers that go up by the same amount."""

    def __len__(self):
        return 128

    def __getitem__(self, index):
        row = torch.tensor([(index + place * (1 + index % 5)) % 50 for place in range(9)])
        return row[:-1], row[1:]


class Counter(pl.LightningModule):
    """Predicts the next number."""

    def __init__(self):
        super().__init__()
        self.numbers = nn.Embedding(50, 32)
        self.memory = nn.GRU(32, 64, batch_first=True)
        self.head = nn.Linear(64, 50)

    def training_step(self, batch, index):
        numbers, following = batch
        hidden, _ = self.memory(self.numbers(numbers))
        loss = functional.cross_entropy(self.head(hidden).flatten(0, 1), following.flatten())
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), lr=0.01)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 10, gamma=0.5)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def on_before_zero_grad(self, optimizer):
        if "train_loss" in self.trainer.callback_metrics:
            loss = self.trainer.callback_metrics["train_loss"].item()
            print(f"step {self.trainer.global_step} last loss {loss:.8f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("lightning_out"))
    asked = parser.parse_args()
    pl.seed_everything(5, verbose=False)
    trainer = pl.Trainer(
        max_epochs=2,
        accelerator="cpu",
        accumulate_grad_batches=3,
        log_every_n_steps=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=asked.out,
    )
    module = Counter()
    trainer.fit(module, torch.utils.data.DataLoader(Counting(), batch_size=8, shuffle=True))
    asked.out.mkdir(parents=True, exist_ok=True)
    torch.save(module.state_dict(), asked.out / "model.pt")


if __name__ == "__main__":
    main()

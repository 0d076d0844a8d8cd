"""What executes a stage of training or evaluation, one backend a folder."""

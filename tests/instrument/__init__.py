"""The hooks, by real programs in processes of their own."""

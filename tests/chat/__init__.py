"""Conversations: their forms, their text by a chat template, where the loss falls, what is told."""

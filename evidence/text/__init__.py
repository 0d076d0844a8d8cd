"""Words for people: numbers, sentences, commands, and foreign text made inert."""

"""The rendered set of a pack: summary and plot, from the evidence alone."""

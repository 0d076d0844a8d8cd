"""The `tunix` backend: google-tunix on JAX. The only room that imports them."""

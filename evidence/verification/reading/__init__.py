"""A stranger's directory to trusted documents: structure, digests, lists, form."""

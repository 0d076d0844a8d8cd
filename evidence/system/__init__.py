"""The operating system: durable files, processes, what only POSIX has, shipped files."""

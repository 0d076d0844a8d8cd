"""What scripts and notebooks call: `evidence.run`, `evidence.verify`, `evidence.read_results`.

Plain types in, frozen records out, errors of one family; nothing is printed and no process is
ended. The package itself says which names are public.
"""

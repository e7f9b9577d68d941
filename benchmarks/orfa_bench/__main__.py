# SPDX-License-Identifier: MIT
import sys

from orfa_bench.main import main

sys.exit(main())

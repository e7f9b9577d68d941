# SPDX-License-Identifier: MIT
"""The driver of the parallel benchmark suite: run, report, compare."""

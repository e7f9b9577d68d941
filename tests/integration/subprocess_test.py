#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Python's subprocess beside transfers from registered memory: the C API by ctypes, at a pretended price of
registration, where a transfer through a stale registration ends the process.

    subprocess_test.py LIBRARY     with ORFA_SERVERS set
"""
import ctypes
import os
import subprocess
import sys

lib = ctypes.CDLL(sys.argv[1])
lib.orfa_connect.restype = ctypes.c_void_p
lib.orfa_open.restype = ctypes.c_void_p
lib.orfa_open.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
for name in ("orfa_pwrite", "orfa_pread"):
    function = getattr(lib, name)
    function.restype = ctypes.c_ssize_t
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint64]
lib.orfa_error.restype = ctypes.c_char_p

session = lib.orfa_connect(None)
assert session, lib.orfa_error()
file = lib.orfa_open(session, b"/subprocess", os.O_CREAT | os.O_RDWR, 0o600, None)
assert file, lib.orfa_error()
SIZE = 1 << 20
buffer = ctypes.create_string_buffer(SIZE)
for turn in range(20):
    content = bytes([turn + 1]) * SIZE
    ctypes.memmove(buffer, content, SIZE)
    assert lib.orfa_pwrite(file, buffer, SIZE, 0) == SIZE, lib.orfa_error()
    # By vfork, and (with preexec_fn) by fork, whose child writes to Python's memory.
    assert subprocess.run(["echo", "hello"], capture_output=True, check=True).stdout == b"hello\n"
    assert subprocess.run(["true"], preexec_fn=lambda: None, check=True).returncode == 0
    ctypes.memset(buffer, 0, SIZE)
    assert lib.orfa_pread(file, buffer, SIZE, 0) == SIZE, lib.orfa_error()
    assert buffer.raw == content, f"wrong bytes in turn {turn}"
print("20 turns")

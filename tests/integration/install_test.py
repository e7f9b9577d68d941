#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Installs a build, moves what was installed elsewhere, and uses it from there as a stranger would.

    install_test.py --build FOLDER --cmake CMAKE --cc CC [--component] [--man]

Clusters are in a private XDG_RUNTIME_DIR; nothing of the source tree is used but the build.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

OPTIONS = None
CONSUMER = """\
cmake_minimum_required(VERSION 3.13)
project(consumer LANGUAGES C)
find_package(orfa 0.1 REQUIRED)
add_executable(hello hello_orfa.c)
target_link_libraries(hello PRIVATE orfa::client)
"""


def clean_environment(runtime):
    """The caller's, without what would lead to another ORFA than the installed one."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("ORFA_", "OMPI_", "PKG_CONFIG_"))
                   and name not in ("LD_LIBRARY_PATH", "CMAKE_PREFIX_PATH")}
    return environment | {"XDG_RUNTIME_DIR": runtime, "LC_ALL": "C"}


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="orfa-install-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.environment = clean_environment(str(cls.folder / "run"))
        (cls.folder / "run").mkdir(mode=0o700)
        first = cls.folder / "first"
        cls.run_program(OPTIONS.cmake, "--install", OPTIONS.build, "--prefix", first)
        cls.prefix = cls.folder / "moved" / "orfa"
        cls.prefix.parent.mkdir()
        first.rename(cls.prefix)
        # Debian's CMake says lib/<architecture> when the build was configured for /usr.
        cls.libraries = next(cls.prefix.glob("lib/**/liborfa.so")).parent
        cls.example = cls.prefix / "share/doc/orfa/docs/examples/hello_orfa.c"

    @classmethod
    def run_program(cls, *arguments, environment=None):
        done = subprocess.run([str(a) for a in arguments], env=environment or cls.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60,
                              cwd=cls.folder)
        if done.returncode != 0:
            raise AssertionError(f"{arguments}: exit code {done.returncode}\n"
                                 f"{done.stdout}\n{done.stderr}")
        return done.stdout

    def orfa(self, *arguments):
        return self.run_program(self.prefix / "bin/orfa", *arguments)

    def with_cluster(self):
        """Starts servers from the installed program; gives the environment to reach them."""
        self.orfa("cluster", "start", "--servers", "2", "--memory", "--memory-limit", "64M")
        self.addCleanup(self.orfa, "cluster", "stop")
        exported = self.run_program("sh", "-c", f"eval \"$({self.prefix}/bin/orfa env)\"; env")
        return dict(line.split("=", 1) for line in exported.splitlines() if "=" in line)

    def check_hello(self, program):
        environment = self.with_cluster()
        out = self.run_program(program, environment=environment)
        self.assertIn("2 servers\nhello world\n", out)
        self.assertIn(f"{4 << 20} bytes\n", out)
        self.assertRegex(out, r"as expected: .*/hello/nobody")
        listed = self.orfa("ls", "-l", "orfa:/hello")
        self.assertIn(str(4 << 20), listed)
        self.assertIn("greeting", listed)

    def test_files_are_where_they_are_looked_for(self):
        for name in ("bin/orfa", "bin/orfa-server", "bin/orfa-bench", "bin/orfa-bench-small", "share/orfa/orfa_bench/main.py",
                     "include/orfa.h",
                     "share/doc/orfa/README.md", "share/doc/orfa/LICENSE",
                     "share/doc/orfa/docs/building.md", "share/bash-completion/completions/orfa"):
            self.assertTrue((self.prefix / name).is_file(), name)
        self.assertEqual([path.name for path in (self.prefix / "include").iterdir()], ["orfa.h"])

    def test_every_command_has_a_manual_page(self):
        pages = self.prefix / "share/man/man1"
        self.assertEqual(pages.is_dir(), OPTIONS.man)
        if not OPTIONS.man:
            return
        for name in ("orfa", "orfa-server", "orfa-cp", "orfa-cluster-start"):
            self.assertIn(".SH OPTIONS", (pages / f"{name}.1").read_text(), name)
        listed = re.findall(r"^  ([a-z]+)  ", self.orfa("--help"), re.M)
        self.assertGreater(len(listed), 10)
        for name in listed:
            self.assertTrue((pages / f"orfa-{name}.1").is_file(), name)

    def test_nothing_installed_names_the_build_or_the_first_prefix(self):
        for name in list(self.libraries.glob("cmake/orfa/*")) + [self.libraries / "pkgconfig/orfa.pc"]:
            text = name.read_text()
            self.assertNotIn(str(OPTIONS.build), text)
            self.assertNotIn(str(self.folder), text)
        for program in (self.prefix / "bin").iterdir():
            if program.read_bytes()[:4] == b"\x7fELF":
                self.assertNotIn(str(OPTIONS.build), self.run_program("readelf", "-d", program))
            else:
                self.assertNotIn(str(OPTIONS.build.parent), program.read_text())

    def test_the_library_exports_orfa_h_and_nothing_else(self):
        header = (self.prefix / "include/orfa.h").read_text()
        promised = set(re.findall(r"^ORFA_API [^;(]*?\b(orfa_\w+)\(", header, re.M))
        self.assertGreater(len(promised), 50)
        symbols = self.run_program("nm", "-D", "--defined-only", self.libraries / "liborfa.so")
        exported = {line.split()[-1] for line in symbols.splitlines()}
        self.assertEqual(exported, promised)

    def test_the_library_has_a_soname(self):
        version = self.orfa("--version").split()[1]
        soname = "liborfa.so." + ".".join(version.split(".")[:2])
        dynamic = self.run_program("readelf", "-d", self.libraries / "liborfa.so")
        self.assertIn(f"soname: [{soname}]", dynamic)
        self.assertEqual((self.libraries / soname).resolve().name, f"liborfa.so.{version}")

    def test_a_program_is_built_with_pkg_config(self):
        environment = self.environment | {"PKG_CONFIG_PATH": str(self.libraries / "pkgconfig")}
        flags = self.run_program("pkg-config", "--cflags", "--libs", "orfa", environment=environment)
        self.assertEqual(
            self.run_program("pkg-config", "--modversion", "orfa", environment=environment).strip(),
            self.orfa("--version").split()[1])
        program = self.folder / "hello-pkg-config"
        self.run_program(OPTIONS.cc, "-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror",
                         self.example, "-o", program, *flags.split(),
                         f"-Wl,-rpath,{self.libraries}")
        self.check_hello(program)

    def test_a_program_is_built_with_cmake(self):
        source = self.folder / "consumer"
        source.mkdir()
        (source / "CMakeLists.txt").write_text(CONSUMER)
        shutil.copy(self.example, source)
        self.run_program(OPTIONS.cmake, "-S", source, "-B", source / "build", "-G", "Ninja",
                         f"-DCMAKE_C_COMPILER={OPTIONS.cc}", f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.run_program(OPTIONS.cmake, "--build", source / "build")
        self.check_hello(source / "build/hello")

    def test_another_minor_version_is_not_taken(self):
        source = self.folder / "newer"
        source.mkdir()
        (source / "CMakeLists.txt").write_text(CONSUMER.replace("orfa 0.1", "orfa 0.999"))
        with self.assertRaisesRegex(AssertionError, "not accepted"):
            self.run_program(OPTIONS.cmake, "-S", source, "-B", source / "build", "-G", "Ninja",
                             f"-DCMAKE_PREFIX_PATH={self.prefix}")

    def test_env_names_the_installed_component(self):
        environment = self.with_cluster()
        folder = self.prefix / "lib/orfa/openmpi"
        self.assertEqual((folder / "mca_io_orfa.so").is_file(), OPTIONS.component)
        if not OPTIONS.component:
            self.assertNotIn("OMPI_MCA_mca_base_component_path", environment)
            return
        self.assertEqual(environment["OMPI_MCA_mca_base_component_path"],
                         f"{folder}:SYSTEM_DEFAULT:USER_DEFAULT")
        if shutil.which("ompi_info") is not None:
            found = self.run_program("ompi_info", "--parsable", environment=environment)
            self.assertIn("mca:io:orfa:", found)


def main():
    global OPTIONS
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--cmake", required=True)
    parser.add_argument("--cc", required=True)
    parser.add_argument("--component", action="store_true", help="the build has the MPI component")
    parser.add_argument("--man", action="store_true", help="the build has manual pages")
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


main()

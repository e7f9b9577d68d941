#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Drives the real orfa command and servers: cli_test.py --bin FOLDER [unittest arguments].

Everything happens in a private XDG_RUNTIME_DIR: clusters of the user who runs it are not touched.
"""
import filecmp
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

BIN = None
SERVERS = 3
STRIPE = 65536


def run(*arguments, code=0, environment=None, input=None, timeout=60):
    """Runs orfa; checks its exit code; gives (standard output as bytes, standard error as text)."""
    done = subprocess.run([os.path.join(BIN, "orfa"), *arguments], input=input, timeout=timeout,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    errors = done.stderr.decode()
    if done.returncode != code:
        raise AssertionError(f"orfa {' '.join(arguments)}: exit code {done.returncode}, "
                             f"not {code}\n{done.stdout[:2000]!r}\n{errors}")
    return done.stdout, errors


def private_environment(folder):
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("ORFA_") and name != "OMPI_MCA_mca_base_component_path"}
    environment["XDG_RUNTIME_DIR"] = folder
    environment["TZ"] = "UTC"
    return environment


def exports(text):
    """What a shell takes out of `orfa cluster start`."""
    shell = subprocess.run(["sh", "-c", 'eval "$1"; env', "sh", text.decode()], check=True,
                           env={"PATH": os.environ["PATH"]}, stdout=subprocess.PIPE)
    return dict(line.split("=", 1) for line in shell.stdout.decode().splitlines() if "=" in line)


def gone(pid):
    """Whether a process has ended (one nobody has waited for counts as ended)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def pids_of(runtime, name="default"):
    with open(os.path.join(runtime, "orfa", name, "cluster.json"), encoding="utf-8") as file:
        return [server["pid"] for server in json.load(file)["servers"]]


class Clusters(unittest.TestCase):
    """Starting, stopping and looking at clusters; each test has a folder of its own."""

    def setUp(self):
        self.runtime = tempfile.mkdtemp(prefix="orfa-cli-test-")
        self.environment = private_environment(self.runtime)

    def tearDown(self):
        run("cluster", "stop", "--all", environment=self.environment)
        shutil.rmtree(self.runtime)

    def orfa(self, *arguments, **options):
        options.setdefault("environment", self.environment)
        return run(*arguments, **options)

    def start(self, *arguments, servers=2, processes=None, **options):
        return self.orfa("cluster", "start", "--servers", str(servers), "--memory",
                         "--processes", str(processes or servers), "--memory-limit", "64M",
                         *arguments, **options)

    def leftovers(self):
        """Processes of this test's folder, and cluster folders in it."""
        found = [name for name in os.listdir(os.path.join(self.runtime, "orfa"))
                 if not name.startswith(".")]
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if self.runtime.encode() in file.read():
                        found.append(pid)
            except OSError:
                pass
        return found

    def fake_server(self, script):
        """A program to run instead of orfa-server; $fd is the descriptor to report to."""
        path = os.path.join(self.runtime, "fake-server")
        with open(path, "w", encoding="utf-8") as file:
            file.write('#!/bin/bash\nindex=$2; while [ $# -gt 1 ]; do '
                       'if [ "$1" = --ready-fd ]; then fd=$2; fi; shift; done\n' + script)
        os.chmod(path, 0o700)
        return path

    def test_start_prints_only_exports_and_stop_ends_all_servers(self):
        out, words = self.start(servers=3)
        for line in out.decode().splitlines():
            self.assertRegex(line, r"^export [A-Za-z_]+='.*'$")
        self.assertIn("3 servers", words)
        variables = exports(out)
        addresses = variables["ORFA_SERVERS"].split(",")
        self.assertEqual(len(set(addresses)), 3)
        # A folder that is not there would cost Open MPI all its other components.
        components = os.path.join(os.path.dirname(BIN), "lib", "orfa", "openmpi")
        if os.path.exists(os.path.join(components, "mca_io_orfa.so")):
            self.assertEqual(variables["OMPI_MCA_mca_base_component_path"],
                             components + ":SYSTEM_DEFAULT:USER_DEFAULT")
        else:
            self.assertNotIn("OMPI_MCA_mca_base_component_path", variables)
            self.assertIn("no MPI component", words)
        self.assertEqual(self.orfa("env")[0], out)
        self.assertEqual(json.loads(self.orfa("env", "--json")[0])["ORFA_SERVERS"],
                         variables["ORFA_SERVERS"])
        pids = pids_of(self.runtime)
        self.assertFalse(any(map(gone, pids)))
        self.orfa("cluster", "stop")
        self.assertTrue(all(map(gone, pids)))
        self.assertEqual(self.leftovers(), [])
        self.assertIn("no cluster 'default'", self.orfa("cluster", "stop", code=1)[1])
        self.assertIn("no cluster 'default'", self.orfa("env", code=1)[1])

    def test_one_process_can_be_several_servers(self):
        out, _ = self.start(servers=5, processes=2)
        pids = pids_of(self.runtime)
        self.assertEqual(pids, [pids[0]] * 2 + [pids[2]] * 3)
        self.assertNotEqual(pids[0], pids[2])
        folder = os.path.join(self.runtime, "orfa", "default")
        self.assertEqual(sorted(name for name in os.listdir(folder) if name.startswith("server")),
                         ["server-0-1.log", "server-2-4.log"])
        status = json.loads(self.orfa("cluster", "status", "--json")[0])
        self.assertTrue(status["all_up"])
        # Names on all of them, which call each other within the process and across.
        environment = {**self.environment, **exports(out)}
        local = os.path.join(self.runtime, "local")
        with open(local, "wb") as file:
            file.write(os.urandom(6 << 20))
        for i in range(10):
            self.orfa("mkdir", f"orfa:/dir{i}", environment=environment)
        self.orfa("cp", local, "orfa:/dir0/file", environment=environment)
        for i in range(9):
            self.orfa("mv", f"orfa:/dir{i}/file", f"orfa:/dir{i + 1}/file", environment=environment)
        self.orfa("cp", "orfa:/dir9/file", local + "-back", environment=environment)
        with open(local, "rb") as one, open(local + "-back", "rb") as other:
            self.assertEqual(one.read(), other.read())
        self.orfa("rm", "-r", "orfa:/dir9", environment=environment)
        words = self.orfa("cluster", "stop")[1]
        self.assertNotIn("already ended", words)
        self.assertTrue(all(map(gone, pids)))

    def test_servers_are_detached_and_hold_nothing_of_the_caller(self):
        # communicate() would wait for ever if a server had kept the pipe.
        self.start(timeout=40)
        for pid in pids_of(self.runtime):
            self.assertEqual(os.getsid(pid), pid)
            self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), "/")
            self.assertEqual(os.readlink(f"/proc/{pid}/fd/0"), "/dev/null")

    def test_state_is_private(self):
        self.start()
        for folder, _, files in os.walk(os.path.join(self.runtime, "orfa")):
            for path in [folder] + [os.path.join(folder, name) for name in files]:
                self.assertEqual(os.stat(path).st_mode & 0o077, 0, path)

    def test_state_folder_open_to_others_is_refused(self):
        os.mkdir(os.path.join(self.runtime, "orfa"), 0o700)
        os.chmod(os.path.join(self.runtime, "orfa"), 0o755)
        self.assertIn("not a directory of this user alone", self.start(code=1)[1])
        os.chmod(os.path.join(self.runtime, "orfa"), 0o700)

    def test_second_start_of_a_name_is_refused_and_says_what_to_do(self):
        first = self.start()[0]
        out, words = self.start(code=1)
        self.assertEqual(out, b"")
        for part in ("runs already", 'eval "$(orfa env)"', "orfa cluster stop"):
            self.assertIn(part, words)
        self.assertEqual(self.orfa("env")[0], first)

    def test_two_names_run_side_by_side(self):
        one = exports(self.start()[0])
        two = exports(self.start("--name", "other", servers=1)[0])
        listed = json.loads(self.orfa("cluster", "list", "--json")[0])
        self.assertEqual([(c["name"], c["servers"], c["alive"]) for c in listed],
                         [("default", 2, 2), ("other", 1, 1)])
        # Without a name, status is of the cluster the environment means.
        status = json.loads(self.orfa("cluster", "status", "--json", environment={
            **self.environment, "ORFA_SERVERS": two["ORFA_SERVERS"]})[0])
        self.assertEqual(status["name"], "other")
        self.orfa("cluster", "stop", "--name", "other")
        self.assertIn(one["ORFA_SERVERS"], self.orfa("cluster", "list")[0].decode())

    def test_status_tells_each_server(self):
        self.start()
        status = json.loads(self.orfa("cluster", "status", "--json")[0])
        self.assertTrue(status["all_up"])
        self.assertEqual([s["pid"] for s in status["servers"]], pids_of(self.runtime))
        for server in status["servers"]:
            self.assertEqual(server["state"], "up")
            self.assertEqual(server["memory_limit"], 64 << 20)
            self.assertGreaterEqual(server["uptime_seconds"], 0)
            for key in ("transports", "memory_used", "requests", "bytes_read", "bytes_written"):
                self.assertIn(key, server)
        table = self.orfa("cluster", "status")[0].decode()
        self.assertIn("64 MiB", table)

    def test_dead_server_is_shown_down_and_cleaned_up_by_the_next_start(self):
        self.start()
        first, second = pids_of(self.runtime)
        os.kill(second, signal.SIGKILL)
        self.assertTrue(wait_until(lambda: gone(second)))
        out, _ = self.orfa("cluster", "status", "--json", code=1)
        states = [server["state"] for server in json.loads(out)["servers"]]
        self.assertEqual(states, ["up", "down"])
        self.assertIn("1 of 2 servers", self.start(code=1)[1])
        os.kill(first, signal.SIGKILL)
        self.assertTrue(wait_until(lambda: gone(first)))
        self.assertIn("are gone", self.orfa("env", code=1)[1])
        self.assertIn("cleaning up", self.start()[1])

    def test_stop_never_kills_a_process_that_got_the_pid_later(self):
        self.start()
        pids = pids_of(self.runtime)
        path = os.path.join(self.runtime, "orfa", "default", "cluster.json")
        bystander = subprocess.Popen(["sleep", "60"])
        try:
            with open(path, encoding="utf-8") as file:
                state = json.load(file)
            state["servers"][0]["pid"] = bystander.pid
            with open(path, "w", encoding="utf-8") as file:
                json.dump(state, file)
            self.assertIn("had already ended", self.orfa("cluster", "stop")[1])
            self.assertIsNone(bystander.poll())
        finally:
            bystander.kill()
            bystander.wait()
            os.kill(pids[0], signal.SIGKILL)

    def test_server_that_ignores_sigterm_is_killed(self):
        fake = self.fake_server('trap "" TERM; echo ready >&$fd; while :; do sleep 1; done\n')
        self.start("--server-program", fake, servers=1)
        pid = pids_of(self.runtime)[0]
        words = self.orfa("cluster", "stop")[1]
        self.assertIn("waiting for 1 server", words)
        self.assertIn("killing it", words)
        self.assertTrue(gone(pid))

    def test_failed_start_leaves_nothing_behind(self):
        fake = self.fake_server('if [ $index = 1 ]; then echo "error: no memory" >&$fd; exit 1; fi\n'
                                'echo ready >&$fd; exec sleep 60\n')
        out, words = self.start("--server-program", fake, servers=3, code=1)
        self.assertEqual(out, b"")
        self.assertRegex(words, r"server 1 \(127.0.0.1:\d+\) did not start: no memory")
        self.assertEqual(self.leftovers(), [])

    def test_server_that_dies_without_a_word_is_told_with_its_log(self):
        fake = self.fake_server('echo "the last words"; exit 3\n')
        words = self.start("--server-program", fake, code=1)[1]
        self.assertIn("ended without a word", words)
        self.assertIn("the last words", words)
        self.assertEqual(self.leftovers(), [])

    def test_taken_port_is_tried_again_with_others(self):
        fake = self.fake_server('if mkdir "${0%/*}/once" 2>/dev/null; then\n'
                                'echo "error: cannot serve: Address already in use" >&$fd; exit 1\n'
                                'fi; echo ready >&$fd; exec sleep 60\n')
        self.start("--server-program", fake)
        self.assertEqual(len(pids_of(self.runtime)), 2)

    def test_taken_port_that_was_asked_for_is_an_error(self):
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            held.listen()
            port = str(held.getsockname()[1])
            words = self.start("--base-port", port, servers=1, code=1)[1]
        self.assertIn("in use", words)
        self.assertEqual(self.leftovers(), [])

    def test_interrupted_or_killed_start_leaves_nothing_behind(self):
        fake = self.fake_server(': > "${0%/*}/begun-$index"; exec sleep 60\n')
        for kill in (signal.SIGINT, signal.SIGKILL):
            starting = subprocess.Popen(
                [os.path.join(BIN, "orfa"), "cluster", "start", "--memory", "--servers", "2",
                 "--processes", "2", "--server-program", fake], env=self.environment, stderr=subprocess.DEVNULL)
            flags = [os.path.join(self.runtime, f"begun-{i}") for i in (0, 1)]
            self.assertTrue(wait_until(lambda: all(map(os.path.exists, flags))))
            starting.send_signal(kill)
            starting.wait()
            self.assertTrue(wait_until(lambda: self.leftovers() == []), self.leftovers())
            for flag in flags:
                os.unlink(flag)

    def test_wrong_use_exits_with_2(self):
        for arguments in (["cluster", "start"], ["cluster", "start", "--data", "/x"],
                          ["cluster", "start", "--memory", "--servers", "0"],
                          ["cluster", "start", "--memory", "--name", "../x"],
                          ["cluster", "start", "--memory", "--memory-limit", "lots"],
                          ["cluster", "start", "--memory", "--stripe-size", "5000"],
                          ["cluster", "start", "--memory", "--bind", "0.0.0.0"],
                          ["cluster"], [], ["nonsense"], ["ls", "/tmp"], ["cp", "one"],
                          ["cp", "here", "there"], ["mv", "orfa:/a", "b"], ["rm"]):
            out, words = self.orfa(*arguments, code=2)
            self.assertEqual(out, b"", arguments)
            self.assertNotEqual(words, "", arguments)
        self.assertIn("memory", self.orfa("cluster", "start", code=2)[1])

    def test_without_a_cluster_the_words_say_how_to_start_one(self):
        self.assertIn("orfa cluster start", self.orfa("ls", code=1)[1])
        words = self.orfa("ls", code=1, environment={**self.environment,
                                                     "ORFA_SERVERS": "127.0.0.1:1"})[1]
        self.assertIn("127.0.0.1:1", words)

    def test_help_teaches_by_example(self):
        for command in (["cluster", "start"], ["cp"], ["ls"], ["layout"], ["stat"], ["rm"]):
            text = self.orfa(*command, "--help")[0].decode()
            self.assertRegex(text, r"\n\s+(eval \"\$\()?orfa " + command[0])
        self.assertIn("0 done, 1 failed, 2 used wrongly", self.orfa("--help")[0].decode())


class Files(unittest.TestCase):
    """Commands on files, all on one cluster; each test in a directory of its own."""

    @classmethod
    def setUpClass(cls):
        cls.runtime = tempfile.mkdtemp(prefix="orfa-cli-test-")
        cls.environment = private_environment(cls.runtime)
        out, _ = run("cluster", "start", "--servers", str(SERVERS), "--memory", "--memory-limit",
                     "256M", "--stripe-size", str(STRIPE), environment=cls.environment)
        cls.environment.update(exports(out))

    @classmethod
    def tearDownClass(cls):
        run("cluster", "stop", environment=cls.environment)
        shutil.rmtree(cls.runtime)

    def setUp(self):
        self.local = tempfile.mkdtemp(prefix="orfa-cli-files-")
        self.home = "orfa:/" + self.id().rpartition(".")[2]
        self.orfa("mkdir", self.home)

    def tearDown(self):
        shutil.rmtree(self.local)
        self.orfa("rm", "-r", self.home)

    def orfa(self, *arguments, **options):
        return run(*arguments, environment=self.environment, **options)

    def path(self, name):
        return os.path.join(self.local, name)

    def write(self, name, data):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def test_copies_of_all_sizes_come_back_as_they_were(self):
        chunk = 4 << 20
        for size in (0, 1, 4095, STRIPE, STRIPE + 1, SERVERS * STRIPE - 1, chunk - 1, chunk,
                     chunk + 1, 9 * chunk + 12345):
            with self.subTest(size=size):
                data = os.urandom(size)
                source = self.write("source", data)
                self.orfa("cp", source, self.home + "/a")
                stat = json.loads(self.orfa("stat", "--json", self.home + "/a")[0])[0]
                self.assertEqual(stat["size"], size)
                self.orfa("cp", self.home + "/a", self.home + "/b")
                self.orfa("cp", self.home + "/b", self.path("back"))
                self.assertTrue(self.read("back") == data)
                self.assertTrue(self.orfa("cat", self.home + "/a")[0] == data)
                self.orfa("cp", "-", self.home + "/c", input=data)
                self.assertTrue(self.orfa("cp", self.home + "/c", "-")[0] == data)

    def test_shorter_copy_over_a_longer_file_leaves_no_tail(self):
        self.orfa("cp", self.write("long", b"x" * 300000), self.home + "/file")
        self.orfa("cp", self.write("short", b"y" * 10), self.home + "/file")
        self.assertEqual(self.orfa("cat", self.home + "/file")[0], b"y" * 10)

    def test_whole_directories_go_there_and_back(self):
        self.write("tree/a", b"a" * 1000)
        self.write("tree/deep/er/b", os.urandom(200000))
        self.write("tree/deep/" + "näme with spaces\n", b"c")
        self.write("tree/empty-file", b"")
        os.mkdir(self.path("tree/empty-folder"))
        os.symlink("a", self.path("tree/link"))
        os.symlink("nowhere", self.path("tree/deep/dangling"))
        os.chmod(self.path("tree/a"), 0o640)
        os.utime(self.path("tree/a"), ns=(1_600_000_000_000_000_001, 1_500_000_000_000_000_002))
        summary = json.loads(self.orfa("cp", "-rp", "--json", self.path("tree"), self.home)[0])
        self.assertEqual(summary["files"], 4)
        self.orfa("cp", "-rp", self.home + "/tree", self.path("back"))
        self.assert_same_tree(self.path("tree"), self.path("back"))
        info = os.stat(self.path("back/a"))
        self.assertEqual((info.st_mode & 0o7777, info.st_mtime_ns),
                         (0o640, 1_500_000_000_000_000_002))
        self.assertEqual(os.readlink(self.path("back/link")), "a")
        self.orfa("cp", "-r", self.home + "/tree", self.home + "/copy")
        self.orfa("cp", "-r", self.home + "/copy/.", self.path("third"))
        self.assert_same_tree(self.path("tree"), self.path("third"))

    def assert_same_tree(self, one, two):
        compared = filecmp.dircmp(one, two)
        self.assertEqual(compared.left_only + compared.right_only + compared.funny_files, [])
        for name in compared.common_files:
            if not os.path.islink(os.path.join(one, name)):
                self.assertTrue(filecmp.cmp(os.path.join(one, name), os.path.join(two, name),
                                            shallow=False), name)
        for name in compared.common_dirs:
            self.assert_same_tree(os.path.join(one, name), os.path.join(two, name))

    def test_copies_that_make_no_sense_are_refused(self):
        source = self.write("source", b"data")
        self.orfa("cp", source, self.home + "/a")
        self.assertIn("onto itself", self.orfa("cp", self.home + "/a", self.home + "/a", code=1)[1])
        self.assertEqual(self.orfa("cat", self.home + "/a")[0], b"data")
        self.assertIn("into itself",
                      self.orfa("cp", "-r", self.home, self.home + "/inside", code=1)[1])
        self.assertIn("-r", self.orfa("cp", self.home, self.path("x"), code=1)[1])
        self.assertIn("not a directory",
                      self.orfa("cp", source, source, self.home + "/a", code=1)[1])

    def test_errors_name_path_and_reason(self):
        for arguments in (["cat"], ["stat"], ["ls"], ["rm"], ["layout"]):
            words = self.orfa(*arguments, self.home + "/missing", code=1)[1]
            self.assertIn("/missing", words)
            self.assertIn("No such file or directory", words)
        self.assertIn("File exists", self.orfa("mkdir", self.home, code=1)[1])
        self.assertIn("No such file",
                      self.orfa("cp", self.path("missing"), self.home + "/x", code=1)[1])
        self.assertIn(self.path("no/where"), self.orfa(
            "cp", self.put("file"), self.path("no/where"), code=1)[1])

    def put(self, name, data=b"data"):
        self.orfa("cp", "-", f"{self.home}/{name}", input=data)
        return f"{self.home}/{name}"

    def test_ls_lists_sorted_hides_dots_and_shows_all_with_l(self):
        for name in ("b", "a", ".hidden"):
            self.put(name, b"12345")
        self.orfa("mkdir", "-m", "750", self.home + "/folder")
        self.assertEqual(self.orfa("ls", self.home)[0], b"a\nb\nfolder\n")
        self.assertEqual(self.orfa("ls", "-a", self.home)[0], b".hidden\na\nb\nfolder\n")
        lines = self.orfa("ls", "-l", self.home)[0].decode().splitlines()
        self.assertRegex(lines[0], r"^-rw-.{6} +1 \S+ +\S+ +5 \d{4}-\d\d-\d\d \d\d:\d\d a$")
        self.assertRegex(lines[2], r"^drwxr-x--- ")
        entries = json.loads(self.orfa("ls", "--json", "-a", self.home)[0])
        self.assertEqual([(e["name"], e["type"]) for e in entries],
                         [(".hidden", "file"), ("a", "file"), ("b", "file"),
                          ("folder", "directory")])
        self.assertEqual(entries[1]["size"], 5)
        self.assertEqual(self.orfa("ls", "-d", self.home)[0].decode().strip(), self.home)

    def test_mkdir_with_parents(self):
        self.orfa("mkdir", self.home + "/a/b/c", code=1)
        self.orfa("mkdir", "-p", self.home + "/a/b/c")
        self.orfa("mkdir", "-p", self.home + "/a/b/c")
        self.put("file")
        self.assertIn("not a directory",
                      self.orfa("mkdir", "-p", self.home + "/file", code=1)[1])

    def test_mv_renames_and_moves_into_directories(self):
        self.put("a", b"one")
        self.put("b", b"two")
        self.orfa("mv", self.home + "/a", self.home + "/c")
        self.orfa("mkdir", self.home + "/folder")
        self.orfa("mv", self.home + "/b", self.home + "/c", self.home + "/folder")
        self.assertEqual(self.orfa("ls", self.home + "/folder")[0], b"b\nc\n")
        self.assertEqual(self.orfa("cat", self.home + "/folder/c")[0], b"one")
        self.orfa("mv", self.home + "/missing", self.home + "/x", code=1)

    def test_rm_takes_directories_only_with_r(self):
        self.orfa("mkdir", "-p", self.home + "/folder/deep")
        self.put("folder/deep/file")
        self.assertIn("-r", self.orfa("rm", self.home + "/folder", code=1)[1])
        self.orfa("rm", "-r", self.home + "/folder")
        self.assertEqual(self.orfa("ls", self.home)[0], b"")
        self.orfa("rm", self.home + "/folder", code=1)
        self.orfa("rm", "-f", self.home + "/folder")
        self.orfa("rm", "-r", "orfa:/", code=1)

    def test_layout_is_shown_and_chosen(self):
        path = self.put("file")
        layout = json.loads(self.orfa("layout", "--json", path)[0])[0]
        self.assertEqual((layout["stripe_size"], layout["stripe_count"]), (STRIPE, SERVERS))
        self.orfa("cp", "--stripe-size", "8K", "--stripe-count", "2", "--first-server", "1",
                  self.write("x", os.urandom(100000)), self.home + "/chosen")
        self.orfa("layout", "--create", "--stripe-size", "1M", "--stripe-count", "1",
                  self.home + "/made")
        shown = json.loads(self.orfa("layout", "--json", self.home + "/chosen",
                                     self.home + "/made")[0])
        self.assertEqual([(s["stripe_size"], s["stripe_count"]) for s in shown],
                         [(8192, 2), (1 << 20, 1)])
        self.assertEqual(shown[0]["first_server"], 1)
        self.assertEqual(self.orfa("cat", self.home + "/chosen")[0], self.read("x"))
        self.assertIn("File exists",
                      self.orfa("layout", "--create", self.home + "/made", code=1)[1])
        self.assertIn("8 KiB", self.orfa("layout", self.home + "/chosen")[0].decode())

    def test_doctor_says_how_memory_is_registered(self):
        found = {f["check"]: f for f in json.loads(self.orfa("doctor", "--json")[0])["registration"]}
        self.assertEqual(found["registering 1 MiB"]["value"], "works")
        self.assertIn("off", found["registration cache"]["value"])  # tcp: not needed
        self.assertIn("locked memory", found)
        self.assertIn("memory monitor: hooks", self.orfa("doctor")[0].decode())

    def test_df_tells_size_and_use(self):
        before = json.loads(self.orfa("df", "--json")[0])
        self.assertEqual(before["total_bytes"], SERVERS * (256 << 20))
        self.assertEqual(before["servers"], SERVERS)
        self.put("big", os.urandom(16 << 20))
        after = json.loads(self.orfa("df", "--json")[0])
        self.assertGreaterEqual(after["used_bytes"] - before["used_bytes"], 16 << 20)
        self.assertEqual(after["files"], before["files"] + 1)
        self.assertIn("768 MiB", self.orfa("df")[0].decode())

    def test_full_cluster_is_enospc_and_usable_afterwards(self):
        source = self.path("sparse")
        with open(source, "wb") as file:
            file.truncate(SERVERS * (256 << 20) + (64 << 20))
        words = self.orfa("cp", source, self.home + "/too-big", code=1)[1]
        self.assertIn("No space left on device", words)
        self.orfa("rm", self.home + "/too-big")
        self.put("small")

    def test_stat_json_and_words(self):
        path = self.put("file", b"123")
        stat = json.loads(self.orfa("stat", "--json", path)[0])[0]
        self.assertEqual((stat["path"], stat["type"], stat["size"], stat["uid"]),
                         (path, "file", 3, os.geteuid()))
        self.assertLess(abs(stat["mtime"] - time.time()), 60)
        self.assertIn("stripes of 64 KiB", self.orfa("stat", path)[0].decode())

    def test_ping_and_version(self):
        pings = json.loads(self.orfa("ping", "-c", "5", "--json")[0])
        self.assertEqual([p["server"] for p in pings], list(range(SERVERS)))
        self.assertTrue(all(p["ok"] and p["median_us"] > 0 for p in pings))
        self.assertEqual(len(self.orfa("ping")[0].splitlines()), SERVERS)
        self.orfa("ping", "--server", "99", code=2)
        version = json.loads(self.orfa("version", "--json")[0])["version"]
        self.assertTrue(re.fullmatch(r"\d+\.\d+\.\d+", version))
        self.assertEqual(self.orfa("version")[0].decode(), f"orfa {version}\n")

    def test_both_transports_carry_the_same_bytes(self):
        data = os.urandom(5_000_001)
        for transport, other in (("local", "ofi"), ("ofi", "local")):
            self.orfa("cp", "-", self.home + "/" + transport, input=data, timeout=120)
            there = {**self.environment, "ORFA_TRANSPORT": transport}
            run("cp", "-", self.home + "/" + transport, input=data, environment=there)
            back = {**self.environment, "ORFA_TRANSPORT": other}
            self.assertTrue(run("cat", self.home + "/" + transport, environment=back)[0] == data)

    def test_unwritable_output_is_an_error(self):
        path = self.put("file", os.urandom(100000))
        for arguments in (["cat", path], ["ls", "orfa:/"]):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([os.path.join(BIN, "orfa"), *arguments], stdout=full,
                                      stderr=subprocess.PIPE, env=self.environment, timeout=60)
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"No space left on device", done.stderr)


if __name__ == "__main__":
    place = sys.argv.index("--bin")
    BIN = os.path.abspath(sys.argv[place + 1])
    del sys.argv[place:place + 2]
    unittest.main(verbosity=2)

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Completes orfa's command lines in a real bash: completion_test.py --orfa PROGRAM --script FILE."""
import argparse
import pathlib
import re
import subprocess
import sys
import unittest

OPTIONS = None


def complete(*words):
    """What bash offers for the last of these words."""
    script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _orfa; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", OPTIONS.script, OPTIONS.orfa,
                           *words], check=True, stdout=subprocess.PIPE, text=True, timeout=30)
    return done.stdout.split()


def help_of(*command):
    return subprocess.run([OPTIONS.orfa, *command, "--help"], check=True, text=True, timeout=30,
                          stdout=subprocess.PIPE).stdout


def promised_options(text):
    return re.findall(r"^  (?:-\w,)?(--[\w-]+)", text, re.M)


def promised_commands(text):
    _, _, rest = text.partition("\nSubcommands:\n")
    return re.findall(r"^  ([\w-]+)  ", rest.partition("\n\n")[0], re.M)


class Completion(unittest.TestCase):
    def check(self, command):
        """This command and all below it; gives their number."""
        text = help_of(*command)
        options, commands = promised_options(text), promised_commands(text)
        self.assertIn("--help", options)
        self.assertEqual(sorted(complete(*command, "--")), sorted(options), command)
        self.assertEqual(complete(*command, ""), commands, command)
        return 1 + sum(self.check((*command, name)) for name in commands)

    def test_offers_what_help_says_for_every_command(self):
        self.assertGreater(self.check(()), 15)

    def test_offers_what_begins_like_the_word(self):
        self.assertEqual(complete("clu"), ["cluster"])
        self.assertEqual(complete("cluster", "star"), ["start"])
        self.assertEqual(complete("cluster", "start", "--memory-l"), ["--memory-limit"])
        self.assertEqual(complete("nonsen"), [])

    def test_leaves_operands_to_file_names(self):
        self.assertEqual(complete("cp", "local", ""), [])
        self.assertEqual(complete("cp", "cluster", ""), [])

    def test_is_registered_for_orfa(self):
        done = subprocess.run(["bash", "--norc", "-c", 'source "$1"; complete -p orfa', "bash",
                               OPTIONS.script], check=True, stdout=subprocess.PIPE, text=True,
                              timeout=30)
        self.assertIn("-F _orfa orfa", done.stdout)
        self.assertIn("-o default", done.stdout)


def main():
    global OPTIONS
    parser = argparse.ArgumentParser()
    parser.add_argument("--orfa", required=True)
    parser.add_argument("--script", required=True, type=pathlib.Path)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


main()

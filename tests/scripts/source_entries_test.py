#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of scripts/lib/source_entries.py: the machine's apt sources become ones of source packages."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
import source_entries  # noqa: E402

DEB822 = """# a comment
Types: deb
URIs: http://archive.example/debian
# another
Suites: bookworm bookworm-updates elsewhere
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://third.example/apt
Suites: nodistro
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""

ONE_LINE = """# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/k.gpg] http://archive.example/debian bookworm main contrib # note
deb http://archive.example/security bookworm-security main
deb http://archive.example/security bookworm/updates main
deb-src http://archive.example/debian bookworm main
deb http://docker.example/debian bookworm stable
deb cdrom:[Debian GNU/Linux 12]/ bookworm main
deb http://pgdg.example/apt bookworm-pgdg main
"""


class SourceEntries(unittest.TestCase):
    def select(self, one_line, deb822):
        return source_entries.select(source_entries.parse_one_line(one_line), source_entries.parse_deb822(deb822), "bookworm")

    def test_one_line_entries_keep_options_and_leave_other_archives_out(self):
        lines, _ = self.select(ONE_LINE, "")
        self.assertEqual(lines, [
            "deb-src [arch=amd64 signed-by=/usr/share/keyrings/k.gpg] http://archive.example/debian bookworm main contrib",
            "deb-src http://archive.example/security bookworm-security main",
            "deb-src http://archive.example/security bookworm/updates main",
            "deb-src http://archive.example/debian bookworm main",
        ])

    def test_stanzas_keep_their_fields_and_only_the_distributions_suites(self):
        _, stanzas = self.select("", DEB822)
        self.assertEqual(stanzas, [
            "Types: deb-src\nURIs: http://archive.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n"
            "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"])

    def test_key_inside_a_stanza_is_kept(self):
        key = " -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDMEY\n -----END PGP PUBLIC KEY BLOCK-----"
        _, stanzas = self.select("", f"Types: deb\nURIs: http://a.example/\nSuites: bookworm\nComponents: main\nSigned-By:\n{key}\n")
        self.assertTrue(stanzas[0].endswith(f"Signed-By:\n{key}\n"), stanzas[0])

    def test_all_entries_are_taken_when_none_looks_like_the_distribution(self):
        lines, stanzas = self.select("deb http://mirror.example/own own-name main\n", "")
        self.assertEqual((lines, stanzas), (["deb-src http://mirror.example/own own-name main"], []))

    def test_folder_is_read_by_apts_rules(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("a.list", "b.list.disabled", "c.list.save"):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(f"deb http://{name}.example/debian bookworm main\n")
            one_line, deb822 = source_entries.read_sources(os.path.join(folder, "missing"), folder)
        self.assertEqual([line for _, _, line in one_line], ["deb-src http://a.list.example/debian bookworm main"])
        self.assertEqual(deb822, [])


if __name__ == "__main__":
    unittest.main()

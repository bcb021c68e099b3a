#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""Copies what the public advisory databases say of the packages that Bowyer locks: facts, not their prose.

usage: refresh.py RUSTSEC GOVULN     two clones: of rustsec/advisory-db and of golang/vulndb

Run it where both can be cloned, and commit what changes. The copies have the databases' dates, which
`make supply-chain` prints, because a copy ages.
"""

import json
import pathlib
import re
import subprocess
import sys
import tomllib

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
HEAD = "# SPDX-FileCopyrightText: The Bowyer Authors\n# SPDX-License-Identifier: Apache-2.0\n#\n# Written by refresh.py. Do not edit.\n"


def git(clone, *arguments):
    return subprocess.run(["git", "-C", clone, *arguments], check=True, capture_output=True, text=True).stdout


def files(clone, prefix, ending):
    """Paths and texts of a folder of the clone's newest commit; a clone without a work tree will do."""
    paths = [path for path in git(clone, "ls-tree", "-r", "--name-only", "HEAD", prefix).splitlines() if path.endswith(ending)]
    wanted = "".join(f"HEAD:{path}\n" for path in paths)
    run = subprocess.run(["git", "-C", clone, "cat-file", "--batch"], input=wanted.encode(), check=True, capture_output=True)
    data = run.stdout
    for path in paths:
        header, _, data = data.partition(b"\n")
        size = int(header.split()[2])
        yield path, data[:size].decode()
        data = data[size + 1 :]


def stamp(clone):
    commit, date = git(clone, "log", "-1", "--format=%H %cs").split()
    return f'commit = "{commit}"\ndate = "{date}"\n'


def rust(clone):
    locks = [ROOT / path for path in git(str(ROOT), "ls-files", "*Cargo.lock").split()]
    crates = {package["name"] for lock in locks for package in tomllib.loads(lock.read_text())["package"]}
    out = [HEAD, "# From rustsec/advisory-db (CC0-1.0).\n", stamp(clone)]
    for path, text in files(clone, "crates/", ".md"):
        if path.split("/")[1] not in crates:
            continue
        made = tomllib.loads(re.search(r"```toml\n(.*?)```", text, re.S).group(1))
        advisory, versions = made["advisory"], made.get("versions", {})
        if "withdrawn" in advisory:
            continue
        fields = {"id": advisory["id"], "package": advisory["package"], "date": advisory["date"]}
        fields["kind"] = advisory.get("informational", "vulnerability")
        fields |= {"patched": versions.get("patched", []), "unaffected": versions.get("unaffected", [])}
        out.append("\n[[advisory]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in fields.items()))
    (HERE / "rust.toml").write_text("".join(out))


def go(clone):
    modules = {"stdlib", "toolchain"}
    for path in git(str(ROOT), "ls-files", "*go.mod").split():
        modules |= set(re.findall(r"^(?:require )?\s*([\w./-]+\.[\w./-]+) v", (ROOT / path).read_text(), re.M))
    commit, date = git(clone, "log", "-1", "--format=%H %cs").split()
    lines = [json.dumps({"database": "golang/vulndb (CC-BY-4.0)", "commit": commit, "date": date})]
    for _, text in files(clone, "data/osv/", ".json"):
        entry = json.loads(text)
        affected = [part for part in entry.get("affected", []) if part["package"]["name"] in modules]
        if affected and "withdrawn" not in entry:
            kept = {key: entry[key] for key in ("schema_version", "id", "modified", "published")}
            lines.append(json.dumps(kept | {"affected": affected}, separators=(",", ":")))
    (HERE / "go.jsonl").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    rust(sys.argv[1])
    go(sys.argv[2])

#!/usr/bin/env python3
"""Proves each row of import-table.txt and prints the reason of each that breaks."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "scripts" / "import-table.txt"


def cargo(*arguments):
    command = ["cargo", *arguments, "--locked"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}")
    return done.stdout


def workspace():
    """Directory of each package of the workspace, by name."""
    packages = json.loads(cargo("metadata", "--no-deps", "--format-version", "1"))["packages"]
    return {p["name"]: Path(p["manifest_path"]).parent for p in packages}


def dependencies(package, *options):
    """Names of the packages that end up in `package`'s programs."""
    lines = cargo("tree", "--edges", "normal", "--prefix", "none", "--format", "{p}",
                  "--package", package, *options).splitlines()
    return {line.split()[0] for line in lines if line} - {package}


def source_uses(directory, path):
    """Where the package's own source names `path`, tests left out: in our files the
    test module is the last item."""
    for file in sorted((directory / "src").rglob("*.rs")):
        if "generated" in file.parts or "tests" in file.with_suffix("").parts:
            continue
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if line.startswith("#[cfg(test)]"):
                break
            if path in line and not line.lstrip().startswith("//"):
                yield f"{path} in {file.relative_to(ROOT)}:{number}"


def violations(package, directory, rule):
    """What `package` has that `rule`, the second column of the table, forbids."""
    if rule.startswith("only:"):
        return sorted(dependencies(package, "--depth", "1") - set(rule.split()[1:]))
    forbidden = rule.split()
    packages = {name for name in forbidden if "::" not in name}
    found = sorted(dependencies(package) & packages)
    for path in set(forbidden) - packages:
        found.extend(source_uses(directory, path))
    return found


def rows(packages):
    """Each row of the table with the packages that it speaks of."""
    for line in TABLE.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, rule, reason = (field.strip() for field in line.split("|"))
        yield name, (sorted(packages) if name == "*" else [name]), rule, reason


def main():
    packages = workspace()
    checked, broken = 0, 0
    for name, subjects, rule, reason in rows(packages):
        checked += 1
        for subject in subjects:
            if subject not in packages:
                sys.exit(f"{TABLE.name}: no package {subject} in the workspace")
            found = violations(subject, packages[subject], rule)
            if found:
                broken += 1
                print(f"{subject} must not have {', '.join(found)}: {reason}")
    print(f"import table: {checked} rows, {broken} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

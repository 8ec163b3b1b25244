#!/usr/bin/python3
"""The manual: its examples of rules are the files that are tried here, and
mandoc has nothing against its pages. Speaks TAP."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TREE = pathlib.Path(os.environ.get("top_srcdir", HERE.parent.parent))
PAGE = TREE / "shared" / "tools" / "gatepost-rules.5"
FILES = ("sample", "example-cleartext-off", "example-third-party",
         "example-webmail-only", "example-department", "example-printers",
         "example-trial")


def logical_lines(text):
    """What is written, whatever its blanks, comments and continuations."""
    found = []
    for line in text.splitlines():
        bare = re.sub(r"(^|\s)#.*", "", line)
        if not bare.strip():
            continue
        if line[0].isspace():
            found[-1] += bare.split()
        else:
            found.append(bare.split())
    return found


def literal_blocks(page):
    """The rules that the page shows, as a reader sees them."""
    for block in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", page,
                            re.MULTILINE | re.DOTALL):
        yield logical_lines(block.replace("\\&", "").replace("\\e", "\\"))


def stands_in(block, lines):
    """Whether the lines hold all of the block, in its order."""
    rest = iter(lines)
    return all(line in rest for line in block)


def examples():
    blocks = list(literal_blocks(PAGE.read_text("utf-8")))
    for name in FILES:
        lines = logical_lines((HERE / f"{name}.rules").read_text("utf-8"))
        # Its last line may only be there to be refused.
        shown = [block for block in blocks
                 if len(block) >= len(lines) - 1 and stands_in(block, lines)]
        yield f"{name} is in {PAGE.name}", len(shown) == 1


def pages():
    found = [page for folder in ("shared/tools", "postfix-policyd",
                                 "dovecot-plugin")
             for page in sorted((TREE / folder).glob("*.[1578]"))]
    for page in found:
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page],
                              capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            print(f"# {line}")
        yield f"mandoc on {page.name}", done.returncode == 0


def main():
    results = list(examples())
    if shutil.which("mandoc"):
        results += pages()
    for number, (name, right) in enumerate(results, 1):
        print(f"{'ok' if right else 'not ok'} {number} - {name}")
    count = len(results)
    if not shutil.which("mandoc"):
        count += 1
        print(f"ok {count} - pages # SKIP there is no mandoc")
    print(f"1..{count}")
    return 0 if all(right for _, right in results) else 1


if __name__ == "__main__":
    sys.exit(main())

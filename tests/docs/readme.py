#!/usr/bin/python3
"""Runs the tour of a README in the current folder and compares loosely.

    readme.py README.md     every `$ ` line of every console block, in one shell, in order

What a command prints must be what stands below it, but for numbers, times, names of backups, blanks
and line ends: these differ from run to run, from terminal to pipe. `diff` that prints something
ends with 1, everything else with 0.
"""

import re
import subprocess
import sys


def steps(text):
    """(command, expected output) in order."""
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.M | re.S):
        if not block.startswith("$ "):
            sys.exit("readme.py: a console block begins with output")
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def loosely(text):
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ(-\d+)?", "BACKUP", text)
    return re.sub(r"\d+(\.\d+)?", "N", text).split()


def main():
    wanted = list(steps(open(sys.argv[1], encoding="utf-8").read()))
    mark = "--- end of a step ---"
    # Typed by hand, no two backups are of the same second.
    script = "".join(f"{'sleep 1; ' * ('backup app.db' in command)}{command}\nstatus=$?; echo; echo '{mark}' $status\n" for command, _ in wanted)
    done = subprocess.run(["bash"], input=script, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    got = re.split(rf"^{mark} (\d+)\n", done.stdout, flags=re.M)
    failures = 0
    for i, (command, output) in enumerate(wanted):
        printed, status = (got[2 * i], got[2 * i + 1]) if 2 * i + 1 < len(got) else ("", "never run")
        fine = "1" if command.startswith("diff ") and output.startswith(tuple("0123456789")) else "0"
        if status != fine or loosely(printed) != loosely(output):
            failures += 1
            print(f"$ {command}\n(status {status})\n--- printed\n{printed}--- README\n{output}")
    print(f"{len(wanted)} commands, {failures} differ")
    sys.exit(failures > 0 or len(wanted) < 10)


main()

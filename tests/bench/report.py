"""What the bench prints: every figure, the goals and whether they are met, the machine."""

import datetime
import json
import os
import pathlib
import platform
import shutil
import statistics

from tools import TOP, output, program

# what, figure, unit, peer, goal: peer / ours is at least this, or without a peer ours at most this
GOALS = (
    ("first backup, wall time", "first_s", "s", "borg", 3),
    ("first backup, wall time", "first_s", "s", "restic", 3),
    ("first backup, bytes", "first_bytes", "MB", "restic", 1 / 1.1),
    ("a day's backup, wall time", "day_s", "s", "borg", 10),
    ("a day's backup, wall time", "day_s", "s", "restic", 10),
    ("a day's backup, bytes", "day_bytes", "MB", "borg", 35),
    ("a day's backup, bytes", "day_bytes", "MB", "restic", 35),
    ("a day's backup, bytes", "day_bytes", "MB", "borg-fixed", 5),
    ("all daily backups, times the first", "thirty_factor", "x", "", 2),
    ("cp out of the mount, cold", "cp_cold_s", "s", "restic", 3),
    ("cp out of the mount, cold", "cp_cold_s", "s", "borg", 1.5),
    ("4 KiB random reads, cold", "random_us", "us", "restic", 10),
    ("4 KiB random reads, cold", "random_us", "us", "squashfuse", 2),
    ("count(*) over an index, cold", "count_s", "s", "restic", 10),
    ("count(*) over an index, cold", "count_s", "s", "squashfuse", 3),
    ("opening any of many backups", "open_ms", "ms", "", 10),
    ("listing many backups", "list_ms", "ms", "", 100),
    ("rows.csv of the largest table, live, first", "csv_live_s", "s", "sqlite3", 2),
    ("rows.csv of the largest table, live, again", "csv_live_again_s", "s", "sqlite3", 2),
    ("rows.csv of the largest table, backup, cold", "csv_backup_s", "s", "sqlite3", 2),
    ("rows.csv of the largest table, backup, again", "csv_again_s", "s", "sqlite3", 2),
    ("one row by its key, backup, the first", "row_first_ms", "ms", "", 1),
    ("one row by its key, backup, cold", "row_cold_ms", "ms", "", 1),
    ("one row by its key, backup, again", "row_warm_ms", "ms", "", 1),
    ("one row by its key, live, cold", "row_live_cold_ms", "ms", "", 1),
    ("one row by its key, live, again", "row_live_warm_ms", "ms", "", 1),
    ("changes/summary of a day", "summary_s", "s", "reading both", 10),
    ("peak memory, backup", "backup_mib", "MiB", "", 64),
    ("peak memory, mount", "mount_mib", "MiB", "", 64),
    ("peak memory, mount, tables read", "tables_mount_mib", "MiB", "", 64),
    ("a writer refused by a backup, WAL", "writer_backup_refused", "times", "", 0),
)


def shown(value, unit):
    if value is None:
        return "-"
    if unit == "MB":
        return f"{value / 1e6:.2f} MB"
    return f"{value:.0f} {unit}" if value >= 1000 or unit == "times" else f"{value:.3g} {unit}"


def derive(bench):
    """Figures that follow from measured ones."""
    for figure, source in (("backup_mib", "backup_kib"), ("mount_mib", "mount_kib"),
                           ("tables_mount_mib", "tables_mount_kib")):
        measured = bench.figures.get(source, {})
        bench.figures[figure] = {name: [max(values) / 1024] for name, values in measured.items()}
    for name, values in bench.figures.get("thirty_bytes", {}).items():
        factor = values[0] / bench.median("first_bytes", name)
        bench.figures.setdefault("thirty_factor", {})[name] = [factor]
    for figure in bench.figures.values():  # for each figure, the better of squashfuse's settings
        both = [values for name, values in figure.items() if name.startswith("squashfuse-")]
        if both:
            figure["squashfuse"] = min(both, key=statistics.median)


def judge(bench):
    rows = []
    for what, figure, unit, peer, goal in GOALS:
        ours = bench.median(figure, "dbsnapfs")
        theirs = bench.median(figure, peer) if peer else None
        ratio = theirs / ours if theirs is not None and ours else None
        if peer:
            met = None if ratio is None else ratio >= goal
            wish = f"1/{goal:.3g} of {peer}'s" if goal >= 1 else f"at most {1 / goal:.3g} x {peer}'s"
        else:
            met = None if ours is None else ours <= goal
            wish = f"at most {shown(goal, unit)}"
        rows.append({"what": what, "goal": wish, "ours": shown(ours, unit),
                     "peer": shown(theirs, unit) if peer else "",
                     "ratio": f"{ratio:.3g}" if ratio else "",
                     "met": {None: "not measured", True: "yes", False: "NO"}[met]})
    return rows


def print_table(head, rows):
    rows = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    for row in [rows[0], ["-" * width for width in widths], *rows[1:]]:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
    print()


def describe_machine():
    info = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.split(":")[1].strip() for line in info if line.startswith("model name")]
    programs = (("sqlite3", "--version"), ("zstd", "--version"), ("restic", "version"),
                ("borg", "--version"), ("bup", "--version"), ("mksquashfs", "-version"),
                ("squashfuse_ll", "--help"), (program(), "--version"))
    versions = {os.path.basename(name): output(name, flag) if shutil.which(name) else "missing"
                for name, flag in programs}
    return {"cpu": models[0] if models else platform.machine(), "cores": os.cpu_count(),
            "kernel": platform.release(), "versions": versions}


UNITS = {"s": "s", "bytes": "MB", "us": "us", "ms": "ms", "mib": "MiB", "factor": "x",
         "refused": "times"}


def report(bench):
    derive(bench)
    machine = describe_machine()
    goals = judge(bench)
    print(f"\n{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}")
    for name, version in machine["versions"].items():
        print(f"{name}: {version}")
    print(f"database of {bench.size} MiB; medians of {bench.runs} runs; "
          f"a day touches {bench.shape.get('touched', '(not measured)')}\n")
    rows = []
    for figure, tools in bench.figures.items():
        unit = UNITS.get(figure.rsplit("_", 1)[1])
        for name, values in tools.items():
            if unit and name != "squashfuse":
                spread = (statistics.median(values), min(values), max(values))
                rows.append([figure, name, *(shown(value, unit) for value in spread)])
    print_table(["figure", "tool", "median", "least", "most"], rows)
    print_table(["", "goal", "dbsnapfs", "peer", "ratio", "met"], [row.values() for row in goals])
    for line in bench.notes:
        print(f"note: {line}")
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    results = {"when": now, "machine": machine, "size_mib": bench.size, "runs": bench.runs,
               "days": bench.days, "shape": bench.shape, "figures": bench.figures,
               "goals": goals, "notes": bench.notes}
    place = TOP / "build/bench/results.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")

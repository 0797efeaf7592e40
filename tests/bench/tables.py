"""Tables and rows as files: how fast they are, beside the sqlite3 shell and beside reading it all.

Works on a copy of the bench's database, in WAL mode. Each run adds a day and its backup, so that
what the repository remembers of a backup is not there yet when it is asked the first time. The
shell writes CSV from the live file and we from live/ with the file's pages in memory, then both
with nothing cached, where we read the backup, then both again.
"""

import json
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import time

import tools

ROWS = 1000000  # of the table that is listed
KEYS = 200      # rows that are looked at one by one
IDLE_S = 2      # so long without work, and what a daemon does in the background is done


def timed(action):
    start = time.monotonic()
    action()
    return time.monotonic() - start


def read_all(path):
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def largest_table(database):
    """By its pages, its indexes left out."""
    db = sqlite3.connect(database)
    name, = db.execute("""SELECT s.name FROM dbstat('main', 1) AS d JOIN sqlite_schema AS s USING (name)
        WHERE s.type = 'table' ORDER BY d.pgsize DESC LIMIT 1""").fetchone()
    db.close()
    return name


def worked_ticks(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1]
    return sum(int(field) for field in fields.split()[11:13])


def wait_until_idle(process):
    """Returns the seconds until the last work ended, as far as they can be told."""
    start = time.monotonic()
    done, since = worked_ticks(process), start
    while time.monotonic() - since < IDLE_S:
        time.sleep(0.1)
        now = worked_ticks(process)
        if now != done:
            done, since = now, time.monotonic()
    return since - start


class Peer:
    """A way of doing it that stands in the report beside ours."""

    def __init__(self, name):
        self.name = name


SHELL = Peer("sqlite3")
WHOLE = Peer("reading both")


class Tables:
    def __init__(self, bench, ours):
        self.bench, self.ours = bench, ours
        self.database = bench.scratch / "tables.db"
        self.tool = self.tool_for(self.database)
        shutil.copyfile(bench.base, self.database)
        db = sqlite3.connect(self.database)
        db.execute("PRAGMA journal_mode = WAL")
        db.close()
        tools.spend(self.tool.commands(), self.tool.env)
        self.table = largest_table(self.database)
        self.days = 0
        self.before = self.after = None

    def tool_for(self, database):
        tool = type(self.ours)(self.bench)
        tool.database = database
        return tool

    def note(self, figure, value, who=None):
        self.bench.note(figure, who or self.ours, value)

    def spend(self, *command):
        with open(os.devnull, "wb") as nowhere:
            return tools.spend([command], self.tool.env, stdout=nowhere)[0]

    def day(self):
        """A day's work and its backup, taken without a mount."""
        self.days += 1
        self.bench.shopdb("day", self.database, self.days)
        tools.spend(self.tool.commands(), self.tool.env)
        listed = subprocess.run([self.tool.program, "list", "--json", self.database],
                                stdout=subprocess.PIPE, check=True).stdout
        self.before, self.after = [entry["name"] for entry in json.loads(listed)][-2:]

    def shell(self):
        return self.spend("sqlite3", "-csv", "-header", self.database,
                          f'SELECT * FROM "{self.table}"')

    def csv(self):
        tools.warm(self.database)
        self.note("csv_live_s", self.shell(), SHELL)
        self.note("csv_live_again_s", self.shell(), SHELL)
        with tools.Mounted(self.tool) as mounted:
            tools.warm(self.database)
            path = mounted.mountpoint / "live/tables" / self.table / "rows.csv"
            self.note("csv_live_s", self.spend("cat", path))
            wait_until_idle(mounted.process)  # the newest backup is measured
            self.note("csv_live_again_s", self.spend("cat", path))
        tools.drop_caches()
        self.note("csv_backup_s", self.shell(), SHELL)
        self.note("csv_again_s", self.shell(), SHELL)
        with tools.Mounted(self.tool) as mounted:
            path = mounted.mountpoint / "backups/latest/tables" / self.table / "rows.csv"
            self.note("csv_backup_s", self.spend("cat", path))
            self.note("csv_again_s", self.spend("cat", path))
            self.note("tables_mount_kib", mounted.peak_kib())

    def keys(self):
        db = sqlite3.connect(self.database)
        most = db.execute(f'SELECT max(rowid) FROM "{self.table}"').fetchone()[0]
        keys = random.Random(self.days).sample(range(1, most), min(KEYS, most - 1))
        there = [key for key in keys if db.execute(
            f'SELECT 1 FROM "{self.table}" WHERE rowid = ?', (key,)).fetchone()]
        db.close()
        return there

    def rows(self):
        keys = self.keys()
        for place, figure in (("backups/latest", "row"), ("live", "row_live")):
            with tools.Mounted(self.tool) as mounted:
                folder = mounted.mountpoint / place / "tables" / self.table / "rows"

                def spent(folder=folder):
                    return [timed(lambda key=key: read_all(folder / str(key) / "row.json")) * 1e3
                            for key in keys]

                first, *others = spent()
                self.note(f"{figure}_first_ms", first)
                self.note(f"{figure}_cold_ms", sum(others) / len(others))
                again = spent()
                self.note(f"{figure}_warm_ms", sum(again) / len(again))

    def sizes(self):
        """ls -l of the largest table's directory: at once, again, and when what is done in the
        background is done."""
        with tools.Mounted(self.tool) as mounted:
            def spend(place):
                return self.spend("ls", "-l", mounted.mountpoint / place / "tables" / self.table)

            self.note("ls_live_first_s", spend("live"))
            self.note("ls_live_again_s", spend("live"))
            self.note("ls_backup_first_s", spend("backups/latest"))
            self.note("ls_backup_again_s", spend("backups/latest"))
            self.note("ls_background_s", wait_until_idle(mounted.process))
        with tools.Mounted(self.tool) as mounted:
            self.note("ls_backup_later_s", spend("backups/latest"))

    def changes(self):
        def cat(*paths):
            return sum(self.spend(self.tool.program, "cat", self.database, path) for path in paths)

        tools.drop_caches()
        self.note("summary_s", cat(f"backups/{self.after}/changes/summary"))
        self.note("summary_again_s", cat(f"backups/{self.after}/changes/summary"))
        tools.drop_caches()
        self.note("summary_s", cat(f"backups/{self.before}/database.sqlite",
                                   f"backups/{self.after}/database.sqlite"), WHOLE)

    def diff(self):
        """Of all tables' rows.csv: what differs is said, so diff ends with 1."""
        with tools.Mounted(self.tool) as mounted:
            folders = [mounted.mountpoint / "backups" / name / "tables"
                       for name in (self.before, self.after)]
            self.note("diff_s", self.spend(
                "sh", "-c", "diff -r --no-dereference -x rows -x by -x '*.ndjson' -x '*.sql' "
                '"$0" "$1"; test $? = 1', *folders))

    def listing(self):
        many = self.tool_for(self.bench.scratch / "many-rows.db")
        if not many.database.exists():
            db = sqlite3.connect(many.database)
            db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
            db.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?) "
                       "INSERT INTO t SELECT i, i * 7 FROM n", (ROWS,))
            db.commit()
            db.close()
            tools.spend(many.commands(), many.env)
        for place, figure in (("backups/latest", "list_rows_s"), ("live", "list_rows_live_s")):
            with tools.Mounted(many) as mounted:
                start = time.monotonic()
                count = sum(1 for _ in os.scandir(mounted.mountpoint / place / "tables/t/rows"))
                self.note(figure, time.monotonic() - start)
                if count != ROWS:
                    raise tools.Failed(f"{count} rows listed where {ROWS} are")
                self.note("tables_mount_kib", mounted.peak_kib())


def measure(bench, ours):
    tables = Tables(bench, ours)
    bench.notes.append(f"tables: the largest table is {tables.table}")
    for run in range(bench.runs):
        print(f"tables and rows, run {run + 1}", file=sys.stderr, flush=True)
        tables.day()
        for part in (tables.changes, tables.sizes, tables.csv, tables.rows, tables.diff,
                     tables.listing):
            part()

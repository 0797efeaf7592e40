"""Tables and rows as files: how fast they are, beside the sqlite3 shell and beside reading it all."""

import os
import random
import shutil
import sqlite3
import sys
import time

import tools

ROWS = 1000000  # of the table that is listed
KEYS = 200      # rows that are looked at one by one


def timed(action):
    start = time.monotonic()
    result = action()
    return time.monotonic() - start, result


def read_all(path):
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def largest_table(database):
    sql = """SELECT name FROM dbstat WHERE aggregate AND name IN
             (SELECT name FROM sqlite_schema WHERE type = 'table') ORDER BY pgsize DESC LIMIT 1"""
    return tools.output("sqlite3", database, sql)


class Named:
    """A way of doing it that stands in the report beside ours."""

    def __init__(self, name):
        self.name = name


class Tables:
    """Works on a copy of the bench's database, with a backup of it and one of the day after."""

    def __init__(self, bench, ours):
        self.bench, self.ours = bench, ours
        self.database = bench.scratch / "tables.db"
        self.tool = type(ours)(bench)
        self.tool.database = self.database
        shutil.copyfile(bench.base, self.database)
        db = sqlite3.connect(self.database)
        db.execute("PRAGMA journal_mode = WAL")
        db.close()
        self.take()
        bench.shopdb("day", self.database, 1)
        self.take()
        self.table = largest_table(self.database)
        self.before, self.after = self.backups()

    def take(self):
        tools.spend(self.tool.commands(), self.tool.env)

    def backups(self):
        with tools.Mounted(self.tool) as mounted:
            names = sorted(os.listdir(mounted.mountpoint / "backups"))
        return [name for name in names if name != "latest"][-2:]

    def note(self, figure, value, name=None):
        self.bench.note(figure, Named(name) if name else self.ours, value)

    def shell(self, figure):
        command = ["sqlite3", "-csv", "-header", self.database, f'SELECT * FROM "{self.table}"']
        with open(os.devnull, "wb") as nowhere:
            self.note(figure, tools.spend([command], self.tool.env, stdout=nowhere)[0], "sqlite3")

    def csv(self):
        tools.warm(self.database)
        self.shell("csv_live_s")
        tools.drop_caches()
        self.shell("csv_backup_s")
        with tools.Mounted(self.tool) as mounted:
            top = mounted.mountpoint
            tools.warm(self.database)
            path = top / "live/tables" / self.table / "rows.csv"
            self.note("csv_live_s", timed(lambda: read_all(path))[0])
        with tools.Mounted(self.tool) as mounted:
            path = mounted.mountpoint / "backups/latest/tables" / self.table / "rows.csv"
            self.note("csv_backup_s", timed(lambda: read_all(path))[0])
            self.note("csv_again_s", timed(lambda: read_all(path))[0])
            self.note("tables_mount_kib", mounted.peak_kib())

    def rows(self):
        db = sqlite3.connect(self.database)
        most = db.execute(f'SELECT max(rowid) FROM "{self.table}"').fetchone()[0]
        keys = random.Random(1).sample(range(1, most), KEYS)
        there = [key for key in keys if db.execute(
            f'SELECT 1 FROM "{self.table}" WHERE rowid = ?', (key,)).fetchone()]
        db.close()
        with tools.Mounted(self.tool) as mounted:
            for place, figure in (("backups/latest", "row"), ("live", "row_live")):
                folder = mounted.mountpoint / place / "tables" / self.table / "rows"
                spent = [timed(lambda key=key: read_all(folder / str(key) / "row.json"))[0] * 1e3
                         for key in there]
                self.note(f"{figure}_first_ms", spent[0])
                self.note(f"{figure}_cold_ms", sum(spent[1:]) / len(spent[1:]))
                again = [timed(lambda key=key: read_all(folder / str(key) / "row.json"))[0] * 1e3
                         for key in there]
                self.note(f"{figure}_warm_ms", sum(again) / len(again))

    def sizes(self):
        """ls -l of the largest table's directory, before anything is known and again."""
        with tools.Mounted(self.tool) as mounted:
            for place, figure in (("backups/latest", "ls"), ("live", "ls_live")):
                command = ["ls", "-l", mounted.mountpoint / place / "tables" / self.table]
                self.note(f"{figure}_first_s", tools.spend([command], self.tool.env)[0])
                self.note(f"{figure}_again_s", tools.spend([command], self.tool.env)[0])

    def changes(self):
        def cat(*paths):
            for path in paths:
                command = [self.tool.program, "cat", self.database, path]
                with open(os.devnull, "wb") as nowhere:
                    tools.spend([command], self.tool.env, stdout=nowhere)

        tools.drop_caches()
        self.note("summary_s", timed(lambda: cat("backups/latest/changes/summary"))[0])
        tools.drop_caches()
        whole = (f"backups/{self.before}/database.sqlite", f"backups/{self.after}/database.sqlite")
        self.note("summary_s", timed(lambda: cat(*whole))[0], "reading both")

    def diff(self):
        with tools.Mounted(self.tool) as mounted:
            folders = [mounted.mountpoint / "backups" / name / "tables"
                       for name in (self.before, self.after)]
            command = ["sh", "-c", 'diff -r -x rows -x by "$0" "$1" >/dev/null; test $? = 1',
                       *folders]
            self.note("diff_s", tools.spend([command], self.tool.env)[0])

    def listing(self):
        many = type(self.ours)(self.bench)
        many.database = self.bench.scratch / "many-rows.db"
        if not many.database.exists():
            db = sqlite3.connect(many.database)
            db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
            db.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?) "
                       "INSERT INTO t SELECT i, i * 7 FROM n", (ROWS,))
            db.commit()
            db.close()
            tools.spend(many.commands(), many.env)
        with tools.Mounted(many) as mounted:
            for place, figure in (("backups/latest", "list_rows_s"), ("live", "list_rows_live_s")):
                folder = mounted.mountpoint / place / "tables/t/rows"
                seconds, count = timed(lambda path=folder: sum(1 for _ in os.scandir(path)))
                if count != ROWS:
                    raise tools.Failed(f"{count} rows listed where {ROWS} are")
                self.note(figure, seconds)


def measure(bench, ours):
    tables = Tables(bench, ours)
    bench.notes.append(f"the largest table is {tables.table}")
    for run in range(bench.runs):
        print(f"tables and rows, run {run + 1}", file=sys.stderr, flush=True)
        for part in (tables.csv, tables.rows, tables.sizes, tables.changes, tables.diff,
                     tables.listing):
            part()

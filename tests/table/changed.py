#!/usr/bin/python3
"""Checks a backup's changes/ against the two databases that it tells apart.

    changed.py BEFORE.db AFTER.db DIRECTORY-OF-changes/

Finds out by itself what changed, row by row. There must be a TABLE.csv with just that and a
TABLE.sql for each table that is not as before, and for no other; all TABLE.sql together, run by
sqlite3 on a copy of BEFORE.db in two orders, must give AFTER.db. Says what is wrong, and ends with 1 if anything
is.
"""
import collections
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

FIELD = re.compile(rb'("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)', re.S)


def parse_csv(raw):
    """Records of (kind, value), typed by their quoting."""
    record, at = [], 0
    while at < len(raw):
        match = FIELD.match(raw, at)
        if not match:
            raise ValueError(f'no CSV at byte {at}: {raw[at:at + 40]}')
        text, end = match.groups()
        if text.startswith(b'"'):
            record.append(('text', text[1:-1].replace(b'""', b'"')))
        elif text.startswith(b"x'"):
            record.append(('blob', bytes.fromhex(text[2:-1].decode())))
        elif text == b'':
            record.append(('null', None))
        elif re.fullmatch(rb'-?[0-9]+', text):
            record.append(('integer', int(text)))
        else:
            try:
                record.append(('real', repr(float(text))))
            except ValueError:
                record.append(('bare', text))
        at = match.end()
        if end == b'\r\n':
            yield tuple(record)
            record = []


def file_name(table):
    out = ''.join(f'%{ord(c):02X}' if c in '/%' or ord(c) < 32 else c for c in table)
    return '%2E' + out[1:] if out.startswith('.') else out


class State:
    def __init__(self, path):
        self.db = sqlite3.connect(f'file:{path}?mode=ro', uri=True)
        self.db.text_factory = bytes
        self.sql = collections.defaultdict(list)
        self.nameless = set()
        for name, sql in self.db.execute(
                "SELECT tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name"):
            self.sql[name.decode()].append(sql)

    def tables(self):
        """Plain tables: what others are made of shows in the tables that keep it."""
        return [row[0].decode() for row in self.db.execute(
            """SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'
               AND name NOT LIKE 'sqlite!_%' ESCAPE '!'""")]

    def kept(self):
        """What SQLite keeps about tables: sequences, statistics."""
        return {name: collections.Counter(self.db.execute(f'SELECT * FROM {name.decode()}'))
                for name, in self.db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'"
                                             " AND name IN ('sqlite_sequence', 'sqlite_stat1')")
                if self.db.execute(f'SELECT count(*) FROM {name.decode()}').fetchone()[0]}

    def columns(self, table):
        return [(row[1], row[5]) for row in
                self.db.execute('SELECT * FROM pragma_table_xinfo(?)', (table,)) if row[6] != 1]

    def rows(self, table):
        """Key to row, both with the kinds of their values. A key with a NULL is no key: the rowid is."""
        columns = self.columns(table)
        key = [i for _, i in sorted((place, i) for i, (_, place) in enumerate(columns) if place)]
        taken = {name.lower() for name, _ in columns}
        rowid = [name for name in ('rowid', 'oid', '_rowid_') if name.encode() not in taken]
        # The view's names are ours, for names that are not UTF-8 trouble Python.
        names = [f'c{i}' for i in range(len(columns))]
        quoted = 'main."' + table.replace('"', '""') + '"'
        self.db.execute('DROP VIEW IF EXISTS temp.seen')
        self.db.execute(f'CREATE TEMP VIEW seen ({", ".join(names)}) AS SELECT * FROM {quoted} NOT INDEXED')
        # A result has no more than 2,000 columns: of a table that has so many, kinds are guessed,
        # and rowids are asked for by themselves.
        if len(names) > 900:
            kinds = {type(None): 'null', int: 'integer', float: 'real', bytes: 'text'}
            rows = [tuple((kinds[type(v)], repr(v) if isinstance(v, float) else v) for v in got)
                    for got in self.db.execute('SELECT * FROM seen')]
        else:
            kinds = ', '.join(f'typeof({name})' for name in names)
            rows = [tuple((k.decode(), repr(v) if k == b'real' else v)
                          for k, v in zip(got, got[len(names):]))
                    for got in self.db.execute(f'SELECT {kinds}, * FROM seen')]
        places = rows
        if key:
            places = [tuple(row[i] for i in key) for row in rows]
        if rowid and (not key or any(('null', None) in place for place in places)):
            rowids = [row[0] for row in self.db.execute(f'SELECT {rowid[0]} FROM {quoted} NOT INDEXED')]
            places = [number if not key or ('null', None) in place else place
                      for place, number in zip(places, rowids)]
        if not rowid and (not key or any(('null', None) in place for place in places)):
            # Nothing tells two of these apart but where they lie.
            self.nameless.add(table)
            places = list(enumerate(places))
        out = dict(zip(places, rows))
        return [name for name, _ in columns], [columns[i][0] for i in key], out


class Check:
    def __init__(self, before, after, changes):
        self.before, self.after, self.changes = State(before), State(after), changes
        self.paths = before, after
        self.bad = 0

    def wrong(self, *words):
        print(*words)
        self.bad += 1

    def read(self, name):
        with open(os.path.join(self.changes, name), 'rb') as file:
            return file.read()

    @staticmethod
    def named(names, row):
        """The row's values by their columns; a column that is not there is as if it was NULL."""
        return {name.lower(): value for name, value in zip(names, row) if value[0] != 'null'}

    @staticmethod
    def name(place, key):
        """The row's name below rows/, where nothing needs to be escaped, else None."""
        if isinstance(place, int):
            return f'%~rowid~{place}' if key else str(place)
        if not key or isinstance(place[0], int):
            return None
        parts = [str(value) if kind == 'integer' else value.decode()
                 for kind, value in place
                 if kind == 'integer' or (kind == 'text' and re.fullmatch(rb'[A-Za-z]+', value))]
        return ','.join(parts) if len(parts) == len(place) else None

    def expected(self, table):
        """Column names of both, the changes with their rows' names, and whether the table is made
        otherwise."""
        sides = [side.rows(table) if table in side.tables() else ([], [], {})
                 for side in (self.before, self.after)]
        (old_names, old_key, old), (new_names, new_key, new) = sides
        nothing_old, nothing_new = ((('null', None),) * len(n) for n in (old_names, new_names))
        same_key = old_key == new_key
        out = collections.Counter()
        self.names = {}

        def add(place, *record):
            key_then = old_key if record[0][1] == b'delete' else new_key
            out[record] += 1
            self.names.setdefault(record, set()).add(self.name(place, key_then))

        for key, row in old.items():
            now = new.get(key) if same_key else None
            if now is None:
                add(key, ('text', b'delete'), *row, *nothing_new)
            elif self.named(old_names, row) != self.named(new_names, now):
                add(key, ('text', b'update'), *row, *now)
        for key, row in new.items():
            if not same_key or key not in old:
                add(key, ('text', b'insert'), *nothing_old, *row)
        return old_names, new_names, out, self.before.sql[table] != self.after.sql[table]

    def table(self, table):
        """Whether it changed."""
        old_names, new_names, want, other_sql = self.expected(table)
        csv = file_name(table) + '.csv'
        there = os.path.exists(os.path.join(self.changes, csv))
        if not want and not other_sql:
            if there:
                self.wrong(csv, 'is there though nothing changed')
            return False
        if not there:
            self.wrong(csv, 'is missing')
            return True
        records = list(parse_csv(self.read(csv)))
        header = [b'op', b'key', *(b'before.' + n for n in old_names), *(b'after.' + n for n in new_names)]
        if [value for _, value in records[0]] != header:
            self.wrong(csv, 'has the header', records[0], 'and not', header)
        if any(kind != 'text' for kind, _ in records[0]):
            self.wrong(csv, 'has a header that is not quoted')
        got = collections.Counter((record[0], *record[2:]) for record in records[1:])
        if table in self.before.nameless | self.after.nameless:
            self.nameless(table, csv, got)
            return True
        for record in (got - want):
            self.wrong(csv, 'has', record)
        for record in (want - got):
            self.wrong(csv, 'lacks', record)
        self.keys(table, csv, records[1:])
        counts = [sum(n for record, n in want.items() if record[0][1] == op)
                  for op in (b'insert', b'update', b'delete')]
        self.summary(table, counts)
        return True

    def nameless(self, table, csv, got):
        """Rows that nothing names: what changed can be told in many ways, of which each is right."""
        sides = [side.rows(table) if table in side.tables() else ([], [], {})
                 for side in (self.before, self.after)]
        count = len(sides[0][0])
        rows = collections.Counter(sides[0][2].values())
        for record, times in got.items():
            if record[0][1] != b'insert':
                rows[record[1:count + 1]] -= times
            if record[0][1] != b'delete':
                rows[record[count + 1:]] += times
        if +rows != collections.Counter(sides[1][2].values()) or min(rows.values(), default=0) < 0:
            self.wrong(csv, 'does not lead from the earlier rows to the later ones')
        self.summary(table, [sum(n for record, n in got.items() if record[0][1] == op)
                             for op in (b'insert', b'update', b'delete')])

    def keys(self, table, csv, records):
        """Each row's name, and that the row is there, if tables/ is beside changes/."""
        folder = os.path.join(self.changes, '..', 'tables', file_name(table), 'rows')
        for op, (kind, key), *rest in records:
            names = self.names.get((op, *rest), {None})
            if kind == 'null' and names == {None}:
                continue
            if kind != 'text' or (None not in names and key.decode() not in names):
                self.wrong(csv, 'calls a row', key, 'and not', names)
            elif op[1] != b'delete' and os.path.isdir(folder) and \
                    not os.path.isdir(os.path.join(os.fsencode(folder), key)):
                self.wrong(csv, 'calls a row', key, 'which is not there')

    def summary(self, table, counts):
        """A line has the three numbers, in this order, and then the table's file name."""
        wanted = [*map(str, counts), *file_name(table).split()]
        for line in self.read('summary').decode('utf-8', 'replace').splitlines():
            if line.split()[:len(wanted)] == wanted:
                return
        self.wrong('summary says nothing of', table, counts)

    def patch(self, tables, backwards):
        with tempfile.TemporaryDirectory(dir='.') as folder:
            path = os.path.join(folder, 'patched.db')
            shutil.copyfile(self.paths[0], path)
            for name in sorted(os.listdir(self.changes), reverse=backwards):
                if name.endswith('.sql'):
                    done = subprocess.run(['sqlite3', '-bail', path], input=self.read(name),
                                          capture_output=True, check=False)
                    if done.returncode or done.stderr:
                        self.wrong(name, 'fails:', done.stderr.decode('utf-8', 'replace'))
            patched = State(path)
            if set(patched.tables()) != set(self.after.tables()):
                self.wrong('patched, there are', sorted(patched.tables()))
                return
            for table in tables:
                if table not in self.after.tables():
                    continue
                if patched.rows(table) != self.after.rows(table):
                    self.wrong('patched, rows differ in', table)
                if patched.sql[table] != self.after.sql[table]:
                    self.wrong('patched, is made otherwise:', table, patched.sql[table])
            if patched.kept() != self.after.kept():
                self.wrong('patched, SQLite keeps', patched.kept(), 'and not', self.after.kept())

    def run(self):
        tables = sorted(set(self.before.tables()) | set(self.after.tables()))
        changed = [table for table in tables if self.table(table)]
        for table in changed:
            if not os.path.exists(os.path.join(self.changes, file_name(table) + '.sql')):
                self.wrong(file_name(table) + '.sql is missing')
        known = {file_name(table) + end for table in changed for end in ('.csv', '.sql')}
        known |= {'summary'}
        for name in os.listdir(self.changes):
            if name not in known and file_name(name.rsplit('.', 1)[0]) in map(file_name, tables):
                self.wrong(name, 'is there though nothing changed')
        for backwards in (False, True):
            self.patch(tables, backwards)
        print('changed:', *changed)


def main():
    check = Check(*sys.argv[1:])
    check.run()
    sys.exit(1 if check.bad else 0)


if __name__ == '__main__':
    main()

#!/usr/bin/python3
"""Reads a mount's tables back and compares them with the database; shares no code with its writer.

    readers.py DATABASE DIRECTORY-OF-tables/ [TABLE...]
        Every table's rows.csv (by a parser of our own that knows kinds by their quoting, and by
        Python's csv), rows.ndjson (json), rows.sql (the sqlite3 shell, into an empty table of the
        same schema), count, columns.json and schema.sql.
    readers.py --dump DATABASE FILE.sql
        What the sqlite3 shell makes of a dump: settings, schema and every table's rows.

Says what is wrong, and ends with 1 if anything is. TEXT is compared as SQLite gives it in UTF-8.
"""
import base64
import csv
import io
import json
import os
import re
import sqlite3
import struct
import sys
import tempfile

sys.dont_write_bytecode = True  # before the module beside this file is read
import source  # pylint: disable=wrong-import-position

FIELD = re.compile(rb'("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)', re.S)
REAL = re.compile(rb'-?[0-9]+\.[0-9]+(e[+-][0-9]+)?|-?[0-9]+e[+-][0-9]+|-?inf')
INTEGER = re.compile(rb'0|-?[1-9][0-9]*')
MOST_SAID = 20


# ---- CSV ----


def csv_value(text):
    """A field's kind and value; the kinds are those of SQLite's typeof()."""
    if text.startswith(b'"'):
        return 'text', text[1:-1].replace(b'""', b'"')
    if text == b'':
        return 'null', None
    if re.fullmatch(rb"x'([0-9a-f]{2})*'", text, re.I):
        return 'blob', bytes.fromhex(text[2:-1].decode())
    if INTEGER.fullmatch(text):
        return 'integer', int(text)
    if REAL.fullmatch(text):
        return 'real', struct.pack('>d', float(text))
    raise ValueError(f'no value of CSV: {text[:60]}')


def read_csv(raw):
    """The records, each a list of (kind, value)."""
    records, record, at = [], [], 0
    while at < len(raw):
        match = FIELD.match(raw, at)
        if not match:
            raise ValueError(f'no CSV at byte {at}: {raw[at:at + 60]}')
        text, end = match.groups()
        record.append(csv_value(text))
        at = match.end()
        if end == b'\r\n':
            records.append(record)
            record = []
    if record:
        raise ValueError('the last record does not end')
    return records


def read_csv_by_module(raw):
    """The fields as Python's csv finds them, all strings."""
    lines = io.StringIO(raw.decode('latin-1'), newline='')
    return [fields or [''] for fields in csv.reader(lines, strict=True)]


def same_fields(record, fields):
    """Do both readers of CSV see the same? For kinds that are not TEXT, the csv module's string is
    the number's or BLOB's text, which csv_value() has read."""
    return len(record) == len(fields) and all(
        (value == field.encode('latin-1')) if kind == 'text'
        else (kind, value) == csv_value(field.encode('latin-1'))
        for (kind, value), field in zip(record, fields))


# ---- NDJSON ----


def json_value(value):
    if value is None:
        return 'null', None
    if isinstance(value, bool):
        raise ValueError('true and false are no values of SQLite')
    if isinstance(value, int):
        return 'integer', value
    if isinstance(value, float):
        return 'real', struct.pack('>d', value)
    if isinstance(value, str):
        return 'text', value.encode()
    ((kind, text),) = value
    if kind == 'base64':
        return 'blob', base64.b64decode(text, validate=True)
    if kind == 'real' and text in ('inf', '-inf'):
        return 'real', struct.pack('>d', float(text))
    if kind == 'text':
        raw = base64.b64decode(text, validate=True)
        if source.is_utf8(raw):
            raise ValueError(f'{raw[:60]} is UTF-8 and written in base64')
        return 'text', raw
    raise ValueError(f'no value of NDJSON: {value}')


def no_constant(text):
    raise ValueError(f'{text} is not JSON')


def read_ndjson(raw):
    """The rows, each a list of (name, (kind, value)): an object may have a name twice."""
    if raw and not raw.endswith(b'\n'):
        raise ValueError('the last line does not end')
    rows = []
    for line in raw.split(b'\n')[:-1]:
        pairs = json.loads(line.decode(), object_pairs_hook=list, parse_constant=no_constant)
        if not isinstance(pairs, list):
            raise ValueError(f'no object: {line[:60]}')
        rows.append([(name, json_value(value)) for name, value in pairs])
    return rows


# ---- a table's directory ----


class Check:
    def __init__(self, database):
        self.path = database
        self.db = source.Database(database)
        self.bad = 0

    def wrong(self, *words):
        self.bad += 1
        if self.bad <= MOST_SAID:
            print(*words)

    def differ(self, what, got, want):
        """Says where two lists of rows are apart."""
        if len(got) != len(want):
            self.wrong(what, 'has', len(got), 'rows and not', len(want))
        for i, (one, other) in enumerate(zip(got, want)):
            if one != other:
                pair = next(((a, b) for a, b in zip(one, other) if a != b), (one, other))
                self.wrong(f'{what}: row {i} has', *(repr(each)[:160] for each in pair))
                break

    def attempt(self, what, action, *arguments):
        try:
            action(*arguments)
        except (OSError, ValueError, LookupError, TypeError, csv.Error, sqlite3.Error) as problem:
            self.wrong(f'{what}: {type(problem).__name__}: {problem}')


class Tables(Check):
    def __init__(self, database, folder):
        super().__init__(database)
        self.top = folder
        self.made = {table.name: table for table in self.db.tables()}

    def run(self, names):
        shown = [table for table in self.made.values() if table.shown]
        if names:
            shown = [self.made[os.fsencode(name)] for name in names]
        if not shown:
            self.wrong(self.top, 'there is no table to read')
        rows = 0
        for table in shown:
            folder = self.folder_of(table)
            if folder is None:
                self.wrong(self.top, 'has no', table.name)
            elif table.broken:
                self.attempt(folder, self.refuses, folder)
            else:
                rows += self.table(folder, table)
        if not names:
            listed = len(os.listdir(self.top))
            if listed != len(shown):
                self.wrong(self.top, 'lists', listed, 'tables and not', len(shown))
        print(f'{self.top}: {len(shown)} tables, {rows} rows')

    def folder_of(self, table):
        """A name that was cut ends in a hash, so there schema.sql must say which table it is."""
        name = source.file_name(table.name)
        if name is not None:
            path = os.path.join(self.top, name)
            return path if os.path.isdir(path) else None
        begins = source.file_name(table.name[:100])
        for name in os.listdir(self.top):
            path = os.path.join(self.top, name)
            if name.startswith(begins) and '%~' in name and source.read(
                    path, 'schema.sql').startswith(table.sql):
                return path
        return None

    def refuses(self, folder):
        """What SQLite cannot read shows its SQL and an error."""
        if not source.read(folder, 'schema.sql'):
            self.wrong(folder, 'does not say how it is made')
        try:
            source.read(folder, 'rows.csv')
        except OSError:
            return
        self.wrong(folder, 'can be read, and SQLite cannot')

    def table(self, folder, table):
        rows = self.db.rows(table)
        self.attempt(folder + '/count', self.count, folder, rows)
        self.attempt(folder + '/schema.sql', self.schema, folder, table)
        self.attempt(folder + '/columns.json', self.columns, folder, table)
        self.attempt(folder + '/rows.csv', self.csv, folder, table, rows)
        self.attempt(folder + '/rows.ndjson', self.ndjson, folder, table, rows)
        if table.takes_rows:
            self.attempt(folder + '/rows.sql', self.sql, folder, table, rows)
        return len(rows)

    def count(self, folder, rows):
        raw = source.read(folder, 'count')
        if raw != b'%d\n' % len(rows):
            self.wrong(folder, 'count is', raw, 'and not', len(rows))

    def schema(self, folder, table):
        raw, at = source.read(folder, 'schema.sql'), 0
        for sql in [table.sql, *table.parts]:
            at = raw.find(sql, at)
            if at < 0:
                self.wrong(folder, 'schema.sql lacks', sql[:100])
                return
            at += len(sql)

    def columns(self, folder, table):
        got = json.loads(source.read(folder, 'columns.json').decode())
        for one, other in zip(got, table.columns):
            self.column(f'{folder}/columns.json: {one.get("name")}', one, other)
        if len(got) != len(table.columns):
            self.wrong(folder, 'has', len(got), 'columns and not', len(table.columns))

    def column(self, what, got, want):
        default = None if want.default is None else source.json_name(want.default)
        for field, value in (('name', source.json_name(want.name)),
                             ('type', source.json_name(want.type)), ('default', default),
                             ('not_null', want.not_null)):
            if got[field] != value:
                self.wrong(what, 'has', field, repr(got[field]), 'and not', repr(value))
        if (got.get('primary_key') or 0) != want.key_place:
            self.wrong(what, 'is number', got.get('primary_key'), 'of the key, not', want.key_place)
        generated = want.generated or None
        if (got.get('generated') or None) != generated:
            self.wrong(what, 'has generated', got.get('generated'), 'and not', generated)
        named = sorted(each['table'] for each in got.get('references') or ())
        if named != sorted(source.json_name(parent) for parent in want.references):
            self.wrong(what, 'refers to', named, 'and not', want.references)

    def csv(self, folder, table, rows):
        raw = source.read(folder, 'rows.csv')
        header, *records = read_csv(raw)
        names = [('text', column.name) for column in table.columns]
        if header != names:
            self.wrong(folder, 'rows.csv has the header', header[:20])
        self.differ(folder + '/rows.csv', source.ordered(table, records),
                    source.ordered(table, rows))
        by_module = read_csv_by_module(raw)
        if len(by_module) != len(records) + 1:
            self.wrong(folder, 'csv finds', len(by_module), 'records and not', len(records) + 1)
        for record, fields in zip([header, *records], by_module):
            if not same_fields(record, fields):
                self.wrong(folder, 'csv finds', fields[:20], 'and not', record[:20])
                break

    def ndjson(self, folder, table, rows):
        got = read_ndjson(source.read(folder, 'rows.ndjson'))
        names = [source.json_name(column.name) for column in table.columns]
        for row in got:
            if [name for name, _ in row] != names:
                self.wrong(folder, 'rows.ndjson has names', [name for name, _ in row][:20])
                break
        self.differ(folder + '/rows.ndjson',
                    source.ordered(table, [[value for _, value in row] for row in got]),
                    source.ordered(table, rows))

    def sql(self, folder, table, rows):
        """Into a table of the same schema, without triggers: those work on what they are told."""
        with tempfile.TemporaryDirectory(dir='.') as scratch:
            path = os.path.join(scratch, 'restored.db')
            before = [b'PRAGMA encoding = "%s"' % self.db.pragma('encoding'), table.sql,
                      *table.parts_of('index')]
            source.shell(path, b''.join(sql + b'\n;\n' for sql in before))
            source.shell(path, source.read(folder, 'rows.sql'))
            restored = source.Database(path)
            found = next(each for each in restored.tables() if each.name == table.name)
            self.differ(folder + '/rows.sql', source.ordered(table, restored.rows(found)),
                        source.ordered(table, rows))
            self.differ(folder + '/rows.sql, rowids,', restored.rowids(found), self.db.rowids(table))


# ---- a dump ----


class Dump(Check):
    SETTINGS = ('encoding', 'page_size', 'auto_vacuum', 'user_version', 'application_id')

    def __init__(self, database, dump):
        super().__init__(database)
        self.dump = dump

    def run(self):
        with tempfile.TemporaryDirectory(dir='.') as scratch:
            path = os.path.join(scratch, 'new.db')
            with open(self.dump, 'rb') as file:
                source.shell(path, file)
            self.compare(source.Database(path))

    def compare(self, made):
        for name in self.SETTINGS:
            if made.pragma(name) != self.db.pragma(name):
                self.wrong(self.dump, name, 'becomes', made.pragma(name), 'from', self.db.pragma(name))
        if made.pragma('integrity_check') != self.db.pragma('integrity_check'):
            self.wrong(self.dump, 'integrity_check:', made.pragma('integrity_check'))
        self.differ(f'{self.dump}: schema,', made.schema(), self.db.schema())
        theirs = {table.name: table for table in made.tables()}
        rows = 0
        for table in self.db.tables():
            other = theirs.get(table.name)
            if other is None:
                self.wrong(self.dump, 'has no table', table.name)
            elif bool(table.broken) != bool(other.broken):
                self.wrong(self.dump, table.name, 'becomes broken:', other.broken)
            elif not table.broken:
                rows += self.rows(table, other, made)
        print(f'{self.dump}: {len(theirs)} tables, {rows} rows')

    def rows(self, table, other, made):
        want = self.db.rows(table)
        what = f'{self.dump}: {table.name},'
        self.differ(what, source.ordered(table, made.rows(other)), source.ordered(table, want))
        if table.name != b'sqlite_sequence':
            self.differ(what + ' rowids,', made.rowids(other), self.db.rowids(table))
        return len(want)


def main():
    csv.field_size_limit(1 << 31)
    if sys.argv[1] == '--dump':
        check = Dump(*sys.argv[2:])
        check.run()
    else:
        check = Tables(*sys.argv[1:3])
        check.run(sys.argv[3:])
    if check.bad > MOST_SAID:
        print(f'and {check.bad - MOST_SAID} more')
    sys.exit(1 if check.bad else 0)


if __name__ == '__main__':
    main()

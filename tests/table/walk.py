#!/usr/bin/python3
"""Walks through rows/ of every table of a mount and compares them with the database.

    walk.py DATABASE DIRECTORY-OF-tables/ [TABLE...]

Says what differs, and ends with 1 if anything does. Shares no code with what it checks: names are
encoded here as the contract has it, and rows are told apart by what is in them, so that whatever a
key is called, each row must have exactly one directory, with every column in it.
"""
import base64
import collections
import json
import math
import os
import sqlite3
import sys


def encode(raw, comma=False):
    """Bytes as a file name; None where the name would be cut."""
    out = ''
    for i, char in enumerate(raw.decode('utf-8', 'surrogateescape')):
        code = ord(char)
        if 0xdc80 <= code <= 0xdcff:
            out += f'%{code - 0xdc00:02X}'
        elif code < 0x20 or 0x7f <= code < 0xa0 or char in '/%' or (char == '.' and i == 0) or (
                comma and char == ','):
            out += ''.join(f'%{byte:02X}' for byte in char.encode())
        else:
            out += char
    return (out or '%~') if len(out.encode()) <= 255 else None


def find_file(folder, raw):
    """The file of a name, also of one that was cut: its beginning must still be there."""
    name = encode(raw)
    if name is not None:
        return name if os.path.lexists(os.path.join(folder, name)) else None
    short = encode(raw[:100])
    found = [n for n in os.listdir(folder) if n.startswith(short) and '%~' in n]
    for each in found:
        if len(each.encode()) > 255:
            raise AssertionError(f'{each}: over 255 bytes')
    return found or None


def as_json(value, is_text):
    """What a parsed row.json has for a value; numbers keep their kind."""
    if isinstance(value, bytes):
        if not is_text:
            return {'base64': base64.b64encode(value).decode()}
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {'text': base64.b64encode(value).decode()}
    if isinstance(value, float) and math.isinf(value):
        return {'real': 'inf' if value > 0 else '-inf'}
    return value


def canonical(fields):
    return repr([(key, value if not isinstance(value, dict) else sorted(value.items()))
                 for key, value in fields])


def json_name(raw):
    out = ''
    for char in raw.decode('utf-8', 'surrogateescape'):
        out += '\ufffd' if 0xdc80 <= ord(char) <= 0xdcff else char
    return out


def as_file(value):
    """The bytes of a column's file; None where there is nothing to compare with."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, int):
        return str(value).encode()
    return None


class Walk:
    def __init__(self, database, tables):
        self.db = sqlite3.connect(f'file:{database}?mode=ro', uri=True, isolation_level=None)
        self.db.text_factory = bytes
        self.tables = tables
        self.bad = 0

    def wrong(self, *words):
        print(*words)
        self.bad += 1

    def columns(self, table):
        return [(row[1], row[2].upper(), row[5]) for row in
                self.db.execute('SELECT * FROM pragma_table_xinfo(?)', (table,))
                if row[6] != 1]

    def rows(self, table, count):
        """Each row's values and which of them are text. The view's names are ours, for names that
        are not UTF-8 trouble Python."""
        quoted = table.replace('"', '""')
        names = ', '.join(f'c{i}' for i in range(count))
        self.db.execute('DROP VIEW IF EXISTS temp.walked')
        self.db.execute(f'CREATE TEMP VIEW walked ({names}) AS SELECT * FROM main."{quoted}"')
        if count > 500: # as many as a result can have; numbers
            return [(row, [False] * count) for row in self.db.execute('SELECT * FROM walked')]
        kinds = ' || '.join(f"substr(typeof(c{i}), 1, 1)" for i in range(count))
        return [(row[1:], [chr(kind) == 't' for kind in row[0]] or [False] * count)
                for row in self.db.execute(f'SELECT {kinds}, {names} FROM walked')]

    def key_name(self, columns, values, texts):
        """The directory's name where it is beyond doubt: integers, or text of a text column."""
        key = sorted((place, i) for i, (_, _, place) in enumerate(columns) if place)
        parts = []
        for _, i in key:
            kind = columns[i][1]
            if kind == b'INTEGER' and isinstance(values[i], int):
                parts.append(str(values[i]))
            elif kind == b'TEXT' and texts[i] and values[i] and b',' not in values[i]:
                part = encode(b'x' * len(parts[:1]) + values[i])
                parts.append(part and part[len(parts[:1]):])
            else:
                return None
        if not parts or None in parts or len(','.join(parts).encode()) > 255:
            return None
        return ','.join(parts)

    def row(self, folder, columns, values):
        for (name, _, _), value in zip(columns, values):
            found = find_file(folder, name)
            if encode(name) == 'row.json':
                continue # is the object; where the column is, other tests ask
            if found is None:
                if value is not None:
                    self.wrong(folder, 'has no file for column', name)
                continue
            if isinstance(found, list):
                continue # cut: there is one, which one its hash says
            path = os.path.join(folder, found)
            if os.path.islink(path) or os.path.isdir(path):
                continue # called as something of ours
            with open(path, 'rb') as file:
                got = file.read()
            if os.stat(path).st_size != len(got):
                self.wrong(path, 'has', len(got), 'bytes, stat says', os.stat(path).st_size)
            if isinstance(value, float):
                if math.copysign(1, float(got)) != math.copysign(1, value) or float(got) != value:
                    self.wrong(path, 'is', got, 'and not', value)
            elif got != (as_file(value) or b''):
                self.wrong(path, 'is', got[:80], 'and not', (as_file(value) or b'')[:80])

    def table(self, table):
        folder = find_file(self.tables, table.encode())
        if folder is None:
            return self.wrong(self.tables, 'has no', repr(table))
        if isinstance(folder, list):
            return None
        folder = os.path.join(self.tables, folder, 'rows')
        columns = self.columns(table)
        rows = self.rows(table, len(columns))
        if not os.path.isdir(folder):
            taken = {name.lower() for name, _, _ in columns} >= {b'rowid', b'oid', b'_rowid_'}
            if not taken:
                self.wrong(folder, 'is missing')
            return None
        expected = collections.defaultdict(list)
        for values, texts in rows:
            fields = [(json_name(name), as_json(value, text))
                      for (name, _, _), value, text in zip(columns, values, texts)]
            expected[canonical(fields)].append((values, texts))
        names = os.listdir(folder)
        if len(set(names)) != len(names) or len(names) != len(rows):
            self.wrong(folder, 'has', len(set(names)), 'names of', len(names), 'for', len(rows), 'rows')
        for name in names:
            path = os.path.join(folder, name)
            with open(os.path.join(path, 'row.json'), encoding='utf-8') as file:
                fields = json.load(file, object_pairs_hook=collections.OrderedDict)
            found = expected[canonical(list(fields.items()))]
            if not found:
                self.wrong(path, 'is no row of the table, or one twice:', dict(fields))
                continue
            values, texts = found.pop()
            want = self.key_name(columns, values, texts)
            if want is not None and want != name:
                self.wrong(path, 'should be called', want)
            self.row(path, columns, values)
        return None

    def walk(self, names):
        if not names:
            names = [row[0].decode() for row in self.db.execute(
                """SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'
                   AND name NOT LIKE 'sqlite!_%' ESCAPE '!'""")]
        if not names:
            self.wrong(self.tables, 'there is no table')
        for name in names:
            self.table(name)


def main():
    walk = Walk(sys.argv[1], sys.argv[2])
    walk.walk(sys.argv[3:])
    sys.exit(1 if walk.bad else 0)


if __name__ == '__main__':
    main()

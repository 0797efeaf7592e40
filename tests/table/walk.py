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
import struct
import sys

sys.dont_write_bytecode = True  # before the module beside this file is read
import source  # pylint: disable=wrong-import-position


def find_file(folder, raw):
    """The file of a name, also of one that was cut: its beginning must still be there."""
    name = source.file_name(raw)
    if name is not None:
        return name if os.path.lexists(os.path.join(folder, name)) else None
    short = source.file_name(raw[:100])
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


def as_file(value):
    """The bytes of a column's file; None where there is nothing to compare with."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, int):
        return str(value).encode()
    return None


class Walk:
    def __init__(self, database, folder):
        self.db = source.Database(database)
        self.made = {table.name: table for table in self.db.tables() if table.shown}
        self.top = folder
        self.bad = 0

    def wrong(self, *words):
        print(*words)
        self.bad += 1

    def rows(self, table):
        """Each row's values and which of them are text."""
        return [([struct.unpack('>d', value)[0] if kind == 'real' else value for kind, value in row],
                 [kind == 'text' for kind, _ in row]) for row in self.db.rows(table)]

    def key_name(self, columns, values, texts):
        """The directory's name where it is beyond doubt: integers, or text of a text column."""
        key = sorted((column.key_place, i) for i, column in enumerate(columns) if column.key_place)
        parts = []
        for _, i in key:
            kind = columns[i].type.upper()
            if kind == b'INTEGER' and isinstance(values[i], int):
                parts.append(str(values[i]))
            elif kind == b'TEXT' and texts[i] and values[i] and b',' not in values[i]:
                # Only the first part begins the name, where a '.' may not stand.
                begin = b'x' if parts else b''
                part = source.file_name(begin + values[i])
                parts.append(part and part[len(begin):])
            else:
                return None
        if not parts or None in parts or len(','.join(parts).encode()) > 255:
            return None
        return ','.join(parts)

    def row(self, folder, columns, values):
        # Of very many columns, some: each look-up in such a row takes milliseconds.
        step = 1 if len(columns) <= 200 else 50
        for column, value in list(zip(columns, values))[::step]:
            name = column.name
            found = find_file(folder, name)
            if name == b'row.json':
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
        folder = find_file(self.top, table.name)
        if folder is None:
            return self.wrong(self.top, 'has no', table.name)
        if isinstance(folder, list):
            return None
        folder = os.path.join(self.top, folder, 'rows')
        columns = table.columns
        rows = self.rows(table)
        if not os.path.isdir(folder):
            if table.rowid_name or table.without_rowid:
                self.wrong(folder, 'is missing')
            return None
        expected = collections.defaultdict(list)
        for values, texts in rows:
            fields = [(source.json_name(column.name), as_json(value, text))
                      for column, value, text in zip(columns, values, texts)]
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
        tables = [self.made[os.fsencode(name)] for name in names] or [
            table for table in self.made.values() if table.kind == b'table']
        if not tables:
            self.wrong(self.top, 'there is no table')
        for table in tables:
            self.table(table)


def main():
    walk = Walk(sys.argv[1], sys.argv[2])
    walk.walk(sys.argv[3:])
    sys.exit(1 if walk.bad else 0)


if __name__ == '__main__':
    main()

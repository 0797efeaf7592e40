"""A database as the tests know it without the product: tables, columns, rows with their kinds.

Names are bytes throughout: SQLite takes names that are no UTF-8. Rows are read through a temporary
view with names of ours, because Python cannot ask for a name that is not UTF-8.
"""
import os
import sqlite3
import struct
import subprocess

PIECE = 400  # columns read at once: a result has at most 2,000, and each is asked for its kind too


def is_utf8(raw):
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def json_name(raw):
    """A name in JSON: U+FFFD for each byte that is no UTF-8."""
    out = ''
    for char in raw.decode('utf-8', 'surrogateescape'):
        out += '\ufffd' if 0xdc80 <= ord(char) <= 0xdcff else char
    return out


def file_name(raw):
    """A name as a file's, as the contract has it; None where it would be cut."""
    out = ''
    for i, char in enumerate(raw.decode('utf-8', 'surrogateescape')):
        code = ord(char)
        if 0xdc80 <= code <= 0xdcff:
            out += f'%{code - 0xdc00:02X}'
        elif code < 0x20 or 0x7f <= code < 0xa0 or char in '/%' or (char == '.' and i == 0):
            out += ''.join(f'%{byte:02X}' for byte in char.encode())
        else:
            out += char
    return (out or '%~') if len(out.encode()) <= 255 else None


def read(folder, name):
    """A file's bytes, of which there must be as many as stat says."""
    path = os.path.join(folder, name)
    size = os.stat(path).st_size
    with open(path, 'rb') as file:
        raw = file.read()
    if len(raw) != size:
        raise ValueError(f'{len(raw)} bytes read, stat says {size}')
    return raw


def shell(path, script):
    """Feeds bytes, or a file, to the sqlite3 shell as people do."""
    given = {'input': script} if isinstance(script, bytes) else {'stdin': script}
    done = subprocess.run(['sqlite3', '-batch', '-bail', path], capture_output=True, check=False,
                          **given)
    if done.returncode or done.stderr:
        said = done.stderr.decode('utf-8', 'replace')[:500]
        raise ValueError(f'sqlite3 ends with {done.returncode}: {said}')


def quoted(name):
    return b'"' + name.replace(b'"', b'""') + b'"'


class Column:
    """As pragma_table_xinfo has it."""

    def __init__(self, row, references):
        _, self.name, self.type, not_null, self.default, self.key_place, hidden = row
        self.not_null = bool(not_null)
        self.hidden = hidden == 1
        self.generated = {2: 'virtual', 3: 'stored'}.get(hidden)
        self.references = references


class Table:
    def __init__(self, database, name, kind, without_rowid):
        self.name, self.kind, self.without_rowid = name, kind, bool(without_rowid)
        self.database = database
        self.sql = database.one('SELECT sql FROM main.sqlite_schema WHERE name = ?', name) or b''
        self.broken, self.columns, self.rowid_name = None, [], None
        self.parts = [row[0] for row in database.db.execute(
            """SELECT sql FROM main.sqlite_schema WHERE tbl_name = ? AND sql IS NOT NULL
               AND type IN ('index', 'trigger') ORDER BY rowid""", (as_text(name),))]
        self.read_columns()

    @property
    def shown(self):
        return self.kind != b'shadow' and not self.name.lower().startswith(b'sqlite_')

    @property
    def ordered(self):
        return self.kind != b'virtual'

    @property
    def takes_rows(self):
        """Not those whose rows are in other tables, or kept in part only."""
        sql = self.sql.lower()
        return not (self.kind == b'virtual' and (b'fts5vocab' in sql or b'content = ' in sql))

    def parts_of(self, kind):
        return [sql for sql in self.parts if sql.lower().split()[1].endswith(kind.encode())
                or sql.lower().startswith(b'create unique ' + kind.encode())]

    def read_columns(self):
        db = self.database.db
        name = as_text(self.name)
        try:
            keys = {}
            for row in db.execute('SELECT "from", "table" FROM pragma_foreign_key_list(?)', (name,)):
                keys.setdefault(row[0].lower(), []).append(row[1])
            for row in db.execute("SELECT * FROM pragma_table_xinfo(?, 'main')", (name,)):
                column = Column(row, keys.get(row[1].lower(), []))
                if not column.hidden:
                    self.columns.append(column)
            if not self.columns:
                self.broken = 'it has no columns'
            else:
                self.database.view(self)
        except sqlite3.Error as problem:
            self.broken = str(problem)
        taken = {column.name.lower() for column in self.columns}
        if not self.without_rowid:
            self.rowid_name = next((name for name in (b'rowid', b'_rowid_', b'oid')
                                    if name not in taken), None)


def as_text(name):
    """A name as a parameter. Python has no way to give TEXT that is no UTF-8; such names are left
    out of the tests' tables, but not of their columns."""
    return name.decode('utf-8', 'surrogateescape') if not is_utf8(name) else name.decode()


class Database:
    def __init__(self, path):
        self.db = sqlite3.connect(f'file:{path}?mode=ro', uri=True, isolation_level=None)
        self.db.text_factory = bytes

    def one(self, sql, name):
        row = self.db.execute(sql, (as_text(name),)).fetchone()
        return row[0] if row else None

    def pragma(self, name):
        return self.db.execute(f'PRAGMA {name}').fetchone()[0]

    def schema(self):
        return [[b'' if field is None else field for field in row] for row in self.db.execute(
            """SELECT type, name, tbl_name, CAST(sql AS BLOB) FROM main.sqlite_schema
               ORDER BY type, name""")]

    def tables(self):
        listed = self.db.execute("""SELECT l.name, l.type, l.wr FROM pragma_table_list AS l
            WHERE l.schema = 'main' AND l.type IN ('table', 'virtual', 'shadow')
            AND l.name NOT IN ('sqlite_schema', 'sqlite_master')""").fetchall()
        return [Table(self, *row) for row in listed]

    def view(self, table):
        names = b', '.join(b'c%d' % i for i in range(len(table.columns)))
        self.db.execute('DROP VIEW IF EXISTS temp.seen')
        indexed = b'' if table.kind == b'virtual' else b' NOT INDEXED'
        sql = b'CREATE TEMP VIEW seen (%s) AS SELECT * FROM main.%s%s' % (
            names, quoted(table.name), indexed)
        self.db.execute(sql.decode())
        self.db.execute('SELECT 1 FROM seen LIMIT 1').fetchone()

    def rows(self, table):
        """Each a list of (kind, value); in the order of the rowid, or of the primary key."""
        self.view(table)
        out = None
        for start in range(0, len(table.columns), PIECE):
            names = [f'c{i}' for i in range(start, min(start + PIECE, len(table.columns)))]
            kinds = ', '.join(f'typeof({name})' for name in names)
            piece = [[value_of(*pair) for pair in zip(got, got[len(names):])]
                     for got in self.db.execute(f'SELECT {kinds}, {", ".join(names)} FROM seen')]
            out = piece if out is None else [a + b for a, b in zip(out, piece)]
        return out

    def rowids(self, table):
        if table.rowid_name is None or table.kind == b'virtual' and b'fts5vocab' in table.sql:
            return []
        sql = b'SELECT %s FROM main.%s ORDER BY 1' % (table.rowid_name, quoted(table.name))
        return [list(row) for row in self.db.execute(sql.decode())]


def value_of(kind, value):
    kind = kind.decode()
    return kind, struct.pack('>d', value) if kind == 'real' else value


def ordered(table, rows):
    """Rows as they are where they have an order of their own, else sorted."""
    return rows if table.ordered else sorted(rows, key=repr)

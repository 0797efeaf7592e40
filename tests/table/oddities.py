#!/usr/bin/python3
"""Makes a database that has one of every oddity that SQLite lets in.

    oddities.py [--encoding UTF-16le] [--page-size N] [--journal wal] [--blob-bytes N] DATABASE

Each function makes one kind of oddity; the names of what it makes say which. Everything in it can
be read by any program: what cannot be is made by the tests that want it. Two runs with the same
options make the same content.
"""
import argparse
import hashlib
import os
import sqlite3
import sys

LONG = 'long name ' * 30  # 300 bytes
REALS = (0.0, -0.0, 0.1, -0.1, 1.0, 100.0, 1e15, 1e16, 123456789012345678.0, 5e-324,
         2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308,
         float('inf'), float('-inf'), 0.1 + 0.2, 1 / 3, 1e23, 9007199254740993.0, -1e-7)
INTEGERS = (0, 1, -1, 127, 128, -2**31, 2**53 + 1, 2**63 - 1, -2**63)
# Bytes that are no UTF-8: a lone byte, an overlong slash, a surrogate, one beyond U+10FFFF, a cut
# character.
NOT_UTF8 = (b'\xff', b'a\xc0\xafb', b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'caf\xc3')
TEXTS = ('', ' ', '.', '..', '.hidden', '%', '%2F', '%~', 'a/b', 'a,b', 'a%2Cb', 'a"b', "a'b",
         'a\nb', 'a\r\nb', 'a\tb', '\x01\x7f\x85', 'x\0y', '\0', 'É', 'e\u0301', '\u00e9', '😀 \u202e',
         '\ufeff', '-rf', '~', '*', 'NULL', 'null', '1', '1.0', "x'00'", 'row.json', '\\', '\\x00',
         '\u2028', '\ufffd', 'q' * 300 + 'a', 'q' * 300 + 'b', '=1+1')


def name(text):
    return '"' + text.replace('"', '""') + '"'


def noise(count, seed):
    """Bytes that cannot be compressed, the same in every run."""
    out, block = bytearray(), seed.encode()
    while len(out) < count:
        block = hashlib.sha256(block).digest()
        out += block * 512 if count > 1 << 24 else block
    return bytes(out[:count])


def table_names(db):
    for i, text in enumerate(('a table', 'quo"te', "it's", 'a/b', '/', '.', '..', '.hidden', 'a.b',
                              '%2F', '%', '😀', 'É', 'é', 'e\u0301', 'new\nline', 'tab\tstop', '-rf',
                              'end ', '', '[x]', '`x`', 'a,b', '*', '~', LONG, LONG + '2')):
        db.execute(f'CREATE TABLE {name(text)} (id INTEGER PRIMARY KEY, note TEXT)')
        db.execute(f'INSERT INTO {name(text)} VALUES (?, ?)', (i, text))
        db.execute(f'CREATE INDEX {name("by " + text)} ON {name(text)} (note)')


def keywords(db):
    columns = ('select', 'from', 'where', 'group', 'values', 'index', 'default', 'primary')
    for table in ('order', 'table', 'select', 'union', 'null'):
        db.execute(f'CREATE TABLE {name(table)} ({", ".join(map(name, columns))})')
        db.execute(f'INSERT INTO {name(table)} VALUES ({", ".join("?" * len(columns))})', columns)


def column_names(db):
    columns = ('', ' ', '.', '..', '.hidden', 'a/b', 'a"b', "it's", 'new\nline', '[x]', '%2F', '😀',
               'a,b', 'é', 'rows', 'schema.sql', LONG, LONG + '2')
    db.execute(f'CREATE TABLE column_names ({", ".join(map(name, columns))})')
    db.execute(f'INSERT INTO column_names VALUES ({", ".join("?" * len(columns))})', columns)
    # Columns called as what stands beside a row's columns.
    db.executescript('''
        CREATE TABLE called_as_ours (id INTEGER PRIMARY KEY, "row.json" TEXT, a REFERENCES k_int,
            "a.row" TEXT, "referenced-by" TEXT, "A.ROW2" TEXT);
        INSERT INTO called_as_ours VALUES (1, 'not the object', 7, 'not the link', 'not the folder',
            'x');
        CREATE TABLE refers_to_ours (id INTEGER PRIMARY KEY, ours REFERENCES called_as_ours);
        CREATE INDEX refers_to_ours_by ON refers_to_ours (ours);
        INSERT INTO refers_to_ours VALUES (1, 1);
        CREATE TABLE rowid_taken (rowid TEXT, oid INTEGER, _rowid_ REAL);
        INSERT INTO rowid_taken VALUES ('b', 9, 0.5), ('a', NULL, 1), (NULL, 9, 1);
        CREATE TABLE rowid_taken_key (rowid TEXT, oid INTEGER, _rowid_ REAL, PRIMARY KEY (oid, rowid));
        INSERT INTO rowid_taken_key VALUES ('b', 9, 0.5), ('a', 8, 1), (NULL, 9, 1);
        CREATE TABLE rowid_is_text (rowid TEXT PRIMARY KEY, x);
        INSERT INTO rowid_is_text VALUES ('1', 2), ('2', 1), (NULL, 3);
        CREATE TABLE rowid_alias (x, rowid INTEGER PRIMARY KEY);
        INSERT INTO rowid_alias VALUES ('x', 5), ('y', -5);
    ''')


def wide(db, count=2000):
    columns = [f'c{i}' for i in range(count)]
    db.execute(f'CREATE TABLE wide ({", ".join(columns)})')
    for row in range(2):
        db.execute(f'INSERT INTO wide VALUES ({", ".join("?" * count)})',
                   [None if (i + row) % 7 == 0 else i * row for i in range(count)])


def values(db, utf8):
    """Every value, in columns of every affinity. REAL turns integers into reals, and so on."""
    db.executescript('''
        CREATE TABLE every_value (i INTEGER, r REAL, t TEXT, b BLOB, n NUMERIC, none);
        CREATE INDEX every_value_n ON every_value (n);
        CREATE INDEX every_value_none ON every_value (none);
        CREATE INDEX every_value_t ON every_value (t);
        CREATE INDEX every_value_b ON every_value (b);
        CREATE INDEX every_value_r ON every_value (r);''')
    every = (None,) + INTEGERS + REALS + TEXTS + (b'', b'\0', b'a', bytes(range(256)), b'x' * 5000)
    for value in every:
        db.execute('INSERT INTO every_value VALUES (?, ?, ?, ?, ?, ?)', (value,) * 6)
    cast = 'CAST(? AS TEXT)'
    for raw in NOT_UTF8 if utf8 else (b'\0\xd8', b'a\0\0\xdcb\0', b'a\0b'):
        db.execute(f'INSERT INTO every_value VALUES ({", ".join([cast] * 6)})', (raw,) * 6)
    db.executescript('''
        CREATE TABLE one_null (x);
        INSERT INTO one_null VALUES (NULL), (NULL), (''), (0);
        CREATE TABLE no_rows (id INTEGER PRIMARY KEY, x TEXT);
        CREATE INDEX no_rows_x ON no_rows (x);
        CREATE TABLE no_rows_no_key (x);
        CREATE TABLE no_rows_without_rowid (x PRIMARY KEY, y) WITHOUT ROWID;
        CREATE TABLE deleted_rows (id INTEGER PRIMARY KEY, x);
        WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 50)
        INSERT INTO deleted_rows SELECT i * 1000, i FROM c;
        DELETE FROM deleted_rows WHERE id % 3000 > 0;
    ''')


def keys_of_one(db, utf8):
    keyed = {
        'k_int': ('INTEGER PRIMARY KEY', INTEGERS + (7,)),
        'k_desc': ('INTEGER PRIMARY KEY DESC', INTEGERS + (None, None)),
        'k_int_not_alias': ('INT PRIMARY KEY', INTEGERS + (None, None, 'text', 0.5)),
        'k_text': ('TEXT PRIMARY KEY', TEXTS + (None, None)),
        'k_text_not_null': ('TEXT PRIMARY KEY NOT NULL', TEXTS),
        'k_nocase': ('TEXT PRIMARY KEY COLLATE NOCASE', ('a', 'B', 'c', 'É', 'é', None)),
        'k_rtrim': ('TEXT PRIMARY KEY COLLATE RTRIM', ('a', 'b ', ' c', ' ', 'd\t')),
        'k_blob': ('BLOB PRIMARY KEY', (b'', b'\0', b'\xff', b'a', b'a/b', b'q' * 400, 'a', '', 1, None)),
        'k_any': ('PRIMARY KEY', (1, '1', b'1', 1.5, '1.5', 'NULL', None, None, '', b'', 'x\'31\'')),
        'k_real': ('REAL PRIMARY KEY', tuple(r for r in REALS if str(r) != '-0.0')),
    }
    for table, (declared, keys) in keyed.items():
        db.execute(f'CREATE TABLE {table} (k {declared}, v TEXT)')
        for i, key in enumerate(keys):
            db.execute(f'INSERT INTO {table} VALUES (?, ?)', (key, f'{table} {i}'))
    if utf8:
        for table in ('k_text', 'k_text_not_null'):
            for raw in NOT_UTF8:
                db.execute(f'INSERT INTO {table} VALUES (CAST(? AS TEXT), ?)', (raw, raw.hex()))


def keys_of_many(db, utf8):
    pairs = [('a', 'b'), ('a,b', 'c'), ('a', 'b,c'), ('', ''), (',', ''), ('', ','), ('/', '%'),
             ('..', '.'), ('x\0', 'y'), ('q' * 200, 'q' * 200), ('q' * 200, 'q' * 199 + 'r')]
    db.executescript('''
        CREATE TABLE k_pair (a TEXT, b TEXT, v, PRIMARY KEY (a, b));
        CREATE TABLE k_pair_backwards (v, b TEXT, a TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
        CREATE TABLE k_pair_null (a, b, v, PRIMARY KEY (a, b));
        INSERT INTO k_pair_null VALUES (NULL, NULL, 1), (NULL, NULL, 2), (NULL, 1, 3), (1, NULL, 4),
            (1, NULL, 5), ('NULL', NULL, 6), ('', NULL, 7), ('', '', 8);
        CREATE TABLE wr_text (k TEXT PRIMARY KEY, v) WITHOUT ROWID;
        CREATE TABLE wr_mixed (a INTEGER, b TEXT, c BLOB, d REAL, PRIMARY KEY (d, c DESC, a)) WITHOUT ROWID;
        INSERT INTO wr_mixed VALUES (1, 'x', x'00ff', 0.5), (2, 'y', x'00ff', 0.5), (2, 'z', x'', -1),
            (-9223372036854775808, NULL, x'61', 9e300);
        CREATE TABLE wr_nocase (k TEXT COLLATE NOCASE, n INTEGER, v, PRIMARY KEY (k, n DESC)) WITHOUT ROWID;
        INSERT INTO wr_nocase VALUES ('B', 1, 0), ('a', 1, 0), ('a', 2, 0), ('C', 1, NULL);
        CREATE TABLE wr_integer (id INTEGER PRIMARY KEY, v) WITHOUT ROWID;
        INSERT INTO wr_integer VALUES (3, 'c'), (1, 'a'), (2, 'b');
        CREATE TABLE wr_twice (a, b, v, PRIMARY KEY (a, b, a)) WITHOUT ROWID;
        INSERT INTO wr_twice VALUES (1, 2, 3), (2, 1, 3);
        CREATE TABLE k_everything (a, b, c, PRIMARY KEY (c, b, a));
        INSERT INTO k_everything VALUES (1, 2, 3), (3, 2, 1);
        CREATE TABLE no_key (v);
        INSERT INTO no_key (rowid, v) VALUES (-5, 'minus five'), (0, 'zero'),
            (9223372036854775807, 'last');''')
    for i, pair in enumerate(pairs):
        db.execute('INSERT INTO k_pair VALUES (?, ?, ?)', (*pair, i))
        db.execute('INSERT INTO k_pair_backwards (a, b, v) VALUES (?, ?, ?)', (*pair, i))
    for text in TEXTS:
        db.execute('INSERT INTO wr_text VALUES (?, ?)', (text, len(text)))
    for raw in NOT_UTF8 if utf8 else ():
        db.execute('INSERT INTO wr_text VALUES (CAST(? AS TEXT), ?)', (raw, raw))


def constraints(db, _):
    db.executescript('''
        CREATE TABLE generated (a INTEGER PRIMARY KEY, b TEXT, v_len INTEGER AS (length(b)),
            s_up TEXT GENERATED ALWAYS AS (upper(b)) STORED, c BLOB, v_all AS (a || ':' || b) VIRTUAL);
        CREATE INDEX generated_up ON generated (s_up);
        INSERT INTO generated (a, b, c) VALUES (1, 'one', x'00'), (2, 'two', NULL), (3, NULL, 'c');
        CREATE TABLE generated_first (g AS (x * 2) STORED, x INTEGER, h TEXT AS (x), PRIMARY KEY (x)) WITHOUT ROWID;
        INSERT INTO generated_first (x) VALUES (2), (1);
        CREATE TABLE generated_key (a, b AS (a + 1) STORED UNIQUE);
        INSERT INTO generated_key VALUES (1), (2);
        CREATE TABLE strictly (i INTEGER, r REAL, t TEXT, b BLOB, a ANY, x INT NOT NULL) STRICT;
        INSERT INTO strictly VALUES (1, 1, '1', x'31', '1', 1), (NULL, 0.5, '', x'', 1, 2), (1, 1, 'x', x'00', x'', 3);
        CREATE TABLE strictly_keyed (k ANY PRIMARY KEY, v TEXT) STRICT, WITHOUT ROWID;
        INSERT INTO strictly_keyed VALUES (1, 'integer'), ('1', 'text'), (x'31', 'blob'), (1.5, 'real');
        CREATE TABLE checked (a INTEGER CHECK (a > 0), b TEXT DEFAULT 'x;--y' CHECK (b <> ''),
            c DEFAULT (1 + 2), d DEFAULT CURRENT_TIMESTAMP, e TEXT DEFAULT NULL, f DEFAULT -1.5e3,
            CONSTRAINT "both" CHECK (a < 100 OR b IS NULL) -- the end
            );
        INSERT INTO checked (a, d) VALUES (1, '2026-01-01'), (99, '');
        CREATE TABLE json (id INTEGER PRIMARY KEY, j TEXT CHECK (json_valid(j) OR j IS NULL), n AS (j ->> 'n'),
            s TEXT AS (json_extract(j, '$.s')) STORED);
        CREATE INDEX json_n ON json (n);
        CREATE INDEX json_expression ON json (json_extract(j, '$.s')) WHERE json_type(j, '$.n') = 'integer';
        INSERT INTO json (j) VALUES ('{"n":1,"s":"x"}'), ('{"n":null,"s":[1,"é"]}'), (NULL), ('[]');
        CREATE VIEW json_rows AS SELECT id, key, value FROM json, json_each(json.j) AS e
            ORDER BY id, e.id;
        CREATE TABLE collated (a TEXT COLLATE NOCASE UNIQUE, b TEXT COLLATE RTRIM, c TEXT);
        CREATE INDEX collated_b ON collated (b);
        CREATE INDEX collated_c ON collated (c COLLATE NOCASE DESC);
        CREATE INDEX collated_partial ON collated (b) WHERE c IS NOT NULL;
        CREATE INDEX collated_expression ON collated (lower(a), length(b));
        INSERT INTO collated VALUES ('A', 'x', 'P'), ('b', 'x ', 'p'), ('C', 'x  ', NULL), (NULL, NULL, 'q'),
            (NULL, 'y', 'Q');
        CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, v);
        INSERT INTO counted VALUES (1, 'a'), (1000, 'b');
        DELETE FROM counted WHERE id = 1000;
        CREATE TABLE counted_empty (id INTEGER PRIMARY KEY AUTOINCREMENT, v);
        INSERT INTO counted_empty VALUES (5, 'gone');
        DELETE FROM counted_empty;
        CREATE TABLE conflicts (a INTEGER PRIMARY KEY ON CONFLICT REPLACE, b UNIQUE ON CONFLICT IGNORE);
        INSERT INTO conflicts VALUES (1, 1), (2, 2);
        CREATE TABLE "made as" AS SELECT 1 AS one, 'x' AS "two words", NULL;
    ''')


def relations(db, _):
    db.executescript('''
        CREATE TABLE staff (id INTEGER PRIMARY KEY, name TEXT, boss INTEGER REFERENCES staff (id));
        CREATE INDEX staff_boss ON staff (boss);
        INSERT INTO staff VALUES (1, 'Ada', 1), (2, 'Bo', 1), (3, 'Cy', 2), (4, 'Di', NULL), (5, 'Ed', 99);
        CREATE TABLE place (country TEXT, code TEXT COLLATE NOCASE, name, PRIMARY KEY (country, code)) WITHOUT ROWID;
        INSERT INTO place VALUES ('de', 'B', 'Berlin'), ('de', 'HH', 'Hamburg'), ('a,b', '/', 'Odd');
        CREATE TABLE visit (id INTEGER PRIMARY KEY, who REFERENCES staff ON DELETE CASCADE ON UPDATE SET NULL,
            country TEXT, code TEXT, FOREIGN KEY (country, code) REFERENCES place DEFERRABLE INITIALLY DEFERRED);
        CREATE INDEX visit_place ON visit (country, code);
        CREATE INDEX visit_who ON visit (who);
        INSERT INTO visit VALUES (1, 1, 'de', 'B'), (2, 1, 'de', 'b'), (3, 2, 'a,b', '/'), (4, 3, 'de', NULL),
            (5, 77, 'xx', 'X'), (6, NULL, NULL, NULL), (7, '2', 'de', 'HH');
        CREATE TABLE not_indexed (id INTEGER PRIMARY KEY, who REFERENCES staff);
        INSERT INTO not_indexed VALUES (1, 1), (2, 2);
        CREATE TABLE dangling (id INTEGER PRIMARY KEY, a REFERENCES not_there, b REFERENCES not_there (x),
            c REFERENCES staff (nothing_like_it));
        INSERT INTO dangling VALUES (1, 1, 1, 1);
        CREATE TABLE by_unique (code TEXT UNIQUE, v);
        INSERT INTO by_unique VALUES ('x/y', 1), ('z', 2);
        CREATE TABLE to_unique (id INTEGER PRIMARY KEY, code REFERENCES by_unique (code) UNIQUE);
        INSERT INTO to_unique VALUES (10, 'x/y'), (20, 'z'), (30, 'none');
        CREATE TABLE twice (id INTEGER PRIMARY KEY, a REFERENCES staff REFERENCES k_int);
        INSERT INTO twice VALUES (1, 1), (2, 7);
        CREATE TABLE "odd/child" (id INTEGER PRIMARY KEY, "par/ent" REFERENCES "a/b" (id));
        CREATE INDEX "odd/child by" ON "odd/child" ("par/ent");
        INSERT INTO "odd/child" VALUES (1, 3), (2, 3);
    ''')


def triggers(db, _):
    db.executescript('''
        CREATE TABLE audit (id INTEGER PRIMARY KEY, what TEXT);
        CREATE TABLE watched (id INTEGER PRIMARY KEY, v);
        CREATE TRIGGER watched_insert AFTER INSERT ON watched BEGIN
            INSERT INTO audit (what) VALUES ('insert; -- ' || new.v); -- a comment; END
        END -- of the trigger
        ;
        CREATE TRIGGER watched_delete BEFORE DELETE ON watched WHEN old.v IS NULL BEGIN
            SELECT RAISE(IGNORE); /* not this
            one; */ END /* never closed ;
        ''' + '''*/;
        CREATE TRIGGER "odd ""name"";" UPDATE OF v ON watched BEGIN SELECT CASE WHEN 1 THEN 2 END; END;
        INSERT INTO watched VALUES (1, 'x'), (2, NULL);
        CREATE VIEW both_watched AS SELECT id, v FROM watched UNION ALL SELECT id, what FROM audit;
        CREATE TRIGGER both_insert INSTEAD OF INSERT ON both_watched BEGIN
            INSERT INTO watched VALUES (new.id, new.v); END;
        CREATE TRIGGER broken_trigger AFTER INSERT ON audit WHEN 0 BEGIN SELECT missing_function(); END;
    ''')


def views(db, _):
    db.executescript(f'''
        CREATE VIEW staff_names AS SELECT name, id FROM staff WHERE id < 4;
        CREATE VIEW "odd/view" AS SELECT 1 AS "a/b", 'x' AS "a/b", NULL;
        CREATE VIEW "..." AS SELECT 1 AS one;
        CREATE VIEW {name(LONG + 'view')} AS SELECT 1 AS one;
        CREATE VIEW named (x, y) AS SELECT id, name FROM staff ORDER BY name DESC;
        CREATE VIEW "select from" AS SELECT * FROM "order";
        CREATE VIEW no_rows_view AS SELECT * FROM no_rows;
        CREATE VIEW of_views AS SELECT * FROM named, staff_names;
        CREATE VIEW values_view AS VALUES (1, 'a'), (2.5, x'00'), (NULL, 1e999);
        CREATE TABLE goes (x);
        CREATE VIEW broken_table AS SELECT * FROM goes;
        DROP TABLE goes;
        CREATE VIEW broken_function AS SELECT missing_function(id) FROM staff;
        CREATE VIEW broken_column AS SELECT missing_column FROM staff;
        CREATE VIEW broken_circle AS SELECT 1 AS x;
        DROP VIEW broken_circle;
        CREATE VIEW broken_circle AS SELECT * FROM broken_circle_2;
        CREATE VIEW broken_circle_2 AS SELECT * FROM broken_circle;
    ''')


def virtual(db, _):
    db.executescript('''
        CREATE VIRTUAL TABLE fts_plain USING fts5 (title, body, tokenize = 'porter unicode61');
        INSERT INTO fts_plain VALUES ('one', 'running text'), ('two', 'É; "quoted"'), (NULL, '');
        CREATE TABLE fts_source (id INTEGER PRIMARY KEY, body TEXT);
        INSERT INTO fts_source VALUES (1, 'outside words'), (5, 'more');
        CREATE VIRTUAL TABLE fts_external USING fts5 (body, content = fts_source, content_rowid = id);
        INSERT INTO fts_external (fts_external) VALUES ('rebuild');
        CREATE VIRTUAL TABLE fts_contentless USING fts5 (body, content = '');
        INSERT INTO fts_contentless (rowid, body) VALUES (1, 'not kept'), (9, 'nor this');
        CREATE VIRTUAL TABLE fts_columns USING fts5 (a UNINDEXED, "b c", prefix = '2 3', detail = none);
        INSERT INTO fts_columns VALUES (1, 'x'), (x'00ff', 'y');
        CREATE VIRTUAL TABLE fts_empty USING fts5 (x);
        CREATE VIRTUAL TABLE "fts ""odd/name" USING fts5 (x);
        INSERT INTO "fts ""odd/name" VALUES ('odd');
        CREATE VIRTUAL TABLE fts_four USING fts4 (subject, content);
        INSERT INTO fts_four VALUES ('hello', 'world'), ('', NULL);
        CREATE VIRTUAL TABLE fts_words USING fts5vocab ('fts_plain', 'row');
        CREATE VIRTUAL TABLE boxes USING rtree (id, x0, x1, y0, y1, +label TEXT);
        INSERT INTO boxes VALUES (1, 0, 1, 0, 1, 'unit'), (2, -5.5, 5.5, -1, 1, NULL);
        CREATE VIRTUAL TABLE boxes_i32 USING rtree_i32 (id, x0, x1);
        INSERT INTO boxes_i32 VALUES (7, -3, 3);
        CREATE TABLE fts_plain_data_not (id, block); -- called almost as what keeps a table
    ''')


def settings(db, _):
    db.executescript('''
        PRAGMA user_version = -7;
        PRAGMA application_id = 1684300800;
        ANALYZE;
        PRAGMA writable_schema = ON;
        CREATE TABLE sqlite_stat4 (tbl, idx, neq, nlt, ndlt, sample);
        PRAGMA writable_schema = RESET;
        INSERT INTO sqlite_stat4 VALUES ('staff', 'staff_boss', '1 1', '0 0', '0 0', x'03010901');
    ''')


def column_not_utf8(db):
    """Column and table names that are no text: only the schema's own table takes them. Last."""
    db.execute('CREATE TABLE name_not_utf8 (id INTEGER PRIMARY KEY, BAD TEXT)')
    db.execute("INSERT INTO name_not_utf8 VALUES (1, 'x')")
    db.execute('PRAGMA writable_schema = ON')
    db.execute("""UPDATE sqlite_schema SET sql = CAST(replace(CAST(sql AS BLOB), x'424144',
        x'22ff2f22') AS TEXT) WHERE name = 'name_not_utf8'""")
    db.execute('PRAGMA writable_schema = OFF')


def make(path, options):
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(f'PRAGMA page_size = {options.page_size}')
    db.execute(f'PRAGMA encoding = {name(options.encoding)}')
    db.execute(f'PRAGMA journal_mode = {options.journal}')
    db.execute('PRAGMA synchronous = OFF')
    utf8 = options.encoding.upper() == 'UTF-8'
    db.execute('BEGIN')
    table_names(db)
    db.execute('COMMIT')
    for each in (keywords, column_names, wide):
        each(db)
    for each in (values, keys_of_one, keys_of_many, constraints, relations, triggers, views, virtual):
        each(db, utf8)
    db.execute('CREATE TABLE big (id INTEGER PRIMARY KEY, t TEXT, b BLOB)')
    db.execute('INSERT INTO big VALUES (1, ?, ?)',
               ('long text 😀\n' * (options.blob_bytes // 64), noise(options.blob_bytes, 'big')))
    db.execute("INSERT INTO big VALUES (2, '', zeroblob(?))", (options.blob_bytes,))
    settings(db, utf8)
    if utf8:
        column_not_utf8(db)
    db.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--encoding', default='UTF-8')
    parser.add_argument('--page-size', type=int, default=4096)
    parser.add_argument('--journal', default='wal')
    parser.add_argument('--blob-bytes', type=int, default=3 << 20)
    parser.add_argument('database')
    options = parser.parse_args()
    if os.path.exists(options.database):
        sys.exit(f'oddities.py: {options.database}: exists')
    make(options.database, options)


if __name__ == '__main__':
    main()

#!/usr/bin/python3
"""Makes databases that were made on purpose to do harm.

    harm.py KIND DATABASE       makes one; without arguments prints the kinds
    harm.py --flip N DATABASE   turns some bits of one page over, which and where depends on N

Each has a table `good` with three rows that nothing is wrong with. Kinds whose name begins with
`schema_` are broken in the schema's own table, where SQLite may refuse all of the database.
"""
import os
import random
import sqlite3
import struct
import sys

PAGE = 1024
KINDS = {}


def kind(function):
    KINDS[function.__name__] = function
    return function


def crafted(db, *rows):
    """Rows of the schema's table as (type, name, table, root page, SQL), whatever SQL they are."""
    db.execute('PRAGMA writable_schema = ON')
    db.executemany('INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)', rows)
    db.execute('PRAGMA writable_schema = OFF')


def edited(db, name, sql):
    db.execute('PRAGMA writable_schema = ON')
    if db.execute('UPDATE sqlite_schema SET sql = ? WHERE name = ?', (sql, name)).rowcount != 1:
        raise SystemExit(f'harm.py: there is no {name}')
    db.execute('PRAGMA writable_schema = OFF')


def root_of(db, name):
    return db.execute('SELECT rootpage FROM sqlite_schema WHERE name = ?', (name,)).fetchone()[0]


def view(db, name, select):
    crafted(db, ('view', name, name, 0, f'CREATE VIEW {name} AS {select}'))


# ---- functions with side effects ----

CALLS = {
    'load_extension': "load_extension('./harm.so')",
    'load_extension_entry': "load_extension('./harm.so', 'sqlite3_extension_init')",
    'writefile': "writefile('harmed', 'x')",
    'readfile': "readfile('/etc/passwd')",
    'edit': "edit('x', 'touch harmed; true')",
    'fsdir': "(SELECT name FROM fsdir('/etc'))",
    'tokenizer': "fts3_tokenizer('simple', x'4141414141414141')",
    'tokenizer_read': "hex(fts3_tokenizer('simple'))",
    'collation': "icu_load_collation('en_US', 'harm')",
    'shell': "shell_exec('touch harmed')",
    'zipfile': "zipfile('harmed', 'x')",
    'attach': "sqlite_attach('harmed', 'x', NULL)",
    'log': "sqlite_log(1, 'harm')",
    'offset': 'sqlite_compileoption_get(0)',
}


@kind
def functions_in_views(db):
    for name, call in CALLS.items():
        view(db, f'v_{name}', f'SELECT id, {call} AS harm FROM good')
        view(db, f'w_{name}', f'SELECT id FROM good WHERE {call} IS NOT 5')
    view(db, 'pragma_view', "SELECT * FROM pragma_journal_mode('delete')")
    view(db, 'pragma_writes', "SELECT * FROM pragma_user_version(5), pragma_wal_checkpoint")
    view(db, 'of_ours', 'SELECT * FROM dbstat, sqlite_dbpage')


@kind
def functions_in_tables(db):
    """In defaults, generated columns, checks, indexes and triggers. Where SQLite knows a function and
    that it gives this today and that tomorrow, it refuses all of the database: see schema_call."""
    for name, call in CALLS.items():
        crafted(db, ('trigger', f't_{name}', 'good', 0, f'''CREATE TRIGGER t_{name}
            AFTER INSERT ON good BEGIN SELECT {call}; END'''))
        if '(SELECT' in call:
            continue
        known = name.startswith(('load', 'tokenizer', 'offset'))
        for what, column in (('default', f'x DEFAULT ({call})'), ('check', f'x CHECK ({call})'),
                             ('virtual', f'x AS ({call})'), ('stored', f'x AS ({call}) STORED')):
            if known and what in ('virtual', 'stored'):
                continue
            table = f'{what}_{name}'
            db.execute(f'CREATE TABLE {table} (id INTEGER PRIMARY KEY, x)')
            db.execute(f'INSERT INTO {table} VALUES (1, 2)')
            edited(db, table, f'CREATE TABLE {table} (id INTEGER PRIMARY KEY, {column})')
        for what, sql in (('expression', f'({call})'), ('partial', f'(x) WHERE {call}')):
            if known:
                continue
            table = f'{what}_{name}'
            db.execute(f'CREATE TABLE {table} (id INTEGER PRIMARY KEY, x)')
            db.execute(f'INSERT INTO {table} VALUES (1, 2)')
            db.execute(f'CREATE INDEX i_{table} ON {table} (x)')
            edited(db, f'i_{table}', f'CREATE INDEX i_{table} ON {table} {sql}')


@kind
def modules(db):
    """Virtual tables that read files, or the database itself, or whose content is not theirs."""
    made = {
        'csv_file': 'csv(filename = "/etc/passwd")', 'zip_file': 'zipfile("/etc/passwd")',
        'files': 'fsdir("/etc")', 'lines': 'vsv(filename = "/etc/passwd")', 'missing': 'no_such_module(1)',
        'tokens': 'fts3tokenize(simple)', 'stat': 'dbstat(main)',
        'page': 'sqlite_dbpage', 'json': 'json_each', 'bytes': 'bytecode', 'loaded': 'series',
        'words_of_nothing': "fts5vocab('nothing', 'row')", 'aux_of_nothing': "fts4aux(nothing)",
        'of_schema': "fts5(type, name, content = 'sqlite_schema', content_rowid = 'rowid')",
        'of_view': "fts5(x, content = 'some_words')", 'of_itself': "fts5(x, content = 'of_itself')",
        'bare_fts': 'fts5(x)', 'bare_fts4': 'fts4(x)', 'bare_rtree': 'rtree(id, a, b)',
        'bare_geo': 'geopoly(a)', 'four_of': "fts4(content = 'of_itself', x)",
        'tokenized': "fts4(x, tokenize = 'no_such_tokenizer')",
        'tokenized5': "fts5(x, tokenize = 'unicode61 categories ''L*''')",
    }
    for name, module in made.items():
        crafted(db, ('table', name, name, 0, f'CREATE VIRTUAL TABLE {name} USING {module}'))
    view(db, 'some_words', "SELECT 'word' AS x")


@kind
def contents_of_modules(db):
    """Virtual tables whose own tables hold what their module never wrote."""
    db.executescript('''
        CREATE VIRTUAL TABLE words USING fts5 (x);
        INSERT INTO words VALUES ('one'), ('two');
        CREATE VIRTUAL TABLE four USING fts4 (x);
        INSERT INTO four VALUES ('one'), ('two');
        CREATE VIRTUAL TABLE boxes USING rtree (id, a, b);
        INSERT INTO boxes VALUES (1, 0, 1), (2, 1, 2);
        CREATE VIRTUAL TABLE vocabulary USING fts5vocab ('words', 'instance');
        UPDATE words_data SET block = randomblob(50) WHERE id > 1;
        UPDATE words_data SET block = x'ffffffffffff' WHERE id = 10;
        UPDATE words_config SET v = 99999;
        UPDATE words_docsize SET sz = zeroblob(100000);
        DELETE FROM four_content WHERE docid = 1;
        UPDATE four_segdir SET root = randomblob(100), start_block = 1, leaves_end_block = 1 << 60;
        UPDATE boxes_node SET data = zeroblob(length(data));
        UPDATE boxes_node SET data = x'ffff' || substr(data, 3);
    ''')


# ---- what never ends, or eats memory or the stack ----

NUMBERS = 'WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n{end})'
ENDLESS = {
    'rows': f"{NUMBERS.format(end='')} SELECT i FROM n",
    'no_row': f"{NUMBERS.format(end='')} SELECT i FROM n WHERE i < 0",
    'distinct': f"{NUMBERS.format(end='')} SELECT DISTINCT i, hex(randomblob(100)) FROM n",
    'sorted': f"{NUMBERS.format(end=' LIMIT 30000000')} SELECT i, hex(randomblob(100)) AS h FROM n ORDER BY h",
    'grouped': f"{NUMBERS.format(end='')} SELECT i, count(*) FROM n GROUP BY i, hex(randomblob(50))",
    'united': f"{NUMBERS.format(end='')} SELECT i FROM n UNION SELECT i + 0.5 FROM n",
    'aggregated': f"{NUMBERS.format(end='')} SELECT group_concat(hex(randomblob(500))) FROM n",
    'json_grouped': f"{NUMBERS.format(end='')} SELECT json_group_array(hex(randomblob(500))) FROM n",
    'windowed': f"{NUMBERS.format(end='')} SELECT i, sum(i) OVER (ORDER BY -i), randomblob(500) FROM n",
    'materialized': f"{NUMBERS.format(end='')}, m AS MATERIALIZED (SELECT i, randomblob(500) AS b FROM n) SELECT * FROM m, m AS o WHERE o.b = m.b",
    'queued': "WITH RECURSIVE q (b) AS (VALUES (randomblob(500)) UNION SELECT randomblob(500) FROM q, json_each('[1,2,3,4]')) SELECT b FROM q",
    'doubled': "WITH RECURSIVE d (s) AS (VALUES ('x') UNION ALL SELECT s || s FROM d) SELECT length(s) FROM d",
    'zeros': 'SELECT zeroblob(1000000000) AS z',
    'zeros_many': f"{NUMBERS.format(end=' LIMIT 100')} SELECT i, zeroblob(999999999) AS z FROM n",
    'zeros_text': 'SELECT hex(zeroblob(400000000)) AS z',
    'zeros_quoted': 'SELECT quote(zeroblob(400000000)) AS z, 1 AS one',
    'random': 'SELECT randomblob(1000000000) AS r',
    'joined': 'SELECT zeroblob(900000000) || zeroblob(900000000) AS j',
    'printed': "SELECT printf('%*d', 999999999, 1) AS p",
    'printed_real': "SELECT printf('%.999999999f', 0.1) AS p, printf('%,.*g', 100000000, 1e300) AS q",
    'replaced': "SELECT replace(hex(zeroblob(100000)), '0', hex(zeroblob(5000))) AS r",
    'liked': f"SELECT length(a) AS l FROM (SELECT hex(zeroblob(20000)) AS a) WHERE a LIKE '{'%0' * 90}1'",
    'liked_long': "SELECT 1 AS one WHERE 'x' LIKE replace(hex(zeroblob(100000)), '0', '%')",
    'globbed': f"SELECT 1 AS one WHERE hex(zeroblob(20000)) GLOB '{'*0' * 90}1'",
    'counted': 'SELECT count(*) AS c FROM good a, ' + ', '.join(f'dig d{i}' for i in range(12)),
    'nested_json': "SELECT json_extract(replace(hex(zeroblob(500000)), '0', '['), '$') AS j",
    'matched': "SELECT instr(zeroblob(100000000), zeroblob(50000000) || x'01') AS i",
}


@kind
def endless(db):
    db.execute('CREATE TABLE dig (d INTEGER)')
    db.executemany('INSERT INTO dig VALUES (?)', [(i,) for i in range(100)])
    for name, select in ENDLESS.items():
        view(db, f'e_{name}', select)


@kind
def deep(db):
    """Expressions and views within each other until there is no stack left."""
    view(db, 'brackets', f"SELECT {'(' * 40}1{')' * 40} AS x")
    view(db, 'sums', f"SELECT {' + '.join(['1'] * 990)} AS x")
    view(db, 'functions', f"SELECT {'abs(' * 20}1{')' * 20} AS x")
    view(db, 'selects', f"{'SELECT * FROM (' * 12}SELECT 1 AS x{')' * 12}")
    view(db, 'unions', ' UNION ALL '.join(['SELECT 1 AS x'] * 500))
    view(db, 'columns', f"SELECT {', '.join(f'1 AS c{i}' for i in range(30000))}")
    view(db, 'joins', f"SELECT 1 AS x FROM {', '.join(f'good g{i}' for i in range(64))} LIMIT 3")
    view(db, 'long', f"SELECT '{'x' * 5000000}' AS x")
    view(db, 'd0', 'SELECT id FROM good')
    for i in range(1, 1001):
        view(db, f'd{i}', f'SELECT id FROM d{i - 1}')
    db.execute('CREATE TABLE many_indexes (x)')
    db.execute('INSERT INTO many_indexes VALUES (1)')
    for i in range(300):
        db.execute(f'CREATE INDEX i{i} ON many_indexes (x)')


@kind
def doubling(db):
    """40 views, each of which asks the one before it twice."""
    view(db, 'b0', 'SELECT 1 AS x')
    for i in range(1, 40):
        view(db, f'b{i}', f'SELECT b{i - 1}.x FROM b{i - 1}, b{i - 1} AS other')


# ---- the schema's own table ----


def schema_kind(name, *rows):
    """Each row alone in a database, so that one refusal does not hide another."""
    def make(db):
        crafted(db, *(row(db) if callable(row) else row for row in rows))
    make.__name__ = f'schema_{name}'
    kind(make)


def table_row(name, root, sql=None):
    return ('table', name, name, root, sql or f'CREATE TABLE "{name}" (x)')


for NAME, ROOT in (('root_far', 99999), ('root_zero', 0), ('root_one', 1), ('root_negative', -5),
                   ('root_huge', 2**40), ('root_text', 'x'), ('root_null', None), ('root_real', 2.5)):
    schema_kind(NAME, table_row('bad', ROOT))
schema_kind('root_shared', lambda db: table_row('bad', root_of(db, 'good')))
schema_kind('root_of_index', lambda db: table_row('bad', root_of(db, 'good_name')))
schema_kind('root_of_overflow', lambda db: table_row('bad', db.execute('PRAGMA page_count').fetchone()[0]))
schema_kind('without_rowid', lambda db: table_row(
    'bad', root_of(db, 'good'), 'CREATE TABLE bad (a PRIMARY KEY, b) WITHOUT ROWID'))
schema_kind('index_is_table', lambda db: (
    'index', 'bad', 'good', root_of(db, 'good'), 'CREATE INDEX bad ON good (name)'))
schema_kind('index_of_other', lambda db: (
    'index', 'bad', 'good', root_of(db, 'good_name'), 'CREATE UNIQUE INDEX bad ON good (body, id)'))
schema_kind('index_far', ('index', 'bad', 'good', 9999, 'CREATE INDEX bad ON good (name)'))
schema_kind('no_sql', table_row('bad', 2, 'this is no SQL; DROP TABLE good'))
schema_kind('other_sql', table_row('bad', 2, 'DELETE FROM good'))
schema_kind('attach_sql', table_row('bad', 2, "ATTACH 'harmed' AS harmed"))
schema_kind('two_statements', table_row('bad', 2, "CREATE TABLE bad (x); CREATE TABLE worse (x)"))
schema_kind('null_sql', ('table', 'bad', 'bad', 2, None))
schema_kind('blob_sql', ('table', 'bad', 'bad', 2, b'CREATE TABLE bad (\xff\0x)'))
schema_kind('as_select', table_row('bad', 2, 'CREATE TABLE bad AS SELECT * FROM good'))
schema_kind('temp_sql', table_row('bad', 2, 'CREATE TEMP TABLE bad (x)'))
schema_kind('other_name', ('table', 'bad', 'bad', 2, 'CREATE TABLE other (x)'))
schema_kind('names', *(('table', n, n, 0, f'CREATE VIEW "{n}" AS SELECT 1') for n in ('a/b', '../x')))
schema_kind('name_with_nul', ('view', 'a\0b', 'a\0b', 0, 'CREATE VIEW "a" AS SELECT 1 AS x'))
schema_kind('name_of_path', ('view', '../../harmed', '../../harmed', 0, 'CREATE VIEW "../../harmed" AS SELECT 1 AS x'))
schema_kind('name_blob', ('view', b'\xff\xfe', b'\xff', 0, 'CREATE VIEW v AS SELECT 1 AS x'))
schema_kind('name_null', ('view', None, None, 0, 'CREATE VIEW v AS SELECT 1 AS x'))
schema_kind('name_long', ('view', 'n' * 100000, 'n' * 100000, 0, f'CREATE VIEW {"n" * 100000} AS SELECT 1 AS x'))
schema_kind('twice', lambda db: table_row('good', root_of(db, 'good')))
schema_kind('kind', ('harm', 'bad', 'bad', 2, 'CREATE TABLE bad (x)'))
schema_kind('trigger_of_nothing', ('trigger', 'bad', 'nothing', 0, 'CREATE TRIGGER bad AFTER INSERT ON nothing BEGIN SELECT 1; END'))
schema_kind('sequence_view', ('view', 'sqlite_sequence', 'sqlite_sequence', 0, 'CREATE VIEW sqlite_sequence AS SELECT 1 AS name, 2 AS seq'))
schema_kind('stat_of_harm', lambda db: table_row('sqlite_stat1', root_of(db, 'good'), 'CREATE TABLE sqlite_stat1 (tbl, idx, stat)'))
schema_kind('schema_again', table_row('sqlite_schema', 1))
schema_kind('temp_name', table_row('sqlite_temp_master', 2))
schema_kind('many', *(('view', f'v{i}', f'v{i}', 0, f'CREATE VIEW v{i} AS SELECT {i} AS x') for i in range(300)))
schema_kind('no_module', ('table', 'bad', 'bad', 0, 'CREATE VIRTUAL TABLE bad USING '))
schema_kind('call', table_row('bad', 2, "CREATE TABLE bad (x AS (load_extension('./harm.so')))"))
schema_kind('temp_view', ('view', 'bad', 'bad', 0, 'CREATE VIEW bad AS SELECT * FROM temp.sqlite_schema'))
for NAME, SELECT in (
        ('brackets', f"SELECT {'(' * 20000}1{')' * 20000} AS x"), ('minus', f"SELECT {'- ' * 20000}1 AS x"),
        ('nots', f"SELECT {'NOT ' * 50000}1 AS x"), ('sums', f"SELECT {' + '.join(['1'] * 50000)} AS x"),
        ('cases', f"SELECT {'CASE WHEN 1 THEN ' * 5000}1{' END' * 5000} AS x"),
        ('selects', f"{'SELECT * FROM (' * 5000}SELECT 1 AS x{')' * 5000}"),
        ('withs', f"{'WITH w AS (' * 2000}SELECT 1{') SELECT * FROM w' * 2000}"),
        ('unions', ' UNION ALL '.join(['SELECT 1 AS x'] * 20000)),
        ('joins', f"SELECT 1 AS x FROM {', '.join(f'good g{i}' for i in range(2000))}")):
    schema_kind(f'deep_{NAME}', ('view', 'bad', 'bad', 0, f'CREATE VIEW bad AS {SELECT}'))


# ---- b-trees that bite their own tail ----


def pages_of(raw):
    return [bytearray(raw[i:i + PAGE]) for i in range(0, len(raw), PAGE)]


def rewrite(path, change):
    with open(path, 'rb') as file:
        pages = pages_of(file.read())
    change(pages)
    with open(path, 'wb') as file:
        file.write(b''.join(pages))


@kind
def tree_circle(db):
    """An interior page whose children are itself and its root."""
    root = root_of(db, 'large')
    db.commit()

    def change(pages):
        page = pages[root - 1]
        if page[0] != 5:
            raise SystemExit('harm.py: large has no interior page')
        struct.pack_into('>I', page, 8, root)
        at = struct.unpack_from('>H', page, 12)[0]
        struct.pack_into('>I', page, at, root)
    return change


@kind
def tree_without_end(db):
    """Interior pages all of whose children are one page: as good as endless, but no circle."""
    root = root_of(db, 'large')
    db.commit()

    def change(pages):
        page = pages[root - 1]
        count = struct.unpack_from('>H', page, 3)[0]
        children = [struct.unpack_from('>I', page, at)[0] for at in struct.unpack_from(f'>{count}H', page, 12)]
        if page[0] != 5 or count < 8:
            raise SystemExit('harm.py: large has too few pages')
        way = [root] + children[1:8]
        for number, child in zip(way, way[1:] + children[:1]):
            pointers = [PAGE - 5 * (i + 1) for i in range(100)]
            interior = struct.pack('>BHHHBI', 5, 0, 100, pointers[-1], 0, child) + struct.pack('>100H', *pointers)
            interior = interior.ljust(pointers[-1], b'\0')
            interior += struct.pack('>IB', child, 1) * 100
            pages[number - 1] = bytearray(interior)
    return change


@kind
def overflow_circle(db):
    """BLOBs whose overflow pages lead to themselves, and to the schema."""
    db.execute("INSERT INTO large (body) VALUES (zeroblob(100000))")
    db.commit()

    def change(pages):
        number = 0
        for i, page in enumerate(pages[2:], 3):
            if page[4:] == bytes(PAGE - 4) and page[:4] != bytes(4):
                number += 1
                if number in (40, 60):
                    struct.pack_into('>I', page, 0, i if number == 40 else 1)
        if number < 60:
            raise SystemExit('harm.py: there are no overflow pages')
    return change


@kind
def payload_huge(db):
    """A cell that says its row has two gigabytes."""
    db.execute("INSERT INTO large VALUES (99999999, x'abcdefabcdef', zeroblob(9000))")
    db.commit()

    def change(pages):
        for page in pages:
            at = page.find(bytes.fromhex('abcdefabcdef'))
            if page[0] == 13 and at > 0:
                cell = struct.unpack_from('>H', page, 8 + 2 * (struct.unpack_from('>H', page, 3)[0] - 1))[0]
                page[cell:cell + 5] = b'\x87\xff\xff\xff\x7f'
    return change


def base(db):
    db.executescript(f'''
        PRAGMA page_size = {PAGE};
        PRAGMA auto_vacuum = INCREMENTAL;
        CREATE TABLE good (id INTEGER PRIMARY KEY, name TEXT, body BLOB);
        INSERT INTO good VALUES (1, 'one', x'01'), (2, 'two', x'02'), (3, NULL, NULL);
        CREATE INDEX good_name ON good (name);
        CREATE TABLE large (id INTEGER PRIMARY KEY, name TEXT, body BLOB);
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
        INSERT INTO large SELECT i, 'name ' || (i * 7919 % 2003), CASE i % 50 WHEN 0 THEN zeroblob(5000) END FROM n;
        CREATE INDEX large_name ON large (name);
        CREATE TABLE keyed (a TEXT, b INTEGER, c, PRIMARY KEY (a, b)) WITHOUT ROWID;
        INSERT INTO keyed SELECT name, id, hex(zeroblob(id % 40)) FROM large;
        CREATE TABLE child (id INTEGER PRIMARY KEY, large_id REFERENCES large);
        CREATE INDEX child_large ON child (large_id);
        INSERT INTO child SELECT id, id / 2 + 1 FROM large;
        CREATE TABLE gone (x);
        INSERT INTO gone SELECT zeroblob(900) FROM good;
        DROP TABLE gone;
    ''')


def make(path, name):
    db = sqlite3.connect(path, isolation_level=None)
    base(db)
    change = KINDS[name](db) if name != 'nothing' else None
    db.close()
    if change:
        rewrite(path, change)


def flip(path, seed):
    """Headers and cell pointers more often than what is behind them; page after page by its turn."""
    chance = random.Random(seed)

    def change(pages):
        page = pages[seed % len(pages)] if seed % 4 else pages[0]
        begins = 100 if page is pages[0] and chance.random() < 0.7 else 0
        for _ in range(chance.choice((1, 1, 2, 8))):
            at = begins + (chance.randrange(40) if chance.random() < 0.6 else chance.randrange(PAGE - begins))
            page[min(at, PAGE - 1)] ^= 1 << chance.randrange(8)
    rewrite(path, change)


def main():
    if len(sys.argv) == 1:
        print(*KINDS, sep='\n')
    elif sys.argv[1] == '--flip':
        flip(sys.argv[3], int(sys.argv[2]))
    else:
        if os.path.exists(sys.argv[2]):
            sys.exit(f'harm.py: {sys.argv[2]}: exists')
        make(sys.argv[2], sys.argv[1])


if __name__ == '__main__':
    main()

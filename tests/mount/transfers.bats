#!/usr/bin/env bats
# While a program moves money between accounts, each opened live file shows one committed state: the
# sum is the same in every form. Nobody who writes waits for who reads.

load helper

setup() { setup_scratch; }
teardown() {
    [ ! -e stop ] || touch stop
    teardown_scratch
}

# Accounts whose cents make a million together, whatever is moved: each transfer is a transaction,
# which adds to the journal too. Some close an account and open another.
make_accounts() {
    sqlite3 app.db >/dev/null <<'END'
PRAGMA journal_mode = wal;
CREATE TABLE account (id INTEGER PRIMARY KEY, cents INTEGER NOT NULL, note TEXT);
WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 5000)
INSERT INTO account SELECT i, 200, 'account ' || i || hex(randomblob(150)) FROM c;
CREATE INDEX account_cents ON account (cents);
CREATE TABLE journal (id INTEGER PRIMARY KEY, moved INTEGER NOT NULL, cents INTEGER NOT NULL);
CREATE VIEW rich AS SELECT id, cents FROM account WHERE cents > 0;
END
    cat >writer.py <<'END'
import os, random, sqlite3
db = sqlite3.connect('app.db', timeout=0, isolation_level=None)
commits = busy = 0
last = 5000
while not os.path.exists('stop'):
    try:
        db.execute('BEGIN IMMEDIATE')
        taken, given = random.sample(range(1, 5001), 2)
        db.execute('UPDATE account SET cents = cents - 7 WHERE id = ?', (taken,))
        db.execute('UPDATE account SET cents = cents + 7, note = note || ? WHERE id = ?',
                   ('+' if commits % 2 else '\n"', given))
        if commits % 10 == 0:
            db.execute('INSERT INTO account SELECT ?, cents, note FROM account WHERE id = ?', (last + 1, last))
            if last > 5000:
                db.execute('DELETE FROM account WHERE id = ?', (last,))
            else:
                db.execute('UPDATE account SET cents = 0 WHERE id = ?', (last + 1,))
            last += 1
        db.execute('INSERT INTO journal VALUES (?, 7, (SELECT sum(cents) FROM account))', (commits,))
        db.execute('COMMIT')
        commits += 1
    except sqlite3.OperationalError as e:
        if 'locked' not in str(e):
            raise
        busy += 1
        if db.in_transaction:
            db.execute('ROLLBACK')
print(commits, busy)
END
    # sums.py FILE...: reads each to its end, slowly, and prints the sum of the cents in it.
    cat >sums.py <<'END'
import csv, io, json, os, sqlite3, subprocess, sys, time
csv.field_size_limit(1 << 30)

def sum_of(path, raw):
    if path.endswith('.csv'):
        rows = list(csv.DictReader(io.StringIO(raw.decode(), newline=''), strict=True))
        return sum(int(row['cents']) for row in rows)
    if path.endswith('.ndjson'):
        return sum(json.loads(line)['cents'] for line in raw.decode().split('\n')[:-1])
    if os.path.exists('new.db'):
        os.unlink('new.db')
    if path.endswith('/rows.sql'):
        subprocess.run(['sqlite3', 'new.db', 'CREATE TABLE account (id INTEGER PRIMARY KEY, cents, note)'], check=True)
    subprocess.run(['sqlite3', '-bail', 'new.db'], input=raw, check=True)
    db = sqlite3.connect('new.db')
    if path.endswith('database.sql'):
        counts = db.execute('SELECT count(*), coalesce(max(id) + 1, 0) FROM journal').fetchone()
        assert counts[0] == counts[1], counts
    return db.execute('SELECT sum(cents) FROM account').fetchone()[0]

for path in sys.argv[1:]:
    with open(path, 'rb', buffering=0) as file:
        raw = b''
        while piece := file.read(150000):
            raw += piece
            time.sleep(0.02) # others commit meanwhile
        file.seek(0)
        again = b''.join(iter(lambda: file.read(1 << 20), b''))
        assert again == raw, path + ' is other bytes when it is read again'
    print(sum_of(path, raw))
END
}

start_writer() {
    /usr/bin/python3 writer.py >written 3>&- 4>&- &
    writer=$!
    eventually writes
}

writes() { [ "$(sqlite3 -cmd '.timeout 5000' app.db 'SELECT count(*) FROM journal')" -gt 20 ]; }

stop_writer() {
    touch stop
    wait "$writer"
    read -r commits busy <written
}

# All of the WAL can go back into the database.
emptied() { [ "$(sqlite3 app.db 'PRAGMA wal_checkpoint(TRUNCATE)')" = '0|0|0' ] && [ ! -s app.db-wal ]; }

@test "every form of live rows has one committed state, however slowly it is read" {
    make_accounts
    dbsnapfs app.db mnt
    start_writer
    for _ in 1 2 3 4 5; do
        /usr/bin/python3 sums.py mnt/live/tables/account/rows.csv mnt/live/tables/account/rows.ndjson \
            mnt/live/tables/account/rows.sql mnt/live/database.sql mnt/live/views/rich/rows.csv >>sums
    done
    stop_writer
    [ "$(sort -u sums)" = 1000000 ]
    [ "$(wc -l <sums)" -eq 25 ]
    [ "$busy" -eq 0 ]
    [ "$commits" -gt 100 ]
    emptied
}

@test "readers side by side each have a state of their own" {
    make_accounts
    dbsnapfs app.db mnt
    start_writer
    local readers=()
    for i in 1 2 3 4 5 6; do
        /usr/bin/python3 sums.py mnt/live/tables/account/rows.csv mnt/live/tables/account/rows.ndjson \
            mnt/live/tables/account/rows.csv >"got.$i" 3>&- 4>&- &
        readers+=($!)
    done
    for reader in "${readers[@]}"; do
        wait "$reader"
    done
    stop_writer
    [ "$(cat got.* | sort | uniq -c | tr -s ' ')" = ' 18 1000000' ]
    [ "$busy" -eq 0 ]
    emptied
}

@test "a live file that is open keeps no writer from writing, and nothing from the WAL when it is closed" {
    make_accounts
    dbsnapfs app.db mnt
    exec 5<mnt/live/tables/account/rows.csv
    head -c 1000 <&5 >start
    start_writer
    stop_writer
    [ "$busy" -eq 0 ]
    cat start - <&5 >old.csv
    exec 5<&-
    [ "$(/usr/bin/python3 -c '
import csv
print(sum(int(row["cents"]) for row in csv.DictReader(open("old.csv", newline=""))))')" -eq 1000000 ]
    grep -q '^1,200,' old.csv # nothing of what was written since
    eventually emptied
}

@test "each row of live/ has a whole state of its row, and counts are those of the forms" {
    make_accounts
    dbsnapfs app.db mnt
    start_writer
    for _ in {1..40}; do
        count=$(cat mnt/live/tables/account/count)
        [ "$count" -ge 5000 ] && [ "$count" -le 5001 ]
        jq -e '.cents != null and (.note | startswith("account "))' mnt/live/tables/account/rows/77/row.json >/dev/null
    done
    stop_writer
    [ "$busy" -eq 0 ]
    emptied
}

@test "a live file that is held open for too long is given up, so that the WAL can be emptied" {
    make_accounts
    dbsnapfs -o live-timeout=1 app.db mnt
    exec 5<mnt/live/tables/account/rows.csv
    head -c 1000 <&5 >start
    [ -s start ]
    sqlite3 app.db 'UPDATE account SET cents = cents'
    eventually emptied
    run cat <&5
    [ "$status" -ne 0 ]
    exec 5<&-
    # Whoever opens it again has it.
    [ "$(wc -l <mnt/live/tables/account/rows.csv)" -eq 5001 ]
}

#!/usr/bin/env bats
# rows/KEY/ and by/COLUMN/VALUE/: a directory for each row under the name that its key gives, with
# the row's bytes as they are, and links that lead where the database's relations do.

# shellcheck disable=SC2086,SC2231 # no path of ours has a blank that is not quoted

load helper

setup() { setup_scratch; }
teardown() { teardown_scratch; }

# mounted_db <<SQL: app.db made of it, mounted and backed up; $live and $past are its tables.
mounted_db() {
    sqlite3 app.db >/dev/null
    dbsnapfs app.db mnt
    command_line backup
    live=mnt/live/tables past=mnt/backups/latest/tables
}

odd() {
    "$DBSNAPFS_TOP/tests/table/oddities.py" --blob-bytes 300000 app.db
    dbsnapfs app.db mnt
    command_line backup
    live=mnt/live/tables past=mnt/backups/latest/tables
}

# has FILE BYTES: as printf %b has them, with no newline of anybody's at the end.
has() { printf %b "$2" | cmp - "$1"; }

# leads LINK TO: a link, and where it leads is the directory TO.
leads() {
    [ -L "$1" ] || { echo "$1 is no link"; return 1; }
    [[ $(readlink "$1") != /* ]] || { echo "$1 is an absolute link"; return 1; }
    [ -d "$1/" ] || { echo "$1 leads nowhere: $(readlink "$1")"; return 1; }
    [ "$(readlink -f "$1")" = "$(readlink -f "$2")" ] || { echo "$1 leads to $(readlink -f "$1")"; return 1; }
}

shop() {
    mounted_db <<'END'
PRAGMA journal_mode = wal;
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, photo BLOB, score REAL);
INSERT INTO users VALUES (1, 'Ada', x'00ff0a', 0.1), (2, 'Bo', NULL, -0.0), (-3, '', x'', 1e999);
CREATE INDEX users_name ON users (name);
CREATE TABLE orders (id TEXT PRIMARY KEY, user_id INTEGER REFERENCES users (id), country TEXT, code TEXT,
    FOREIGN KEY (country, code) REFERENCES places (country, code));
CREATE INDEX orders_user ON orders (user_id);
CREATE INDEX orders_place ON orders (country, code);
CREATE TABLE places (country TEXT, code TEXT, name TEXT, PRIMARY KEY (country, code)) WITHOUT ROWID;
INSERT INTO places VALUES ('de', 'B', 'Berlin'), ('a,b', '/', 'Odd');
INSERT INTO orders VALUES ('o/1', 1, 'de', 'B'), ('o2', 1, 'a,b', '/'), ('.o3', 2, 'de', NULL),
    ('o4', NULL, 'xx', 'X'), ('o5', 99, NULL, NULL);
CREATE TABLE notes (text TEXT);
INSERT INTO notes (rowid, text) VALUES (7, 'seven'), (-1, 'minus one');
END
}

@test "a row's directory has row.json and a file for each column" {
    shop
    for top in $live $past; do
        has $top/users/rows/1/id 1
        has $top/users/rows/1/name Ada
        has $top/users/rows/1/photo '\x00\xff\n'
        [ "$(stat -c %s $top/users/rows/1/photo)" -eq 3 ]
        has $top/users/rows/1/score 0.1
        has $top/users/rows/2/score 0.0 # SQLite keeps no -0.0 in a REAL column
        has $top/users/rows/-3/score inf
        [ "$(stat -c %s $top/users/rows/-3/name)" -eq 0 ]
        [ -f $top/users/rows/-3/photo ]
        jq -e '.id == 1 and .name == "Ada" and .photo.base64 == "AP8K" and .score == 0.1' $top/users/rows/1/row.json
        jq -e '.photo == null and .name == "Bo"' $top/users/rows/2/row.json
        jq -e '.score.real == "inf" and .photo.base64 == ""' $top/users/rows/-3/row.json
        [ "$(jq -r 'keys_unsorted | join(" ")' $top/users/rows/1/row.json)" = 'id name photo score' ]
    done
}

@test "rows lists each key once" {
    shop
    for top in $live $past; do
        [ "$(LC_ALL=C ls $top/users/rows)" = $'-3\n1\n2' ]
        [ "$(LC_ALL=C ls $top/orders/rows)" = $'%2Eo3\no%2F1\no2\no4\no5' ]
        [ "$(LC_ALL=C ls $top/places/rows)" = $'a%2Cb,%2F\nde,B' ]
        [ "$(LC_ALL=C ls $top/notes/rows)" = $'-1\n7' ]
    done
}

@test "a table without a key has its rows by rowid" {
    shop
    has $live/notes/rows/7/text seven
    has $past/notes/rows/-1/text 'minus one'
}

@test "the parts of a key are told apart, whatever is in them" {
    odd
    for top in $live $past; do
        has $top/k_pair/rows/a%2Cb,c/v 1
        has $top/k_pair/rows/a,b%2Cc/v 2
        has $top/k_pair/rows/a,b/v 0
        [ "$(cat $top/k_pair_backwards/rows/a%2Cb,c/a)" = a,b ]
        [ -d "$top/k_text/rows/%25" ]
        [ -d "$top/k_text/rows/%252F" ]
        [ -d "$top/k_text/rows/%2E." ]
        [ -d "$top/k_text/rows/%~" ]
        [ -d "$top/k_text/rows/x%00y" ]
        has "$top/k_text/rows/x%00y/k" 'x\0y'
        has "$top/k_text/rows/%FF/k" '\xff'
        has "$top/k_text/rows/a%C0%AFb/v" 61c0af62
        has "$top/wr_text/rows/caf%C3/k" 'caf\xc3'
        [ -d "$top/k_text/rows/😀 "$'\u202e' ]
        [ "$(find $top/k_text/rows -maxdepth 1 -name 'qqqqq*' | wc -l)" -eq 2 ]
    done
}

@test "a row that has a name of 300 bytes is found again by the name that is listed" {
    odd
    for row in $past/k_text/rows/qqqq*; do
        [ "$(stat -c %s "$row/k")" -eq 301 ]
        [ "$(basename "$row" | wc -c)" -le 256 ]
        tail -c 1 "$row/k" >>ends
    done
    [[ $(cat ends) == ab || $(cat ends) == ba ]]
}

@test "rows whose keys are NULL or equal but for their type have a directory each" {
    odd
    local tables='k_any k_pair_null k_desc k_int_not_alias k_text k_blob strictly_keyed rowid_taken_key'
    for top in $live $past; do
        for table in $tables; do
            ls -U $top/$table/rows >names
            [ "$(sort -u names | wc -l)" -eq "$(sqlite3 app.db "SELECT count(*) FROM $table")" ]
        done
        "$DBSNAPFS_TOP/tests/table/walk.py" app.db $top $tables
    done
}

@test "every row of every table is there, with all that is in it" {
    odd
    # The table of 2,000 columns, which takes as long as the others together, is asked for below.
    sqlite3 app.db "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'
        AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name <> 'wide' AND instr(name, char(10)) = 0" >tables
    mapfile -t tables <tables
    "$DBSNAPFS_TOP/tests/table/walk.py" app.db $live "${tables[@]}"
    "$DBSNAPFS_TOP/tests/table/walk.py" app.db $past "${tables[@]}"
}

@test "a BLOB's file has its bytes and nothing else" {
    odd
    sqlite3 app.db "SELECT writefile('blob', b) FROM big WHERE id = 1"
    [ "$(stat -c %s blob)" -eq 300000 ]
    cmp blob $live/big/rows/1/b
    cmp blob $past/big/rows/1/b
    [ "$(stat -c %s $past/big/rows/1/b)" -eq 300000 ]
    cmp <(dd if=$past/big/rows/1/b bs=1 skip=131071 count=3 status=none) <(dd if=blob bs=1 skip=131071 count=3 status=none)
    cmp $live/big/rows/2/b <(head -c 300000 /dev/zero)
    [ "$(cat $past/big/rows/1/t)" = "$(sqlite3 app.db 'SELECT t FROM big WHERE id = 1')" ]
}

@test "columns that are called as what stands beside them hide neither" {
    odd
    for row in $live/called_as_ours/rows/1 $past/called_as_ours/rows/1; do
        jq -e '."row.json" == "not the object" and .a == 7 and ."referenced-by" == "not the folder"' $row/row.json
        leads $row/referenced-by/refers_to_ours.ours/1 ${row%/*/*/*}/refers_to_ours/rows/1
        leads $row/a.row ${row%/*/*/*}/k_int/rows/7
        grep -rqx 'not the object' $row
        grep -rqx 'not the link' $row
        grep -rqx 'not the folder' $row
    done
}

@test "generated columns have files, and odd column names have names of files" {
    odd
    has $live/generated/rows/2/s_up TWO
    has $past/generated/rows/2/v_all 2:two
    has $past/generated/rows/2/v_len 3
    row=$past/column_names/rows/1
    for name in %~ ' ' %2E %2E. %2Ehidden a%2Fb 'a"b' "it's" new%0Aline '[x]' %252F 😀 a,b é rows; do
        [ -f "$row/$name" ]
    done
    has "$row/a%2Fb" a/b
    has "$past/name_not_utf8/rows/1/%FF%2F" x
}

@test "a row of 2,000 columns has 2,000 files" {
    odd
    [ "$(find $past/wide/rows/2 -type f -name 'c*' | wc -l)" -ge 1714 ]
    has $past/wide/rows/2/c1999 1999
    has $live/wide/rows/2/c1001 1001
    [ ! -e $live/wide/rows/2/c1000 ] # is NULL
}

@test "a foreign key is a link to the row that it names" {
    shop
    for top in $live $past; do
        leads $top/orders/rows/o%2F1/user_id.row $top/users/rows/1
        leads $top/orders/rows/%2Eo3/user_id.row $top/users/rows/2
        leads $top/orders/rows/o%2F1/country,code.row $top/places/rows/de,B
        leads $top/orders/rows/o2/country,code.row $top/places/rows/a%2Cb,%2F
        has $top/orders/rows/o%2F1/user_id.row/name Ada
    done
}

@test "a foreign key that names no row leads nowhere" {
    shop
    for top in $live $past; do
        for link in o4/user_id.row o5/user_id.row o4/country,code.row o5/country,code.row %2Eo3/country,code.row; do
            [ ! -e $top/orders/rows/$link ]
        done
        # Where a part is NULL nothing is named at all.
        [ ! -L $top/orders/rows/o4/user_id.row ]
        [ ! -L $top/orders/rows/%2Eo3/country,code.row ]
    done
}

@test "referenced-by has the rows that refer to a row" {
    shop
    for top in $live $past; do
        [ "$(LC_ALL=C ls $top/users/rows/1/referenced-by/orders.user_id)" = $'o%2F1\no2' ]
        leads $top/users/rows/1/referenced-by/orders.user_id/o%2F1 $top/orders/rows/o%2F1
        leads $top/users/rows/1/referenced-by/orders.user_id/o2 $top/orders/rows/o2
        [ "$(ls $top/users/rows/2/referenced-by/orders.user_id)" = %2Eo3 ]
        [ -z "$(find $top/users/rows/-3/ -type l)" ]
        [ "$(ls $top/places/rows/de,B/referenced-by/orders.country,code)" = o%2F1 ]
        leads $top/places/rows/de,B/referenced-by/orders.country,code/o%2F1 $top/orders/rows/o%2F1
        [ ! -e $top/users/rows/1/referenced-by/orders.user_id/o4 ]
    done
}

@test "links follow the parent's collation and affinity, as foreign keys do" {
    odd
    for top in $live $past; do
        leads $top/visit/rows/2/country,code.row $top/place/rows/de,B
        leads $top/visit/rows/7/who.row $top/staff/rows/2
        leads $top/visit/rows/3/country,code.row $top/place/rows/a%2Cb,%2F
        leads $top/to_unique/rows/10/code.row "$top/by_unique/rows/$(sqlite3 app.db "SELECT rowid FROM by_unique WHERE code = 'x/y'")"
        [ ! -e $top/to_unique/rows/30/code.row ]
        [ "$(LC_ALL=C ls $top/place/rows/de,B/referenced-by/visit.country,code)" = $'1\n2' ]
        leads "$top/odd%2Fchild/rows/1/par%2Fent.row" $top/a%2Fb/rows/3
        [ "$(ls "$top/a%2Fb/rows/3/referenced-by/odd%2Fchild.par%2Fent")" = $'1\n2' ]
    done
}

@test "a row that refers to itself, and one that refers to what is not there" {
    odd
    for top in $live $past; do
        leads $top/staff/rows/1/boss.row $top/staff/rows/1
        leads $top/staff/rows/1/boss.row/boss.row/boss.row $top/staff/rows/1
        [ "$(LC_ALL=C ls $top/staff/rows/1/referenced-by/staff.boss)" = $'1\n2' ]
        leads $top/staff/rows/3/boss.row/boss.row $top/staff/rows/1
        [ ! -e $top/staff/rows/4/boss.row ]
        [ ! -e $top/staff/rows/5/boss.row ]
        has $top/dangling/rows/1/a 1
        [ ! -e $top/dangling/rows/1/a.row ]
        [ ! -e $top/dangling/rows/1/c.row ]
        jq -e '.a == 1 and .c == 1' $top/dangling/rows/1/row.json
    done
}

@test "by/COLUMN/VALUE has the rows with that value" {
    shop
    for top in $live $past; do
        leads $top/users/by/name/Ada/1 $top/users/rows/1
        leads $top/users/by/name/%~/-3 $top/users/rows/-3
        [ "$(LC_ALL=C ls $top/users/by/name)" = $'%~\nAda\nBo' ]
        [ "$(LC_ALL=C ls $top/orders/by/user_id/1)" = $'o%2F1\no2' ]
        leads $top/orders/by/user_id/1/o%2F1 $top/orders/rows/o%2F1
        leads $top/orders/by/user_id/99/o5 $top/orders/rows/o5
        leads $top/orders/by/country/a%2Cb/o2 $top/orders/rows/o2 || leads $top/orders/by/country/a,b/o2 $top/orders/rows/o2
        [ ! -e $top/users/by/name/Eve ]
        [ ! -e $top/users/by/score ]
        [ ! -e $top/notes/by ] || [ -z "$(ls $top/notes/by)" ]
    done
}

@test "by/ reaches each row that has a value, whatever it is" {
    odd
    # The column; the rows whose value is not NULL.
    for column in n none t b r; do
        for top in $live $past; do
            find $top/every_value/by/$column -mindepth 2 -maxdepth 2 -type l -printf '%f\n' | sort -n >got
            sqlite3 app.db "SELECT rowid FROM every_value WHERE $column IS NOT NULL ORDER BY rowid" | comm -23 <(sort) <(sort got) >lost
            [ ! -s lost ] || { echo "by/$column lacks rows $(tr '\n' ' ' <lost)"; false; }
            [ "$(sort -u got | wc -l)" -eq "$(wc -l <got)" ]
            [ -z "$(find $top/every_value/by/$column -xtype l)" ]
        done
    done
}

@test "by/ finds rows as the column's collation compares" {
    odd
    for top in $live $past; do
        [ "$(find $top/collated/by/a -mindepth 2 -type l ! -path '*/by/a/%~null/*' | wc -l)" -eq 3 ]
        # RTRIM holds 'x', 'x ' and 'x  ' for one value.
        [ "$(find $top/collated/by/b/ -mindepth 2 -type l | wc -l)" -ge 4 ]
        [ "$(find $top/collated/by/b/x/ -type l | wc -l)" -eq 3 ]
        [ -z "$(find $top/collated/by -xtype l)" ]
    done
}

@test "what is not there is not found, and a row has one name only" {
    shop
    for path in users/rows/4 users/rows/01 users/rows/+1 'users/rows/1 ' users/rows/1.0 users/rows/x users/rows/%31 \
        users/rows/9223372036854775808 users/rows/1,1 users/rows/1/nothing users/rows/1/Name.row users/nothing nobody \
        places/rows/de places/rows/de,B,x places/rows/de%2CB orders/rows/o/1 orders/rows/o%2f1 by users/by/photo \
        users/rows/%~ notes/rows/0; do
        for top in $live $past; do
            run stat "$top/$path"
            [ "$status" -ne 0 ]
            [[ $output == *'No such file or directory'* ]]
        done
    done
}

@test "rows/ of live/ follows the database, that of a backup does not" {
    shop
    sqlite3 app.db "DELETE FROM users WHERE id = 1; INSERT INTO users VALUES (8, 'new', NULL, 8);
        UPDATE users SET name = 'changed and longer' WHERE id = 2"
    [ ! -e $live/users/rows/1 ]
    has $live/users/rows/8/name new
    has $live/users/rows/2/name 'changed and longer'
    [ "$(stat -c %s $live/users/rows/2/name)" -eq 18 ]
    [ "$(LC_ALL=C ls $live/users/rows)" = $'-3\n2\n8' ]
    leads "$live/users/by/name/changed and longer/2" $live/users/rows/2
    [ ! -e $live/users/by/name/Ada ]
    [ ! -e $live/orders/rows/o2/user_id.row ]
    has $past/users/rows/1/name Ada
    has $past/users/rows/2/name Bo
    [ ! -e $past/users/rows/8 ]
    leads $past/orders/rows/o2/user_id.row $past/users/rows/1
    sqlite3 app.db 'DROP TABLE notes; ALTER TABLE users ADD COLUMN more DEFAULT 5'
    [ ! -e $live/notes ]
    has $live/users/rows/2/more 5
    has $past/notes/rows/7/text seven
}

@test "a backup's rows cannot be changed" {
    shop
    for attempt in "rm $past/users/rows/1/name" "rmdir $past/users/rows/1" "touch $past/users/rows/1/new" \
        "cp app.db $past/users/rows/1/name" "mkdir $past/users/rows/9" "mv $past/users/rows/1 $past/users/rows/9" \
        "ln -s x $past/users/by/name/x" "truncate -s 0 $past/users/rows.csv"; do
        run $attempt
        [ "$status" -ne 0 ]
        [[ $output =~ 'Read-only file system'|'Permission denied'|'not permitted' ]]
    done
    has $past/users/rows/1/name Ada
}

@test "a row of 300,000 is found at once, and the first names of a listing too" {
    sqlite3 app.db "PRAGMA journal_mode = wal; CREATE TABLE many (id INTEGER PRIMARY KEY, v TEXT UNIQUE, p REFERENCES many);
        CREATE INDEX many_p ON many (p);
        WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 300000)
        INSERT INTO many SELECT i, 'v' || i, i / 2 FROM c" >/dev/null
    dbsnapfs app.db mnt
    command_line backup
    for top in mnt/live mnt/backups/latest; do
        # All of these one after another; each by an index.
        timeout 5 cat $top/tables/many/rows/299999/v $top/tables/many/by/v/v150000/150000/p >got
        [ "$(cat got)" = v29999975000 ]
        timeout 5 ls $top/tables/many/rows/75000/referenced-by/many.p >got
        [ "$(cat got)" = $'150000\n150001' ]
        # The first names of many: the rest is not waited for.
        timeout 5 /usr/bin/python3 -c '
import os, sys
with os.scandir(sys.argv[1]) as found:
    print(next(found).name)' "$top/tables/many/rows" >first
        [ -d "$top/tables/many/rows/$(cat first)" ]
    done
    [ "$(timeout 60 ls -U mnt/backups/latest/tables/many/rows | sort -u | wc -l)" -eq 300000 ]
}

/*
 * shopdb: a web shop's SQLite database, made to be backed up.
 *
 * A backup tool is judged by what it does to a database that has lived: rows that arrived mixed over
 * the years, so that a table's pages lie between those of its indexes, and indexes on e-mail
 * addresses and tokens, where each new row lands somewhere else. `create` therefore lets a shop
 * happen, one visit after another, until the file is as large as asked; `day` lets it happen for one
 * day more, and changes and deletes some of what is there. All of it comes out of one seeded
 * generator: equal arguments, equal bytes.
 *
 * The contents are tuned to two measurements: 64 KiB pieces shrink about 2.3 times under zlib-1, and
 * a day touches about 9 % of the 4 KiB pages, 56 % of the 64 KiB chunks and nearly every chunk of
 * 1 MiB. The pages come half from the newest twentieth of the rows, which a day writes densely, and
 * half from single rows and index entries anywhere.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "common.h"
#include "words.h"

#define DEFAULT_SEED 42
#define OPENING_TIME 1577836800 /* 2020-01-01, the shop's first second */

/* How much the shop lives in the present: see rng_recent and rng_lately. */
#define USER_SKEW 48
#define PRODUCT_SKEW 12
#define LATELY_PERCENT 97
#define LATELY_PART 20

/* An id of 1 … newest; the higher the skew, the nearer to the newest. */
static int64_t rng_recent(struct rng *rng, int64_t newest, int skew)
{
    double unit = rng_unit(rng), age = unit;

    while (--skew > 0)
        age *= unit;
    return newest - (int64_t)((double)newest * age);
}

/* An id that a day's work is about: most often of the newest few, now and then any. */
static int64_t rng_lately(struct rng *rng, int64_t newest)
{
    bool lately = rng_below(rng, 100) < LATELY_PERCENT;

    return newest - rng_below(rng, lately ? newest / LATELY_PART + 1 : newest);
}

static void rng_hex(struct rng *rng, char *text, size_t digits)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < digits; i++, bits >>= 4) {
        if (i % 16 == 0)
            bits = rng_next(rng);
        text[i] = "0123456789abcdef"[bits & 15];
    }
    text[digits] = '\0';
}

/* ---- words ---- */

#define COUNT_OF(array) ((int64_t)(sizeof(array) / sizeof((array)[0])))
#define PICK(rng, array) ((array)[rng_below((rng), COUNT_OF(array))])

/* Zipf's law: the word of rank n is drawn 1/n as often as the first. */
static const char *word(struct rng *rng)
{
    static double up_to[COUNT_OF(words)]; /* of each rank, the sum of the weights so far */
    size_t low = 0, high = COUNT_OF(words) - 1;

    if (up_to[0] == 0)
        for (size_t i = 0; i < COUNT_OF(words); i++)
            up_to[i] = (i ? up_to[i - 1] : 0) + 1.0 / (double)(i + 1);
    double drawn = rng_unit(rng) * up_to[high];
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (up_to[middle] > drawn)
            high = middle;
        else
            low = middle + 1;
    }
    return words[low];
}

/* Sentences of `count` words in all. */
static void prose(struct rng *rng, char *text, size_t text_bytes, int64_t count)
{
    size_t used = 0;
    bool start = true;

    for (int64_t i = 0; i < count && used + 24 < text_bytes; i++) {
        bool stop = i + 1 == count || rng_below(rng, 11) == 0;
        size_t at = used;

        used +=
            (size_t)snprintf(text + used, text_bytes - used, "%s%s", word(rng), stop ? ". " : " ");
        if (start && text[at] >= 'a')
            text[at] = (char)(text[at] - 'a' + 'A');
        start = stop;
    }
    text[used ? used - 1 : 0] = '\0';
}

/* ---- the shop ---- */

enum table { USERS, PRODUCTS, ORDERS, ITEMS, EVENTS, TOKENS, REVIEWS, TABLE_COUNT };

static const char *const table_names[TABLE_COUNT] = {"users",  "products", "orders", "items",
                                                     "events", "tokens",   "reviews"};

enum statement {
    /* 0 … TABLE_COUNT-1 insert into the table of that number */
    SET_STATUS = TABLE_COUNT,
    SET_STOCK,
    SET_LOGIN,
    SET_PAYLOAD,
    SET_EXPIRY,
    DELETE_TOKEN,
    DELETE_EVENT,
    STATEMENT_COUNT
};

static const char schema[] =
    "CREATE TABLE users(id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL,"
    " city TEXT, password_hash TEXT NOT NULL, created INTEGER NOT NULL, last_login INTEGER);"
    "CREATE TABLE products(id INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE, title TEXT NOT NULL,"
    " description TEXT, price REAL NOT NULL, stock INTEGER NOT NULL);"
    "CREATE TABLE orders(id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users(id),"
    " created INTEGER NOT NULL, status TEXT NOT NULL, total REAL NOT NULL, address TEXT, note TEXT);"
    "CREATE INDEX orders_user ON orders(user_id); CREATE INDEX orders_created ON orders(created);"
    "CREATE TABLE items(id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders(id),"
    " product_id INTEGER NOT NULL REFERENCES products(id), quantity INTEGER NOT NULL,"
    " price REAL NOT NULL);"
    "CREATE INDEX items_order ON items(order_id); CREATE INDEX items_product ON items(product_id);"
    "CREATE TABLE events(id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id),"
    " at INTEGER NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL);"
    "CREATE INDEX events_user ON events(user_id, at);"
    "CREATE TABLE tokens(id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users(id),"
    " token TEXT NOT NULL, secret BLOB NOT NULL, expires INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX tokens_token ON tokens(token);"
    "CREATE TABLE reviews(id INTEGER PRIMARY KEY,"
    " product_id INTEGER NOT NULL REFERENCES products(id),"
    " user_id INTEGER NOT NULL REFERENCES users(id), stars INTEGER NOT NULL,"
    " created INTEGER NOT NULL, body TEXT NOT NULL);"
    "CREATE INDEX reviews_product ON reviews(product_id, created);";

static const char *const statement_sql[STATEMENT_COUNT] = {
    [USERS] = "INSERT INTO users VALUES(?,?,?,?,?,?,?)",
    [PRODUCTS] = "INSERT INTO products VALUES(?,?,?,?,?,?)",
    [ORDERS] = "INSERT INTO orders VALUES(?,?,?,?,?,?,?)",
    [ITEMS] = "INSERT INTO items VALUES(?,?,?,?,?)",
    [EVENTS] = "INSERT INTO events VALUES(?,?,?,?,?)",
    [TOKENS] = "INSERT INTO tokens VALUES(?,?,?,?,?)",
    [REVIEWS] = "INSERT INTO reviews VALUES(?,?,?,?,?,?)",
    [SET_STATUS] = "UPDATE orders SET status = ?2 WHERE id = ?1",
    [SET_STOCK] = "UPDATE products SET stock = ?2 WHERE id = ?1",
    [SET_LOGIN] = "UPDATE users SET last_login = ?2 WHERE id = ?1",
    [SET_PAYLOAD] = "UPDATE events SET payload = ?2 WHERE id = ?1",
    [SET_EXPIRY] = "UPDATE tokens SET expires = ?2 WHERE id = ?1",
    [DELETE_TOKEN] = "DELETE FROM tokens WHERE id = ?1",
    [DELETE_EVENT] = "DELETE FROM events WHERE id = ?1",
};

struct shop {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    struct rng rng;
    int64_t newest[TABLE_COUNT]; /* highest id of each table */
    int64_t now;
};

static void shop_exec(struct shop *shop, const char *sql)
{
    if (sqlite3_exec(shop->db, sql, NULL, NULL, NULL))
        die("%s: %s", sql, sqlite3_errmsg(shop->db));
}

static int64_t shop_number(struct shop *shop, const char *sql)
{
    sqlite3_stmt *stmt = NULL;

    if (sqlite3_prepare_v2(shop->db, sql, -1, &stmt, NULL) || sqlite3_step(stmt) != SQLITE_ROW)
        die("%s: %s", sql, sqlite3_errmsg(shop->db));
    int64_t value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

/* Runs a statement with values as `types` names them: i int64_t, r double, t text, b 32 bytes.
 * Returns the number of rows it changed. */
static int64_t shop_run(struct shop *shop, int statement, const char *types, ...)
{
    sqlite3_stmt *stmt = shop->statements[statement];
    va_list args;

    va_start(args, types);
    for (int i = 0; types[i]; i++) {
        if (types[i] == 'i')
            sqlite3_bind_int64(stmt, i + 1, va_arg(args, int64_t));
        else if (types[i] == 'r')
            sqlite3_bind_double(stmt, i + 1, va_arg(args, double));
        else if (types[i] == 't')
            sqlite3_bind_text(stmt, i + 1, va_arg(args, const char *), -1, SQLITE_STATIC);
        else
            sqlite3_bind_blob(stmt, i + 1, va_arg(args, const void *), 32, SQLITE_STATIC);
    }
    va_end(args);
    if (sqlite3_step(stmt) != SQLITE_DONE)
        die("%s: %s", statement_sql[statement], sqlite3_errmsg(shop->db));
    sqlite3_reset(stmt);
    return sqlite3_changes(shop->db);
}

static void shop_prepare(struct shop *shop)
{
    for (int i = 0; i < STATEMENT_COUNT; i++)
        if (sqlite3_prepare_v2(shop->db, statement_sql[i], -1, &shop->statements[i], NULL))
            die("%s: %s", statement_sql[i], sqlite3_errmsg(shop->db));
}

static void shop_open(struct shop *shop, const char *path, int flags, uint64_t seed)
{
    *shop = (struct shop){.rng = {seed}, .now = OPENING_TIME};
    if (sqlite3_open_v2(path, &shop->db, SQLITE_OPEN_READWRITE | flags, NULL))
        die("%s: %s", path, sqlite3_errmsg(shop->db));
    shop_exec(shop, "PRAGMA synchronous = OFF");
}

static void shop_close(struct shop *shop)
{
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(shop->statements[i]);
    if (sqlite3_close(shop->db))
        die("close: %s", sqlite3_errmsg(shop->db));
}

static void add_user(struct shop *shop)
{
    struct rng *rng = &shop->rng;
    const char *first = PICK(rng, first_names), *last = PICK(rng, last_names);
    char email[96], name[64], hash[41];
    int64_t id = ++shop->newest[USERS];

    snprintf(email, sizeof(email), "%s.%s%" PRId64 "@%s", first, last, id, PICK(rng, mail_hosts));
    snprintf(name, sizeof(name), "%c%s %c%s", first[0] - 32, first + 1, last[0] - 32, last + 1);
    rng_hex(rng, hash, 40);
    shop_run(shop, USERS,
             "itttti"
             "i",
             id, email, name, PICK(rng, cities), hash, shop->now, shop->now);
}

static void add_product(struct shop *shop)
{
    struct rng *rng = &shop->rng;
    char sku[32], title[128], description[2048];
    int64_t id = ++shop->newest[PRODUCTS];

    snprintf(sku, sizeof(sku), "%03" PRId64 "-%" PRId64, rng_below(rng, 1000), id);
    prose(rng, title, sizeof(title), 4);
    prose(rng, description, sizeof(description), 30 + rng_below(rng, 60));
    shop_run(shop, PRODUCTS, "itttri", id, sku, title, description,
             (double)rng_below(rng, 20000) / 100.0, rng_below(rng, 500));
}

static int64_t add_order(struct shop *shop)
{
    struct rng *rng = &shop->rng;
    int64_t id = ++shop->newest[ORDERS], item_count = 1 + rng_below(rng, 4);
    int64_t user = rng_recent(rng, shop->newest[USERS], USER_SKEW);
    char address[96], note[512] = "";

    snprintf(address, sizeof(address), "%s street %" PRId64 ", %05" PRId64 " %s", word(rng),
             rng_below(rng, 200), rng_below(rng, 99999), PICK(rng, cities));
    if (rng_below(rng, 4) == 0)
        prose(rng, note, sizeof(note), 3 + rng_below(rng, 15));
    shop_run(shop, ORDERS, "iiitrtt", id, user, shop->now, states[0],
             (double)rng_below(rng, 50000) / 100.0, address, note);
    for (int64_t i = 0; i < item_count; i++)
        shop_run(shop, ITEMS, "iiiir", ++shop->newest[ITEMS], id,
                 rng_recent(rng, shop->newest[PRODUCTS], PRODUCT_SKEW), 1 + rng_below(rng, 3),
                 (double)rng_below(rng, 20000) / 100.0);
    return 1 + item_count;
}

static void payload(struct shop *shop, char *text, size_t text_bytes)
{
    struct rng *rng = &shop->rng;
    char session[25];

    rng_hex(rng, session, 24);
    snprintf(text, text_bytes,
             "{\"session\":\"%s\",\"path\":\"/%s/%" PRId64
             "\",\"query\":\"%s %s\",\"agent\":\"%s\",\"ip\":\"10.%" PRId64 ".%" PRId64 ".%" PRId64
             "\",\"ms\":%" PRId64 ",\"campaign\":\"%s-%s-%s\",\"viewport\":[%" PRId64 ",%" PRId64
             "],\"consent\":{\"analytics\":true,\"ads\":false},\"cart\":[%" PRId64 ",%" PRId64 "]}",
             session, word(rng), rng_below(rng, shop->newest[PRODUCTS]), word(rng), word(rng),
             PICK(rng, agents), rng_below(rng, 256), rng_below(rng, 256), rng_below(rng, 256),
             rng_below(rng, 900), word(rng), word(rng), word(rng), 320 + 16 * rng_below(rng, 100),
             480 + 20 * rng_below(rng, 40), rng_below(rng, shop->newest[PRODUCTS]),
             rng_below(rng, shop->newest[PRODUCTS]));
}

static void add_event(struct shop *shop)
{
    char text[512];

    payload(shop, text, sizeof(text));
    shop_run(shop, EVENTS, "iiitt", ++shop->newest[EVENTS],
             rng_recent(&shop->rng, shop->newest[USERS], USER_SKEW), shop->now,
             PICK(&shop->rng, kinds), text);
}

static void add_token(struct shop *shop)
{
    char token[41];
    uint64_t secret[4];

    rng_hex(&shop->rng, token, 40);
    for (size_t i = 0; i < 4; i++)
        secret[i] = rng_next(&shop->rng);
    shop_run(shop, TOKENS, "iitbi", ++shop->newest[TOKENS],
             rng_recent(&shop->rng, shop->newest[USERS], USER_SKEW), token, secret,
             shop->now + 2592000);
}

static void add_review(struct shop *shop)
{
    struct rng *rng = &shop->rng;
    char body[4096];

    prose(rng, body, sizeof(body), 10 + rng_below(rng, 250));
    shop_run(shop, REVIEWS, "iiiiit", ++shop->newest[REVIEWS],
             rng_recent(rng, shop->newest[PRODUCTS], PRODUCT_SKEW),
             rng_recent(rng, shop->newest[USERS], USER_SKEW), 1 + rng_below(rng, 5), shop->now,
             body);
}

/* One thing that happens in the shop; returns the rows it added. */
static int64_t shop_visit(struct shop *shop)
{
    int64_t chance = rng_below(&shop->rng, 1000);

    shop->now += rng_below(&shop->rng, 120);
    if (chance < 50)
        return add_user(shop), 1;
    if (chance < 55)
        return add_product(shop), 1;
    if (chance < 200)
        return add_order(shop);
    if (chance < 300)
        return add_review(shop), 1;
    if (chance < 560)
        return add_token(shop), 1;
    return add_event(shop), 1;
}

static int cmd_create(const char *path, int64_t size_mib, uint64_t seed)
{
    struct shop shop;
    char journal[4096], cache[64];
    int64_t target_pages = size_mib * (1048576 / PAGE_BYTES);

    snprintf(journal, sizeof(journal), "%s-wal", path);
    if ((unlink(path) || unlink(journal)) && errno != ENOENT)
        die("%s: %s", path, strerror(errno));
    shop_open(&shop, path, SQLITE_OPEN_CREATE, seed);
    snprintf(cache, sizeof(cache), "PRAGMA cache_size = %" PRId64, target_pages + target_pages / 8);
    shop_exec(
        &shop,
        "PRAGMA page_size = 4096; PRAGMA journal_mode = OFF; PRAGMA locking_mode = EXCLUSIVE");
    shop_exec(&shop, cache);
    shop_exec(&shop, schema);
    shop_prepare(&shop);
    shop_exec(&shop, "BEGIN");
    for (int i = 0; i < 50; i++)
        add_user(&shop), add_product(&shop);
    while (shop_number(&shop, "PRAGMA page_count") < target_pages)
        for (int i = 0; i < 50; i++)
            shop_visit(&shop);
    shop_exec(&shop, "COMMIT");
    shop_close(&shop);
    return 0;
}

/* One row changed, most often a young one: orders on their way, visits being recorded, users who
 * come back, stock that is sold. */
static int64_t day_update(struct shop *shop)
{
    struct rng *rng = &shop->rng;
    int64_t chance = rng_below(rng, 100);
    char text[512];

    if (chance < 35)
        return shop_run(shop, SET_STATUS, "it", rng_lately(rng, shop->newest[ORDERS]),
                        PICK(rng, states));
    if (chance < 50)
        return shop_run(shop, SET_LOGIN, "ii", rng_recent(rng, shop->newest[USERS], USER_SKEW),
                        shop->now);
    if (chance < 65)
        return shop_run(shop, SET_STOCK, "ii",
                        rng_recent(rng, shop->newest[PRODUCTS], PRODUCT_SKEW), rng_below(rng, 500));
    if (chance < 75)
        return shop_run(shop, SET_EXPIRY, "ii", rng_lately(rng, shop->newest[TOKENS]),
                        shop->now + 2592000);
    payload(shop, text, sizeof(text));
    return shop_run(shop, SET_PAYLOAD, "it", rng_lately(rng, shop->newest[EVENTS]), text);
}

/* One row deleted, most often an old one: tokens that expired, events nobody asks about. */
static int64_t day_delete(struct shop *shop)
{
    struct rng *rng = &shop->rng;
    bool token = rng_below(rng, 3) == 0;
    enum table table = token ? TOKENS : EVENTS;

    return shop_run(shop, token ? DELETE_TOKEN : DELETE_EVENT, "i",
                    shop->newest[table] + 1 - rng_lately(rng, shop->newest[table]));
}

static int cmd_day(const char *path, int64_t day, uint64_t seed)
{
    struct shop shop;
    int64_t rows = 0, left[3];

    shop_open(&shop, path, 0, seed ^ ((uint64_t)day * UINT64_C(0xd1342543de82ef95)));
    sqlite3_busy_timeout(shop.db, 60000);
    shop_exec(&shop, "PRAGMA cache_size = -65536");
    shop_prepare(&shop);
    for (int i = 0; i < TABLE_COUNT; i++) {
        char *sql = sqlite3_mprintf("SELECT coalesce(max(id), 0) FROM %s", table_names[i]);
        rows += shop.newest[i] = shop_number(&shop, sql);
        sqlite3_free(sql);
    }
    shop.now =
        shop_number(&shop, "SELECT max(at) FROM events WHERE id = (SELECT max(id) FROM events)");
    left[0] = rows / 100, left[1] = rows / 200, left[2] = rows / 500;
    while (left[0] + left[1] + left[2] > 0) {
        shop_exec(&shop, "BEGIN IMMEDIATE");
        for (int64_t i = 20 + rng_below(&shop.rng, 40); i > 0 && left[0] + left[1] + left[2] > 0;
             i--) {
            int64_t chance = rng_below(&shop.rng, left[0] + left[1] + left[2]);

            if (chance < left[0])
                left[0] -= day_update(&shop);
            else if (chance < left[0] + left[1])
                left[1] -= shop_visit(&shop);
            else
                left[2] -= day_delete(&shop);
            if (left[1] < 0)
                left[1] = 0;
        }
        shop_exec(&shop, "COMMIT");
    }
    shop_close(&shop);
    return 0;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";

    uint64_t seed = argc > 4 ? (uint64_t)number(argv[4]) : DEFAULT_SEED;
    if (argc >= 4 && argc <= 5 && strcmp(verb, "create") == 0)
        return cmd_create(argv[2], number(argv[3]), seed);
    if (argc >= 4 && argc <= 5 && strcmp(verb, "day") == 0)
        return cmd_day(argv[2], number(argv[3]), seed);
    fputs("usage: shopdb create PATH SIZE_MIB [SEED] | shopdb day PATH DAY [SEED]\n", stderr);
    return 2;
}

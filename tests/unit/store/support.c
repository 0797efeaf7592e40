#include "store/support.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void ground_set_up(struct ground *ground)
{
    (void)snprintf(ground->folder, sizeof ground->folder, "%s/dbsnapfs-store-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(ground->folder));
    (void)snprintf(ground->repo, sizeof ground->repo, "%s/repo", ground->folder);
}

void ground_tear_down(const struct ground *ground)
{
    char command[80];

    (void)snprintf(command, sizeof command, "rm -rf %s", ground->folder);
    ck_assert_int_eq(system(command), 0); // NOLINT(cert-env33-c)
}

const char *ground_file(const struct ground *ground, const char *name)
{
    static char paths[2][128];
    static unsigned turn;
    char *path = paths[turn++ % 2];

    (void)snprintf(path, sizeof paths[0], "%s/%s", ground->repo, name);
    return path;
}

bool ground_has(const struct ground *ground, const char *name)
{
    return access(ground_file(ground, name), F_OK) == 0;
}

static struct repo *repo_open_at(const struct ground *ground, const struct repo_options *options)
{
    struct repo *repo = NULL;
    struct err err = ERR_INIT;

    ck_assert_msg(repo_open(ground->repo, options, &repo, &err) == 0, "%s", err.text);
    return repo;
}

struct repo *repo_at(const struct ground *ground, const char *compress)
{
    struct repo_options options = {.holder = "test", .source = "test.db", .threads = 2};

    ck_assert_int_eq(codec_parse(compress, &options.compress, NULL), 0);
    return repo_open_at(ground, &options);
}

struct repo *repo_reader(const struct ground *ground)
{
    return repo_open_at(ground, &(struct repo_options){.read_only = true, .threads = 2});
}

uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u; /* splitmix64 */

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Half of a page is words that repeat, half is digits. */
static void page_fill(struct pages *image, size_t page)
{
    static const char *const words[] = {"lamp", "copper", "harbour", "linen", "orchard", "violin"};
    uint8_t *to = image->bytes + page * image->page_size;
    size_t at = 0;

    while (at < image->page_size) {
        char text[48];
        uint64_t r = random_next(&image->seed);
        size_t len = (size_t)snprintf(text, sizeof text, "%s-%llu|", words[r % 6],
                                      (unsigned long long)(r >> 32));

        len = len < image->page_size - at ? len : image->page_size - at;
        memcpy(to + at, text, len);
        at += len;
    }
}

void pages_resize(struct pages *image, size_t pages)
{
    size_t before = image->len / image->page_size;

    image->len = pages * image->page_size;
    image->bytes = realloc(image->bytes, image->len + 1);
    ck_assert_ptr_nonnull(image->bytes);
    for (size_t i = before; i < pages; i++)
        page_fill(image, i);
}

void pages_make(struct pages *image, uint64_t seed, uint32_t page_size, size_t pages)
{
    *image = (struct pages){.page_size = page_size, .seed = seed};
    pages_resize(image, pages);
}

void pages_free(struct pages *image)
{
    free(image->bytes);
    *image = (struct pages){0};
}

void pages_touch(struct pages *image, size_t page)
{
    uint64_t r = random_next(&image->seed);
    size_t at = page * image->page_size + (size_t)(r % (image->page_size - 16));

    memcpy(image->bytes + at, &r, sizeof r);
}

void pages_scramble(struct pages *image, size_t page)
{
    for (size_t i = 0; i < image->page_size; i += 8) {
        uint64_t r = random_next(&image->seed);

        memcpy(image->bytes + page * image->page_size + i, &r, sizeof r);
    }
}

static int pages_put(struct backup_writer *writer, const struct pages *image, struct err *err)
{
    int code = 0;

    for (size_t at = image->page_size; at < image->len && code == 0; at += image->page_size)
        code = backup_writer_put(writer, at, image->bytes + at, image->page_size, err);
    if (code == 0 && image->len)
        code = backup_writer_put(writer, 0, image->bytes, image->page_size, err);
    return code;
}

int backup_try(struct repo *repo, const struct pages *image, bool spool, bool if_changed,
               struct backup_entry *ret_entry, bool *ret_stored, struct err *err)
{
    static int64_t now = INT64_C(1795351197000000000); /* a second a backup */
    struct backup_writer *writer = NULL;
    struct backup_entry entry = {.started_ns = now, .settings = strdup("{}")};
    bool stored = false;
    int code = backup_writer_new(repo, image->page_size, spool, &writer, err);

    if (code == 0)
        code = pages_put(writer, image, err);
    if (code) {
        backup_writer_abort(writer);
        backup_entry_free(&entry);
        return code;
    }
    now += 1000000000;
    code = backup_writer_commit(writer, image->len, if_changed, &entry, &stored, err);
    if (ret_entry)
        *ret_entry = entry;
    if (ret_stored)
        *ret_stored = stored;
    backup_entry_free(&entry);
    return code;
}

struct backup_entry backup_of(struct repo *repo, const struct pages *image)
{
    struct backup_entry entry;
    struct err err = ERR_INIT;
    bool stored = false;

    ck_assert_msg(backup_try(repo, image, false, false, &entry, &stored, &err) == 0, "%s",
                  err.text);
    ck_assert(stored);
    return entry;
}

void assert_backup_is(struct repo *repo, uint64_t id, const struct pages *image)
{
    struct snapshot *snapshot = NULL;
    struct err err = ERR_INIT;
    uint8_t *bytes = malloc(image->len + 1);
    size_t got = 0;

    ck_assert_ptr_nonnull(bytes);
    ck_assert_msg(snapshot_open(repo, id, &snapshot, &err) == 0, "%s", err.text);
    ck_assert_uint_eq(snapshot_bytes(snapshot), image->len);
    ck_assert_msg(snapshot_read(snapshot, 0, bytes, image->len + 1, &got, &err) == 0, "%s",
                  err.text);
    ck_assert_uint_eq(got, image->len);
    for (size_t at = 0; at < got; at += image->page_size)
        ck_assert_msg(memcmp(bytes + at, image->bytes + at, image->page_size) == 0,
                      "page %zu of backup %llu differs", at / image->page_size,
                      (unsigned long long)id);
    snapshot_close(snapshot);
    free(bytes);
}

struct damage_text {
    char *text;
    size_t size, used;
};

static void damage_note(void *arg, const char *text)
{
    struct damage_text *d = arg;
    int len = snprintf(d->text + d->used, d->size - d->used, "%s\n", text);

    d->used += (size_t)len < d->size - d->used ? (size_t)len : 0;
}

uint64_t damages_of(struct repo *repo, char *ret_text, size_t size)
{
    char unused[256];
    struct damage_text d = {unused, sizeof unused, 0};
    struct verify_report report = {.arg = &d, .damage = damage_note};
    struct verify_result result = {0};
    struct err err = ERR_INIT;

    if (ret_text) {
        d.text = ret_text;
        d.size = size;
    }
    d.text[0] = '\0';
    ck_assert_msg(repo_verify(repo, 0, &report, &result, &err) == 0, "%s", err.text);
    return result.damages;
}

void assert_whole(struct repo *repo)
{
    char text[4096];
    uint64_t damages = damages_of(repo, text, sizeof text);

    ck_assert_msg(damages == 0, "%s", text);
}

uint8_t *bytes_load(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rbe");
    uint8_t *bytes;
    long len;

    ck_assert_msg(file != NULL, "%s", path);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    len = ftell(file);
    ck_assert_int_ge(len, 0);
    ck_assert_int_eq(fseek(file, 0, SEEK_SET), 0);
    bytes = malloc((size_t)len + 1);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_eq(fread(bytes, 1, (size_t)len, file), (size_t)len);
    (void)fclose(file);
    *ret_len = (size_t)len;
    return bytes;
}

void bytes_save(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wbe");

    ck_assert_msg(file != NULL, "%s", path);
    ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
    ck_assert_int_eq(fclose(file), 0);
}

void assert_fails(int code, int expected, const struct err *err, const char *part)
{
    ck_assert_int_eq(code, expected);
    ck_assert_int_eq(err->code, expected);
    if (!strstr(err->text, part))
        ck_abort_msg("\"%s\" does not hold \"%s\"", err->text, part);
}

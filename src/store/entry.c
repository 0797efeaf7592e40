/*
 * A backup's entry as JSON: the manifest in its segment, manifest.json in the mount. Names end in
 * their unit. What only the catalog knows (the results of checks) is shown but not read back.
 */
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "store/repo_internal.h"

void backup_entry_free(struct backup_entry *entry)
{
    if (!entry)
        return;
    free(entry->note);
    free(entry->source);
    free(entry->settings);
    free(entry->check_result);
    *entry = (struct backup_entry){0};
}

bool backup_entry_is_damaged(const struct backup_entry *entry)
{
    const char *result = entry->check_result ? entry->check_result : "";

    return *result != '\0' && strcmp(result, "ok") != 0 &&
           strncmp(result, CHECK_FINDING, strlen(CHECK_FINDING)) != 0;
}

static json_t *entry_text(const char *text)
{
    size_t len = text ? strlen(text) : 0;
    json_t *value = json_stringn(text ? text : "", len);

    /* Text that is not UTF-8 (a path may be anything) is shown by its bytes. */
    if (!value) {
        char *latin = malloc(len * 2 + 1);
        size_t n = 0;

        for (size_t i = 0; latin && i < len; i++) {
            unsigned char c = (unsigned char)text[i];

            if (c >= 0x80)
                latin[n++] = (char)(0xc0 | c >> 6);
            latin[n++] = (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c);
        }
        value = latin ? json_stringn(latin, n) : NULL;
        free(latin);
    }
    return value;
}

static json_t *entry_time(int64_t time_ns)
{
    char text[CLOCK_TEXT_BYTES];

    if (time_ns == 0)
        return json_null();
    clock_iso(time_ns, text);
    return json_string(text);
}

static json_t *entry_digest(const uint8_t digest[16])
{
    char hex[33];

    for (size_t i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return json_string(hex);
}

static json_t *entry_settings(const char *settings)
{
    json_t *value = settings ? json_loads(settings, 0, NULL) : NULL;

    return value ? value : json_object();
}

static void entry_number(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

int backup_entry_json(const struct backup_entry *e, struct buf *out)
{
    json_t *o = json_object();
    char *text;

    entry_number(o, "format", FORMAT_VERSION);
    json_object_set_new(o, "name", json_string(e->name));
    entry_number(o, "id", e->id);
    json_object_set_new(o, "backup_time", entry_time(e->started_ns));
    json_object_set_new(o, "duration_s", json_real((double)(e->finished_ns - e->started_ns) / 1e9));
    entry_number(o, "started_ns", (uint64_t)e->started_ns);
    entry_number(o, "finished_ns", (uint64_t)e->finished_ns);
    json_object_set_new(o, "note", entry_text(e->note));
    json_object_set_new(o, "source", entry_text(e->source));
    entry_number(o, "database_bytes", e->image_bytes);
    entry_number(o, "page_size", e->page_size);
    entry_number(o, "page_count", e->page_size ? e->image_bytes / e->page_size : 0);
    entry_number(o, "block_size", e->block_size);
    entry_number(o, "block_count", e->block_count);
    entry_number(o, "changed_blocks", e->changed_blocks);
    entry_number(o, "delta_blocks", e->delta_blocks);
    entry_number(o, "stored_bytes", e->stored_bytes);
    json_object_set_new(o, "digest", entry_digest(e->digest));
    json_object_set_new(o, "settings", entry_settings(e->settings));
    json_object_set_new(o, "checked", entry_time(e->checked_ns));
    json_object_set_new(o, "check_result", entry_text(e->check_result));
    text = json_dumps(o, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    json_decref(o);
    if (!text)
        return -ENOMEM;
    buf_add_text(out, text);
    buf_add_char(out, '\n');
    free(text);
    return buf_error(out);
}

static uint64_t entry_get_number(const json_t *o, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(o, key));
}

static char *entry_get_text(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));

    return strdup(text ? text : "");
}

static int entry_get_digest(const json_t *o, uint8_t digest[16])
{
    const char *hex = json_string_value(json_object_get(o, "digest"));

    if (!hex || strlen(hex) != 32)
        return -EBADMSG;
    if (strspn(hex, "0123456789abcdef") != 32)
        return -EBADMSG;
    for (size_t i = 0; i < 16; i++) {
        const char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

        digest[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return 0;
}

bool backup_entry_makes_sense(const struct backup_entry *e)
{
    return e->id && strlen(e->name) >= 20 && strspn(e->name, "0123456789TZ-") == strlen(e->name) &&
           e->block_size >= FORMAT_MIN_BLOCK && e->block_size <= FORMAT_FRAME_BYTES &&
           (e->block_size & (e->block_size - 1)) == 0 && e->image_bytes <= INT64_MAX &&
           e->block_count == (e->image_bytes + e->block_size - 1) / e->block_size;
}

int backup_entry_parse(const char *json, size_t len, struct backup_entry *ret_entry,
                       struct err *err)
{
    json_error_t why;
    json_t *o = json_loadb(json, len, 0, &why);
    const char *name = json_string_value(json_object_get(o, "name"));
    struct backup_entry e = {0};
    int code = 0;

    if (!o || !name || strlen(name) >= sizeof(e.name) || entry_get_digest(o, e.digest)) {
        code = err_set(err, EBADMSG, "the manifest cannot be read: %s",
                       o ? "name or digest is missing" : why.text);
        goto out;
    }
    memcpy(e.name, name, strlen(name) + 1);
    e.id = entry_get_number(o, "id");
    e.started_ns = (int64_t)entry_get_number(o, "started_ns");
    e.finished_ns = (int64_t)entry_get_number(o, "finished_ns");
    e.image_bytes = entry_get_number(o, "database_bytes");
    e.page_size = (uint32_t)entry_get_number(o, "page_size");
    e.block_size = (uint32_t)entry_get_number(o, "block_size");
    e.block_count = entry_get_number(o, "block_count");
    e.changed_blocks = entry_get_number(o, "changed_blocks");
    e.delta_blocks = entry_get_number(o, "delta_blocks");
    e.stored_bytes = entry_get_number(o, "stored_bytes");
    if (!backup_entry_makes_sense(&e)) {
        code = err_set(err, EBADMSG, "the manifest makes no sense: id, name or sizes are wrong");
        goto out;
    }
    e.note = entry_get_text(o, "note");
    e.source = entry_get_text(o, "source");
    e.settings = json_dumps(json_object_get(o, "settings"), JSON_COMPACT);
    if (!e.settings)
        e.settings = strdup("{}");
    e.check_result = strdup("");
    if (!e.note || !e.source || !e.settings || !e.check_result) {
        backup_entry_free(&e);
        code = err_set(err, ENOMEM, "out of memory for a manifest");
        goto out;
    }
    *ret_entry = e;
out:
    json_decref(o);
    return code;
}

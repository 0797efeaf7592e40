/*
 * Every option is one entry of a table: its names, what it takes, its line of help and the
 * function that sets it. The parser and --help read the same entries.
 *
 * Options may stand anywhere, as mount(8) and people put them; behind "--" there are none.
 * Those of mount(8) that mean nothing to this program are accepted, so that an fstab line
 * works as it stands; the restricting ones among them go to the kernel.
 */
#include "cli/options.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/text.h"
#include "dbsnapfs/view.h"

struct entry {
    char letter;       /* 0: none */
    const char *name;  /* NULL: only the letter; with -o, one that ends in - or = is a prefix */
    const char *value; /* NULL: takes none */
    const char *help;  /* NULL: not shown */
    int (*set)(struct options *options, const char *value, struct err *err); /* NULL: ignored */
};

/* ---- behind -o ---- */

static int set_repo(struct options *options, const char *value, struct err *err)
{
    if (*value == '\0')
        return err_set(err, EINVAL, "repo= needs a path");
    options->repo = value;
    return 0;
}

static int set_compress(struct options *options, const char *value, struct err *err)
{
    return codec_parse(value, &options->compress, err);
}

static int set_cache(struct options *options, const char *value, struct err *err)
{
    uint64_t bytes;

    if (text_parse_bytes(value, &bytes) != 0 || bytes == 0 || bytes > SIZE_MAX / 2)
        return err_set(err, EINVAL, "cache=%s: not a size such as 64M", value);
    options->cache_bytes = (size_t)bytes;
    return 0;
}

static int set_live_timeout(struct options *options, const char *value, struct err *err)
{
    uint64_t seconds;

    if (text_parse_u64(value, &seconds) != 0 || seconds > INT32_MAX)
        return err_set(err, EINVAL, "live-timeout=%s: not a number of seconds such as 600", value);
    options->live_timeout_s = (int64_t)seconds;
    return 0;
}

static int set_ro(struct options *options, const char *value, struct err *err)
{
    (void)value;
    (void)err;
    options->read_only = true;
    return 0;
}

static int set_rw(struct options *options, const char *value, struct err *err)
{
    (void)value;
    (void)err;
    options->read_only = false;
    return 0;
}

static int set_allow_other(struct options *options, const char *value, struct err *err)
{
    (void)value;
    (void)err;
    options->allow_other = true;
    return 0;
}

static int parse_id(const char *name, const char *value, uint32_t *ret_id, struct err *err)
{
    uint64_t id;

    if (text_parse_u64(value, &id) != 0 || id >= UINT32_MAX)
        return err_set(err, EINVAL, "%s=%s: not a number of a user or group", name, value);
    *ret_id = (uint32_t)id;
    return 0;
}

static int set_uid(struct options *options, const char *value, struct err *err)
{
    return parse_id("uid", value, &options->uid, err);
}

static int set_gid(struct options *options, const char *value, struct err *err)
{
    return parse_id("gid", value, &options->gid, err);
}

static int set_umask(struct options *options, const char *value, struct err *err)
{
    size_t len = strspn(value, "01234567");

    if (len == 0 || len > 4 || value[len] != '\0' || strtoul(value, NULL, 8) > 0777)
        return err_set(err, EINVAL, "umask=%s: not an octal number such as 022", value);
    options->umask = (mode_t)strtoul(value, NULL, 8);
    return 0;
}

static const struct entry mount_entries[] = {
    {0, "repo", "PATH", "the repository, instead of SOURCE.backups", set_repo},
    {0, "compress", "CODEC", "none, deflate or zstd, with :LEVEL if you like", set_compress},
    {0, "cache", "BYTES", "memory for decoded blocks (16M)", set_cache},
    {0, "live-timeout", "SECONDS", "how long a file open in live/ keeps its state (600)",
     set_live_timeout},
    {0, "ro", NULL, "read only: no backups, no restore", set_ro},
    {0, "rw", NULL, NULL, set_rw},
    {0, "allow_other", NULL, "let other users in", set_allow_other},
    {0, "uid", "N", "the files' owner", set_uid},
    {0, "gid", "N", "the files' group", set_gid},
    {0, "umask", "OCTAL", "permissions to take away (077)", set_umask},
    {0, NULL, NULL, NULL, NULL},
};

/* Passed on to the kernel. */
static const char *const kernel_options[] = {"nodev",   "nosuid",     "noexec",
                                             "noatime", "nodiratime", NULL};

/* For mount(8), or already so. One that ends in - or = stands for all that begin with it. */
static const char *const ignored_options[] = {"defaults",
                                              "auto",
                                              "noauto",
                                              "user",
                                              "user=",
                                              "nouser",
                                              "users",
                                              "owner",
                                              "group",
                                              "nofail",
                                              "_netdev",
                                              "_rnetdev",
                                              "dev",
                                              "suid",
                                              "exec",
                                              "atime",
                                              "relatime",
                                              "norelatime",
                                              "strictatime",
                                              "diratime",
                                              "lazytime",
                                              "nolazytime",
                                              "async",
                                              "silent",
                                              "loud",
                                              "comment=",
                                              "x-",
                                              "X-",
                                              "default_permissions",
                                              NULL};

static bool stands_in(const char *const *list, const char *word)
{
    for (; *list; list++) {
        size_t len = strlen(*list);
        bool prefix = (*list)[len - 1] == '-' || (*list)[len - 1] == '=';

        if (prefix ? strncmp(*list, word, len) == 0 : strcmp(*list, word) == 0)
            return true;
    }
    return false;
}

/* Sets one option `word` of -o, "name" or "name=value". */
static int set_mount_option(struct options *options, char *word, struct err *err)
{
    char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    const struct entry *entry = mount_entries;

    while (entry->name && !(strncmp(entry->name, word, len) == 0 && entry->name[len] == '\0'))
        entry++;
    if (entry->name && entry->value && !equals)
        return err_set(err, EINVAL, "-o %s needs a value: %s=%s", word, word, entry->value);
    if (entry->name && !entry->value && equals)
        return err_set(err, EINVAL, "-o %s takes no value", entry->name);
    if (entry->name)
        return entry->set(options, equals ? equals + 1 : NULL, err);
    if (stands_in(kernel_options, word)) {
        buf_addf(&options->fuse_options, "%s%s", options->fuse_options.len > 0 ? "," : "", word);
        return 0;
    }
    if (stands_in(ignored_options, word))
        return 0;
    return err_set(err, EINVAL, "unknown option: -o %s", word);
}

/* Splits at commas; a backslash keeps the next comma or backslash from its meaning. */
static int set_mount_options(struct options *options, const char *value, struct err *err)
{
    char **texts = realloc(options->texts, (options->text_count + 1) * sizeof *texts);
    char *from, *to, *word;
    int code = 0;

    if (!texts)
        return err_sys(err, ENOMEM, "-o");
    options->texts = texts;
    from = strdup(value);
    if (!from)
        return err_sys(err, ENOMEM, "-o");
    options->texts[options->text_count++] = from;
    for (word = to = from; code == 0; from++) {
        bool last = *from == '\0';

        if (*from == '\\' && (from[1] == ',' || from[1] == '\\')) {
            *to++ = *++from;
        } else if (*from == ',' || last) {
            *to = '\0';
            if (*word != '\0')
                code = set_mount_option(options, word, err);
            word = to = from + 1;
        } else {
            *to++ = *from;
        }
        if (last)
            break;
    }
    return code;
}

/* ---- behind dashes ---- */

#define FLAG(member)                                                                     \
    static int set_##member(struct options *options, const char *value, struct err *err) \
    {                                                                                    \
        (void)value;                                                                     \
        (void)err;                                                                       \
        options->member = true;                                                          \
        return 0;                                                                        \
    }

FLAG(help)
FLAG(version)
FLAG(foreground)
FLAG(debug)
FLAG(json)
FLAG(quiet)
FLAG(force)

static const struct entry entries[] = {
    {'o', NULL, "OPTIONS", "mount options, see below", set_mount_options},
    {0, "repo", "PATH", "the same as -o repo=PATH", set_repo},
    {'f', NULL, NULL, "mount in the foreground", set_foreground},
    {'d', NULL, NULL, "mount in the foreground, with messages of libfuse", set_debug},
    {0, "json", NULL, "print JSON", set_json},
    {'q', "quiet", NULL, "print nothing but errors", set_quiet},
    {0, "force", NULL, "extract: replace a file that exists", set_force},
    {'h', "help", NULL, "this page", set_help},
    {'V', "version", NULL, "print the version", set_version},
    {0, NULL, NULL, NULL, NULL},
};

static bool is_end(const struct entry *entry)
{
    return !entry->name && entry->letter == 0;
}

/* Where the parser is in argv. */
struct cursor {
    int at, argc;
    char **argv;
};

static int set_long(struct options *options, struct cursor *cursor, const char *word,
                    struct err *err)
{
    size_t len = strcspn(word, "=");
    const char *value = word[len] == '=' ? word + len + 1 : NULL;
    const struct entry *entry = entries;

    while (!is_end(entry) &&
           !(entry->name && strncmp(entry->name, word, len) == 0 && entry->name[len] == '\0'))
        entry++;
    if (is_end(entry))
        return err_set(err, EINVAL, "unknown option: --%.*s", (int)len, word);
    if (!entry->value && value)
        return err_set(err, EINVAL, "--%s takes no value", entry->name);
    if (entry->value && !value) {
        if (cursor->at + 1 >= cursor->argc)
            return err_set(err, EINVAL, "--%s needs a value", entry->name);
        value = cursor->argv[++cursor->at];
    }
    return entry->set(options, value, err);
}

static int set_short(struct options *options, struct cursor *cursor, const char *letters,
                     struct err *err)
{
    for (; *letters != '\0'; letters++) {
        const struct entry *entry = entries;
        const char *value = NULL;
        int code;

        while (!is_end(entry) && entry->letter != *letters)
            entry++;
        if (is_end(entry))
            return err_set(err, EINVAL, "unknown option: -%c", *letters);
        if (entry->value) {
            if (letters[1] == '\0' && cursor->at + 1 >= cursor->argc)
                return err_set(err, EINVAL, "-%c needs a value", *letters);
            value = letters[1] != '\0' ? letters + 1 : cursor->argv[++cursor->at];
        }
        code = entry->set(options, value, err);
        if (code != 0 || value)
            return code;
    }
    return 0;
}

int options_parse(int argc, char **argv, struct options *ret_options, struct err *err)
{
    struct options options = {.compress = CODEC_DEFAULT,
                              .uid = getuid(),
                              .gid = getgid(),
                              .live_timeout_s = VIEW_LIVE_TIMEOUT_S,
                              .umask = 077,
                              .fuse_options = BUF_INIT};
    struct cursor cursor = {1, argc, argv};
    bool only_args = false;
    int code = 0;

    options.args = calloc((size_t)(argc > 0 ? argc : 1), sizeof *options.args);
    if (!options.args) {
        *ret_options = options;
        return err_sys(err, ENOMEM, "cannot start");
    }
    for (; code == 0 && cursor.at < argc; cursor.at++) {
        char *word = argv[cursor.at];

        if (only_args || word[0] != '-' || word[1] == '\0')
            options.args[options.count++] = word;
        else if (strcmp(word, "--") == 0)
            only_args = true;
        else if (word[1] == '-')
            code = set_long(&options, &cursor, word + 2, err);
        else
            code = set_short(&options, &cursor, word + 1, err);
    }
    *ret_options = options;
    return code;
}

void options_release(struct options *options)
{
    for (size_t i = 0; i < options->text_count; i++)
        free(options->texts[i]);
    free(options->texts);
    free(options->args);
    buf_free(&options->fuse_options);
}

static void add_help(const struct entry *entry, struct buf *out)
{
    struct buf left = BUF_INIT;

    if (entry->letter != 0)
        buf_addf(&left, "-%c", entry->letter);
    if (entry->name)
        buf_addf(&left, "%s--%s", entry->letter != 0 ? ", " : "", entry->name);
    if (entry->value)
        buf_addf(&left, "%s%s", entry->name ? "=" : " ", entry->value);
    buf_addf(out, "  %-22s %s\n", buf_text(&left), entry->help);
    buf_free(&left);
}

void options_help(struct buf *out)
{
    for (const struct entry *entry = entries; !is_end(entry); entry++)
        add_help(entry, out);
}

void options_mount_help(struct buf *out)
{
    for (const struct entry *entry = mount_entries; entry->name; entry++) {
        struct buf left = BUF_INIT;

        if (!entry->help)
            continue;
        buf_addf(&left, "%s%s%s", entry->name, entry->value ? "=" : "",
                 entry->value ? entry->value : "");
        buf_addf(out, "  %-22s %s\n", buf_text(&left), entry->help);
        buf_free(&left);
    }
}

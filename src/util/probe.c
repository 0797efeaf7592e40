/*
 * The environment is read once; after that an unarmed probe is a comparison with NULL. Only
 * one probe can be armed, and its countdown is the one mutable thing here.
 */
#include "dbsnapfs/util/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct probe {
    char name[64]; /* "" when none is armed */
    int signal;    /* sent to ourselves, or 0 */
    int code;      /* negative errno, or 0 */
    atomic_int countdown;
};

static struct probe probe_armed;
static pthread_once_t probe_once = PTHREAD_ONCE_INIT;

static const struct {
    const char *text;
    int signal;
    int code;
} probe_actions[] = {
    {"kill", SIGKILL, 0},   {"stop", SIGSTOP, 0}, {"ENOSPC", 0, -ENOSPC}, {"EIO", 0, -EIO},
    {"ENOMEM", 0, -ENOMEM}, {"EROFS", 0, -EROFS}, {"EDQUOT", 0, -EDQUOT},
};

static void probe_read_environment(void)
{
    const char *text = getenv("DBSNAPFS_PROBE");
    char copy[128];
    char *rest = copy, *name, *action, *count;

    if (!text || strlen(text) >= sizeof(copy))
        return;
    memcpy(copy, text, strlen(text) + 1);
    name = strsep(&rest, ":");
    action = strsep(&rest, ":");
    count = strsep(&rest, ":");
    if (!action || strlen(name) >= sizeof(probe_armed.name))
        return;
    for (size_t i = 0; i < sizeof(probe_actions) / sizeof(probe_actions[0]); i++) {
        if (strcmp(action, probe_actions[i].text) != 0)
            continue;
        probe_armed.signal = probe_actions[i].signal;
        probe_armed.code = probe_actions[i].code;
        atomic_store(&probe_armed.countdown, count ? (int)strtol(count, NULL, 10) : 1);
        memcpy(probe_armed.name, name, strlen(name) + 1);
    }
}

static int probe_fire(void)
{
    const char *mark = getenv("DBSNAPFS_PROBE_HIT");

    if (mark) {
        int fd = open(mark, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

        if (fd >= 0)
            close(fd);
    }
    if (probe_armed.signal)
        raise(probe_armed.signal);
    return probe_armed.code;
}

bool probe_is_armed(const char *name)
{
    pthread_once(&probe_once, probe_read_environment);
    return probe_armed.name[0] && strcmp(name, probe_armed.name) == 0;
}

int probe_hit(const char *name)
{
    if (!probe_is_armed(name))
        return 0;
    return atomic_fetch_sub(&probe_armed.countdown, 1) == 1 ? probe_fire() : 0;
}

/*
 * Work on backups that nobody waits for: is the newest good, and what is to be known about it.
 */
#ifndef SERVICE_BACKGROUND_H
#define SERVICE_BACKGROUND_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct backup_entry;
struct err;
struct service;

/* A kind of work; the first one that has something to do goes first. */
struct background_job {
    const char *verb; /* in the log */
    bool (*is_done)(struct service *service, const struct backup_entry *entry);
    /* Does it and notes the result. Polls `cancel`. What fails is logged and not tried again, but
     * for what was cancelled. */
    int (*run)(struct service *service, uint64_t id, const char *name, const atomic_bool *cancel,
               struct err *err);
};

enum background_kind { BACKGROUND_CHECK, BACKGROUND_FACTS, BACKGROUND_KINDS };

struct background {
    bool started; /* is there a thread? */
    pthread_t thread;
    bool wanted; /* there may be work; protected by turns.lock, as is: */
    enum background_kind doing;
    char name[40]; /* the backup that is worked on, "" when none is */
    struct background_progress {
        uint64_t first_id;  /* older ones are left alone; the thread's own, as is: */
        unsigned disturbed; /* how often commands ended the work on one backup */
        uint64_t disturbed_id;
    } progress[BACKGROUND_KINDS];
};

/* Starts the thread; it looks at once at the newest backup. */
int background_start(struct service *service, struct err *err);

/* A backup of this name was made: from now on it is said to be worked on, until that is done. */
void background_want(struct service *service, const char *name);

/* Waits for the thread, after turns_stop(). */
void background_end(struct service *service);

/* Logs what failed, of the backup `name`, and notes it for status. */
void background_fail(struct service *service, const char *verb, const char *name, struct err *err);

extern const struct background_job check_job;
extern const struct background_job facts_job;

#endif

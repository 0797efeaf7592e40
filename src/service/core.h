/*
 * What a service is made of; private to this room.
 */
#ifndef SERVICE_CORE_H
#define SERVICE_CORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dbsnapfs/service/service.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "service/background.h"
#include "service/command.h"
#include "service/turns.h"

struct service {
    struct source *source;
    struct repo *repo;
    char *mount_point; /* NULL: no mount */
    char *holder;      /* what the repository's lock says */
    char *log_path;
    bool read_only;
    struct codec_choice compress;
    int64_t started_ns;

    struct turns turns;           /* has a lock of its own */
    struct background background; /* its own header says by what it is protected */

    /* `lock` guards what reports read and commands leave behind when they are done. It is
     * taken last: nothing is called with it held. */
    pthread_mutex_t lock;
    struct buf last_result; /* protected by lock, as is: */
    struct err last_error;  /* code 0: nothing has failed */
    char last_error_verb[16];
    int64_t last_error_ns;
    uint64_t commands_done, commands_failed;
};

/* Notes a failure for status; the log is told by log_line(). */
void service_note_failure(struct service *service, const char *verb, const struct err *err);

#endif

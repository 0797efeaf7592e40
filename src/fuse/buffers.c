/* A stack of a few buffers under a lock; the last one given back is still in the cache. */
#include "buffers.h"

#include <stdlib.h>

void buffers_init(struct buffers *buffers, size_t bytes)
{
    buffers->bytes = bytes;
    buffers->count = 0;
    pthread_mutex_init(&buffers->lock, NULL);
}

void buffers_release(struct buffers *buffers)
{
    while (buffers->count > 0)
        free(buffers->kept[--buffers->count]);
    pthread_mutex_destroy(&buffers->lock);
}

void *buffers_get(struct buffers *buffers)
{
    void *buffer = NULL;
    pthread_mutex_lock(&buffers->lock);
    if (buffers->count > 0)
        buffer = buffers->kept[--buffers->count];
    pthread_mutex_unlock(&buffers->lock);
    return buffer ? buffer : malloc(buffers->bytes);
}

void buffers_put(struct buffers *buffers, void *buffer)
{
    pthread_mutex_lock(&buffers->lock);
    if (buffers->count < BUFFERS_KEPT) {
        buffers->kept[buffers->count++] = buffer;
        buffer = NULL;
    }
    pthread_mutex_unlock(&buffers->lock);
    free(buffer);
}

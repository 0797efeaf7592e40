/*
 * Ctrl-C and kill, for verbs that have something to undo.
 */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <stdatomic.h>

/*
 * From now on the first SIGINT, SIGTERM or SIGHUP sets the flag that is returned, and
 * interrupts system calls; a second one ends the process as ever.
 */
const atomic_bool *signals_catch(void);

/* The exit status that says which signal came: 128 + its number, or `otherwise`. */
int signals_status(int otherwise);

#endif

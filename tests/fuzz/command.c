/*
 * A command line, as a program or a person may write it into control.
 */
#include "fuzz.h"

#include <string.h>

#include "dbsnapfs/util/err.h"
#include "service/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct command command = {0};
    struct err err = ERR_INIT;

    if (command_parse((const char *)bytes, len, &command, &err) == 0) {
        if (command.verb)
            (void)command_value(&command, "wait");
        command_release(&command);
    } else if (err.text[0] == '\0' || strchr(err.text, '\n')) {
        abort(); /* a refusal says why, in one line */
    }
    return 0;
}

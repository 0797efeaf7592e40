/*
 * The two ways a fuzzer runs: under libFuzzer, which brings main(), and as an ordinary program
 * over the files of its corpus, named on the command line.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#ifndef DBSNAPFS_LIBFUZZER

static int fuzz_file(const char *path)
{
    static uint8_t bytes[1 << 20];
    FILE *file = fopen(path, "rbe");
    uint8_t *exact;
    size_t len;

    if (!file) {
        perror(path);
        return EXIT_FAILURE;
    }
    len = fread(bytes, 1, sizeof(bytes), file);
    (void)fclose(file);
    /* a buffer of just that size, so that the address sanitizer sees a read behind it */
    exact = malloc(len ? len : 1);
    if (!exact)
        return EXIT_FAILURE;
    for (size_t i = 0; i < len; i++)
        exact[i] = bytes[i];
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    int status = EXIT_SUCCESS;

    for (int i = 1; i < argc; i++)
        status |= fuzz_file(argv[i]);
    return status;
}

#endif
#endif

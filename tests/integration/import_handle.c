/* SPDX-License-Identifier: MIT */
/* Makes an open file of an exported handle (in the file argv[1]) and writes argv[2] bytes with it:
 * the other half of the test of orfa_handle_import(). */
#include "client/orfa.h"

#include <stdio.h>
#include <stdlib.h>

static int fail(const char* what) {
    fprintf(stderr, "%s: %s\n", what, orfa_error());
    return 1;
}

int main(int argc, char** argv) {
    char handle[ORFA_HANDLE_MAX];
    if (argc != 3) return 2;
    FILE* saved = fopen(argv[1], "rb");
    if (saved == NULL) return 3;
    const size_t length = fread(handle, 1, sizeof(handle), saved);
    fclose(saved);

    orfa_session* session = orfa_default_session();
    if (session == NULL) return fail("connecting");
    orfa_file* file = orfa_handle_import(session, handle, length);
    if (file == NULL) return fail("importing");
    const size_t bytes = strtoull(argv[2], NULL, 10);
    char* data = malloc(bytes);
    if (data == NULL) return 4;
    for (size_t i = 0; i < bytes; ++i)
        data[i] = (char)(i * 31 % 127);
    if (orfa_pwrite(file, data, bytes, 0) != (ssize_t)bytes) return fail("writing");
    if (orfa_size(file) != (int64_t)bytes) return fail("asking for the size");
    free(data);
    if (orfa_close(file) != 0) return fail("closing");
    return 0;
}

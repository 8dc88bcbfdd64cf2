/*
 * The door to charts on a command line, for test_registry.py: resolves and fetches, prints
 * "NAME VERSION DIGEST BYTES" or "CODE text".
 *
 *   registry-client CACHE LOCK CA DOCKER_CONFIG plain|tls|offline REPOSITORY NAME RANGE
 *
 * "-" stands for no file.
 */
#include <stdio.h>
#include <string.h>

#include "edge/registry/registry.h"
#include "support/corpus.h"

enum { ARGUMENTS = 9, TIMEOUT_MS = 10000 };

static struct str file_at(struct arena *a, const char *path)
{
    return strcmp(path, "-") == 0 ? STR_NONE : corpus_file(a, path);
}

static int ask(struct registry *r, char **argv, struct arena *a, struct err *err)
{
    struct registry_chart chart;
    char hex[DIGEST_HEX + 1];
    struct str bytes;

    int rc = registry_resolve(r, str_from(argv[6]), str_from(argv[7]), str_from(argv[8]), a, &chart,
                              err);
    if (rc == 0)
        rc = registry_fetch(r, &chart, a, &bytes, err);
    if (rc == 0)
        printf(STR_FMT " " STR_FMT " %s %zu\n", STR_ARG(chart.name), STR_ARG(chart.version),
               digest_hex(&chart.digest, hex), bytes.len);
    return rc;
}

int main(int argc, char **argv)
{
    HL_CLEANUP(registry_closep) struct registry *r = NULL;
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct err err;

    if (argc != ARGUMENTS)
        hl_die("registry-client: see the head of its source");
    struct registry_config config = {
        .cache_dir = str_from(argv[1]),
        .cache_bytes_max = REGISTRY_CACHE_BYTES,
        .lock_path = strcmp(argv[2], "-") == 0 ? STR_NONE : str_from(argv[2]),
        .ca_pem = file_at(a, argv[3]),
        .docker_config = file_at(a, argv[4]),
        .timeout_ms = TIMEOUT_MS,
        .is_oci_plain = strcmp(argv[5], "plain") == 0,
        .is_offline = strcmp(argv[5], "offline") == 0,
    };
    int rc = registry_open(&config, &r, &err);
    if (rc == 0)
        rc = ask(r, argv, a, &err);
    if (rc == 0)
        return 0;
    printf("%s %s\n", err_code_name(rc), err.text);
    return 1;
}

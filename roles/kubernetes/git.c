/*
 * The state repository as destination. The ledger's handles are paths: an object that left the
 * bundle is deleted by the path that it was written to, whatever naming rule made it.
 */
#include "roles/kubernetes/destination.h"

#include <stdlib.h>

#include "edge/gitsrc/staterepo.h"

struct git_destination {
    struct staterepo *repo;
};

static bool is_path_kept(const struct map *kept, struct str path)
{
    return map_get(kept, path) != NULL;
}

static struct staterepo_put *make_puts(const struct apply_request *r, struct arena *a,
                                       struct map *kept)
{
    struct staterepo_put *puts = arena_array(a, struct staterepo_put, r->object_count);

    for (size_t i = 0; i < r->object_count; i++) {
        HL_CLEANUP(buf_deinit) struct buf yaml = {0};
        object_yaml(&yaml, &r->object[i]);
        puts[i] = (struct staterepo_put){r->object[i].path, arena_dup(a, buf_str(&yaml))};
        map_set(kept, r->object[i].path, puts + i);
    }
    return puts;
}

static struct str *make_deletes(const struct apply_request *r, struct arena *a,
                                const struct map *kept, size_t *out_count)
{
    struct str *deletes = arena_array(a, struct str, r->ledger_count);
    size_t count = 0;

    for (size_t i = r->ledger_count; i-- > 0;) {
        if (r->ledger[i].handle.len > 0 && !is_path_kept(kept, r->ledger[i].handle))
            deletes[count++] = r->ledger[i].handle;
    }
    *out_count = count;
    return deletes;
}

/* How many of the objects differ from what the ledger says was applied. */
static size_t count_changes(const struct apply_request *r)
{
    HL_CLEANUP(map_freep) struct map *before = map_new(0);
    size_t changed = 0;

    for (size_t i = 0; i < r->ledger_count; i++)
        map_set(before, r->ledger[i].id, (void *)(uintptr_t)&r->ledger[i]);
    for (size_t i = 0; i < r->object_count; i++) {
        const struct ledger_object *old = map_get(before, r->object[i].id);
        char hex[DIGEST_HEX + 1];

        if (!old || !str_eq(old->digest, str_from(digest_hex(&r->object[i].digest, hex))))
            changed++;
    }
    return changed;
}

static struct ledger_object *make_ledger(const struct apply_request *r, struct arena *a)
{
    struct ledger_object *ledger = arena_array(a, struct ledger_object, r->object_count);

    for (size_t i = 0; i < r->object_count; i++) {
        char hex[DIGEST_HEX + 1];

        ledger[i] = (struct ledger_object){
            .id = r->object[i].id,
            .digest = arena_dup(a, str_from(digest_hex(&r->object[i].digest, hex))),
            .handle = r->object[i].prune ? r->object[i].path : STR_NONE,
        };
    }
    return ledger;
}

static int git_apply(void *context, const struct apply_request *r, struct arena *a,
                     struct apply_result *out, struct err *err)
{
    HL_CLEANUP(map_freep) struct map *kept = map_new(0);
    struct git_destination *d = context;
    struct staterepo_result result;
    size_t delete_count;

    struct staterepo_put *puts = make_puts(r, a, kept);
    struct str *deletes = make_deletes(r, a, kept, &delete_count);
    struct staterepo_change change = {
        .app = r->app,
        .epoch = r->epoch,
        .is_takeover = r->is_takeover,
        .subject = arena_printf(a, "Apply " STR_FMT, STR_ARG(r->app)),
        .revision = r->revision,
        .puts = puts,
        .put_count = r->object_count,
        .deletes = deletes,
        .delete_count = delete_count,
        .lease_valid = r->lease_valid,
        .context = r->context,
    };
    int done = staterepo_apply(d->repo, &change, &result, err);
    if (done < 0)
        return done;
    *out = (struct apply_result){
        .ledger = make_ledger(r, a),
        .ledger_count = r->object_count,
        .changed_count = done == STATEREPO_COMMITTED ? count_changes(r) : 0,
        .pruned_count = done == STATEREPO_COMMITTED ? delete_count : 0,
        .note = result.oid[0] ? arena_printf(a, "state repository at %.12s", result.oid)
                              : STR("state repository is empty"),
        /* A file in a repository has no health that could be seen. */
        .health = "Unknown",
    };
    return 0;
}

static void git_idle(void *context)
{
    struct git_destination *d = context;

    staterepo_idle(d->repo);
}

static void git_free(void *context)
{
    struct git_destination *d = context;

    staterepo_free(d->repo);
    free(d);
}

int destination_open_git(const struct git_destination_config *config, struct destination *out,
                         struct err *err)
{
    struct staterepo_config repo_config = {
        .dir = config->dir,
        .url = config->url,
        .branch = config->branch,
        .auth = {.ssh_key_file = config->ssh_key_path,
                 .ssh_known_hosts_file = config->known_hosts_path,
                 .http_user = config->username,
                 .http_token_file = config->token_path,
                 .ca_file = config->ca_path},
        .agent = config->node,
    };
    struct git_destination *d = hl_calloc(1, sizeof(*d));

    int r = staterepo_open(&repo_config, &d->repo, err);
    if (r < 0) {
        free(d);
        return r;
    }
    *out =
        (struct destination){.context = d, .apply = git_apply, .idle = git_idle, .free = git_free};
    return 0;
}

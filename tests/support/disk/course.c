/*
 * Entry i of the log has data that follows from index, term and length, so that a model needs no
 * bytes; as a command it sets the key that follows from its index, or deletes it.
 */
#include "support/disk/course.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "support/disk/disk.h"

enum { KEYS = 23, PIECE_BYTES = 4096, KEPT_ENTRIES = 20, DATA_MAX = 90 << 10, EFFECTS_MAX = 3 };

enum step {
    STEP_APPEND,
    STEP_CHECKPOINT,
    STEP_COMPACT,
    STEP_PREPARE,
    STEP_REOPEN,
    STEP_INSTALL,
};

static const char *const step_names[] = {"append",  "checkpoint", "compact",
                                         "prepare", "reopen",     "install"};

struct course {
    char *path;
    char *leader;
    bool log_only;
    struct rng rng;
    struct rng before; /* the generator as it was before the step */
    enum step step;
    unsigned kinds; /* a bit for each step taken */
    bool is_again;  /* the step failed and is taken again */
    struct course_model model;
    struct course_model attempt;
    struct course_mark *mark;
    size_t mark_count;
    size_t mark_cap;
    struct store_dir *dir;
    struct statedb *db;
    struct store_log *log;
    struct arena *arena; /* of a step */
};

static const struct store_identity identity = {{"hl-mesh:test", 12}, 1};
static const struct log_options options = {COURSE_SEGMENT_BYTES};
static const struct raft_members founders = {.member = {{1, true}, {2, true}, {3, true}},
                                             .count = 3};

/* ---- data ---- */

static struct str data_of(struct arena *a, uint64_t index, const struct course_item *item)
{
    char *bytes = arena_alloc(a, item->len + 1);
    struct rng rng;

    rng_seed(&rng, index * 1000003 + item->term);
    if (item->kind == RAFT_ENTRY_MEMBERS) {
        struct raft_members m = founders;
        m.member[m.count++] = (struct raft_member){4 + index, false};
        char encoded[RAFT_MEMBERS_BYTES_MAX];
        struct str all = {encoded, raft_members_encode(&m, encoded)};
        return arena_dup(a, all);
    }
    for (size_t i = 0; i < item->len; i += 8) {
        uint64_t word = rng_next(&rng);
        memcpy(bytes + i, &word, item->len - i < 8 ? item->len - i : 8);
    }
    return (struct str){bytes, item->len};
}

static struct str key_of(struct arena *a, uint64_t index)
{
    return arena_printf(a, "key/%02u", (unsigned)(index * 7 % KEYS));
}

static void apply(struct statedb *db, const struct course_model *m, uint64_t from, uint64_t to)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    for (uint64_t i = from; i <= to; i++) {
        const struct course_item *item = &m->item[i];
        struct kv *kv = statedb_begin(db);
        int r = 0;

        if (item->kind == RAFT_ENTRY_COMMAND && item->len > 0)
            r = kv->put(kv->context, key_of(a, i), data_of(a, i, item), NULL);
        else if (item->kind == RAFT_ENTRY_COMMAND)
            r = kv->del(kv->context, key_of(a, i), NULL);
        assert_true(r >= 0);
        statedb_commit(db, i);
        arena_reset(a);
    }
}

/* ---- opening ---- */

static void close_all(struct course *c)
{
    log_close(c->log);
    statedb_close(c->db);
    store_dir_close(c->dir);
    c->log = NULL;
    c->db = NULL;
    c->dir = NULL;
}

static int open_all(struct course *c, struct err *err)
{
    struct raft_recovered recovered;

    int r = store_dir_open(str_from(c->path), &identity, &c->dir, err);
    if (r == 0)
        r = statedb_open(c->dir, &c->db, err);
    if (r == 0)
        r = log_open(c->dir, &options, statedb_base(c->db), &c->log, &recovered, err);
    if (r < 0) {
        close_all(c);
        return r;
    }
    apply(c->db, &c->model, statedb_base(c->db)->index + 1, c->model.commit);
    return 0;
}

static void add_mark(struct course *c)
{
    if (c->mark_count == c->mark_cap) {
        c->mark_cap = c->mark_cap ? 2 * c->mark_cap : 64;
        c->mark = hl_realloc(c->mark, c->mark_cap * sizeof(*c->mark));
    }
    c->mark[c->mark_count].change_count = disk_changes();
    c->mark[c->mark_count].model = c->model;
    c->mark_count++;
}

struct course *course_new(const char *path, const char *leader, uint64_t seed, bool log_only)
{
    struct course *c = hl_calloc(1, sizeof(*c));

    c->path = strdup(path);
    c->leader = strdup(leader);
    c->log_only = log_only;
    c->arena = arena_new();
    c->model.first = 1;
    rng_seed(&c->rng, seed);
    add_mark(c);
    return c;
}

void course_free(struct course *c)
{
    if (!c)
        return;
    close_all(c);
    arena_free(c->arena);
    free(c->mark);
    free(c->path);
    free(c->leader);
    free(c);
}

const struct course_mark *course_marks(const struct course *c, size_t *out_count)
{
    *out_count = c->mark_count;
    return c->mark;
}

/* ---- steps ---- */

static void choose_entries(struct course *c, struct course_model *next, struct raft_persist *p)
{
    uint64_t count = rng_below(&c->rng, 6);
    struct raft_entry *entry = arena_array(c->arena, struct raft_entry, count + 1);

    for (uint64_t n = 0; n < count; n++) {
        struct course_item *item = &next->item[++next->last];
        uint64_t kind = rng_below(&c->rng, 20);

        *item = (struct course_item){.term = (uint32_t)next->hard.term, .kind = RAFT_ENTRY_COMMAND};
        if (kind == 0)
            item->kind = RAFT_ENTRY_NOOP;
        else if (kind == 1)
            item->kind = RAFT_ENTRY_MEMBERS;
        else
            item->len = (uint32_t)rng_below(&c->rng, kind == 2 ? 20000 : 900);
        if (rng_below(&c->rng, 150) == 0)
            item->len = DATA_MAX; /* needs a segment of its own */
        if (item->kind != RAFT_ENTRY_COMMAND)
            item->len = 0;
        entry[n] = (struct raft_entry){next->last, item->term, item->kind,
                                       data_of(c->arena, next->last, item)};
    }
    p->entry = entry;
    p->entry_count = count;
}

static void choose_effect(struct course *c, struct course_model *next, struct raft_persist *p)
{
    *p = (struct raft_persist){0};
    if (next->hard.term == 0 || rng_below(&c->rng, 6) == 0) {
        p->has_hard_state = true;
        p->hard = next->hard =
            (struct raft_hard_state){next->hard.term + 1 + rng_below(&c->rng, 2), 0};
        if (rng_below(&c->rng, 2) == 0)
            p->hard.vote = next->hard.vote = 1 + rng_below(&c->rng, 3);
        if (next->last > next->commit && rng_below(&c->rng, 2) == 0) {
            next->last -= rng_below(&c->rng, next->last - next->commit);
            p->truncate_from = next->last;
            next->last--;
        }
    } else if (next->hard.vote == 0 && rng_below(&c->rng, 6) == 0) {
        p->has_hard_state = true;
        next->hard.vote = 2;
        p->hard = next->hard;
    }
    choose_entries(c, next, p);
}

static int step_append(struct course *c, struct course_model *next, struct err *err)
{
    struct raft_persist persist[EFFECTS_MAX];
    const struct raft_persist *list[EFFECTS_MAX];
    size_t count = 1 + (size_t)rng_below(&c->rng, EFFECTS_MAX);

    for (size_t i = 0; i < count; i++) {
        choose_effect(c, next, &persist[i]);
        list[i] = &persist[i];
    }
    int r = log_append(c->log, list, count, err);
    if (r == 0 && next->last > next->commit) {
        next->commit += rng_below(&c->rng, next->last - next->commit + 1);
        apply(c->db, next, c->model.commit + 1, next->commit);
    }
    return r;
}

static int step_checkpoint(struct course *c, struct course_model *next, struct err *err)
{
    if (next->commit == next->base)
        return 0;
    struct checkpoint *checkpoint = statedb_freeze(c->db, next->item[next->commit].term, &founders);
    assert_non_null(checkpoint);
    int r = checkpoint_run(checkpoint, err);
    statedb_adopt(c->db, checkpoint);
    checkpoint_free(checkpoint);
    if (r < 0)
        return r;
    assert_int_equal(statedb_base(c->db)->index, next->commit);
    next->base = next->commit;
    return 0;
}

static int step_compact(struct course *c, struct course_model *next, struct err *err)
{
    struct raft_persist p = {.compact_to =
                                 next->base > KEPT_ENTRIES ? next->base - KEPT_ENTRIES : 0};
    const struct raft_persist *list = &p;

    if (p.compact_to < next->first)
        return 0;
    int r = log_append(c->log, &list, 1, err);
    if (r == 0)
        next->first = p.compact_to + 1;
    return r;
}

/* The leader's state at `index`, in a store of its own. */
static struct statedb *leaders_state(struct course *c, const struct course_model *m,
                                     struct store_dir **out_dir)
{
    struct statedb *db;

    assert_int_equal(store_dir_open(str_from(c->leader), &identity, out_dir, NULL), 0);
    assert_int_equal(statedb_open(*out_dir, &db, NULL), 0);
    if (statedb_base(db)->index < m->commit) {
        apply(db, m, statedb_base(db)->index + 1, m->commit);
        struct checkpoint *checkpoint = statedb_freeze(db, m->item[m->commit].term, &founders);
        struct err err;
        if (checkpoint_run(checkpoint, &err) != 0)
            fail_msg("%s", err.text);
        statedb_adopt(db, checkpoint);
        checkpoint_free(checkpoint);
    }
    return db;
}

static int take_pieces(struct course *c, struct statedb *from, struct install **out,
                       struct err *err)
{
    struct str cursor;
    bool is_last = false;

    int r = install_open(c->dir, statedb_base(from), out, c->arena, &cursor, err);
    while (r == 0 && !is_last) {
        struct str data;
        struct str next;

        r = statedb_read_piece(from, statedb_base(from)->id, cursor, PIECE_BYTES, c->arena, &data,
                               &next, &is_last, NULL);
        assert_int_equal(r, 0);
        r = install_piece(*out, cursor, data, c->arena, &next, err);
        cursor = next;
    }
    return r;
}

static int take_over(struct course *c, struct statedb *from, struct err *err)
{
    struct install *install = NULL;

    int r = take_pieces(c, from, &install, err);
    if (r == 0)
        r = install_finish(install, err);
    if (r == 0)
        return statedb_adopt_install(c->db, install, err);
    install_close(install);
    return r;
}

/* The leader is ahead of all that we have. */
static int step_install(struct course *c, struct course_model *next, struct err *err)
{
    uint64_t end = next->last + 1 + rng_below(&c->rng, 20);
    struct store_dir *dir;
    int r = 0;

    for (uint64_t i = next->commit + 1; i <= end; i++)
        next->item[i] = (struct course_item){
            (uint32_t)next->hard.term, (uint32_t)rng_below(&c->rng, 3000), RAFT_ENTRY_COMMAND};
    next->commit = next->base = next->last = end;
    next->first = end + 1;
    struct statedb *from = leaders_state(c, next, &dir);
    if (statedb_base(c->db)->index < end)
        r = take_over(c, from, err);
    statedb_close(from);
    store_dir_close(dir);
    if (r < 0)
        return r;
    struct raft_persist p = {.reset_index = end, .reset_term = next->item[end].term};
    const struct raft_persist *list = &p;
    return log_append(c->log, &list, 1, err);
}

static enum step choose_step(struct course *c)
{
    uint64_t draw = rng_below(&c->rng, 100);

    if (!c->log || c->model.hard.term == 0)
        return c->log ? STEP_APPEND : STEP_REOPEN;
    if (draw < 4)
        return STEP_REOPEN;
    if (draw < 9)
        return STEP_PREPARE;
    if (c->log_only || draw >= 25)
        return STEP_APPEND;
    return draw < 16 ? STEP_CHECKPOINT : draw < 23 ? STEP_COMPACT : STEP_INSTALL;
}

static int take_step(struct course *c, struct course_model *next, struct err *err)
{
    switch (c->step) {
    case STEP_APPEND:
        return step_append(c, next, err);
    case STEP_CHECKPOINT:
        return step_checkpoint(c, next, err);
    case STEP_COMPACT:
        return step_compact(c, next, err);
    case STEP_PREPARE:
        log_prepare(c->log);
        return 0;
    case STEP_REOPEN:
        close_all(c);
        return open_all(c, err);
    case STEP_INSTALL:
        return step_install(c, next, err);
    }
    return HL_EINVAL;
}

int course_step(struct course *c, struct err *err)
{
    struct course_model *next = &c->attempt;

    if (c->is_again)
        c->rng = c->before;
    else
        c->step = choose_step(c);
    c->before = c->rng;
    *next = c->model;
    int r = take_step(c, next, err);
    c->is_again = r < 0;
    if (r == 0) {
        c->model = *next;
        c->kinds |= 1u << c->step;
        add_mark(c);
    }
    arena_reset(c->arena);
    return r;
}

unsigned course_kinds(const struct course *c)
{
    return (unsigned)__builtin_popcount(c->kinds);
}

const struct course_model *course_attempt(const struct course *c)
{
    return &c->attempt;
}

const char *course_step_name(const struct course *c)
{
    return step_names[c->step];
}

/* ---- checking ---- */

/* `where` of course_check, which every message begins with. */
static void expect(const char *where, bool is_so, const char *what)
{
    if (!is_so)
        fail_msg("%s: %s", where, what);
}

static void expect_state(const char *where, struct statedb *db, const struct course_model *m,
                         uint64_t at)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    uint64_t last_of[KEYS] = {0};
    struct kv *kv = statedb_reader(db);
    struct str key;
    struct str value;
    struct str after = STR_NONE;
    size_t found = 0;
    size_t wanted = 0;

    for (uint64_t i = 1; i <= at; i++) {
        if (m->item[i].kind == RAFT_ENTRY_COMMAND)
            last_of[i * 7 % KEYS] = i;
    }
    for (size_t k = 0; k < KEYS; k++) {
        uint64_t i = last_of[k];
        if (i == 0 || m->item[i].len == 0)
            continue;
        wanted++;
        expect(where, kv->get(kv->context, key_of(a, i), &value, NULL) == KV_FOUND,
               "a key is gone");
        expect(where, str_eq(value, data_of(a, i, &m->item[i])), "a value is another");
    }
    while (kv->next(kv->context, STR_NONE, after, &key, &value, NULL) == KV_FOUND) {
        after = arena_dup(a, key);
        found++;
    }
    expect(where, found == wanted, "there are keys that must not be");
}

static bool is_log_of(struct store_log *log, const struct raft_recovered *r,
                      const struct course_model *m)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    size_t members = 0;
    size_t count;

    if (r->last_index != m->last || r->hard.term != m->hard.term || r->hard.vote != m->hard.vote ||
        r->first_index > m->first || r->before_term != m->item[r->first_index - 1].term)
        return false;
    for (uint64_t at = r->first_index; at <= m->last; at += count) {
        struct raft_entry *e;

        if (log_read(log, at, 7, 1 << 20, a, &e, &count, NULL) != 0)
            return false;
        for (size_t i = 0; i < count; i++) {
            const struct course_item *item = &m->item[at + i];
            if (e[i].term != item->term || e[i].kind != item->kind ||
                !str_eq(e[i].data, data_of(a, at + i, item)))
                return false;
            members += e[i].kind == RAFT_ENTRY_MEMBERS;
        }
        arena_reset(a);
    }
    return members == r->members_count;
}

/* A log that went no further than the base, or another way, is dropped at open. */
static bool is_dropped(const struct raft_recovered *r, const struct course_model *m, uint64_t base,
                       uint64_t base_term)
{
    bool is_useless = m->last < base || m->item[base].term != base_term;

    return is_useless && r->first_index == base + 1 && r->last_index == base &&
           r->before_term == base_term && r->hard.term == m->hard.term &&
           r->hard.vote == m->hard.vote;
}

static bool is_one_of(struct course *c, const struct raft_recovered *r,
                      const struct course_model *m)
{
    const struct raft_snapshot *base = statedb_base(c->db);

    return is_log_of(c->log, r, m) || is_dropped(r, m, base->index, base->term);
}

static int read_for_raft(void *context, uint64_t first, size_t max_count, size_t max_bytes,
                         struct arena *a, struct raft_entry **out, size_t *out_count,
                         struct err *err)
{
    const struct course *c = context;

    return log_read(c->log, first, max_count, max_bytes, a, out, out_count, err);
}

static int read_piece_for_raft(void *context, uint64_t id, struct str cursor, size_t max_bytes,
                               struct arena *a, struct str *out_data, struct str *out_next,
                               bool *out_is_last, struct err *err)
{
    const struct course *c = context;

    return statedb_read_piece(c->db, id, cursor, max_bytes, a, out_data, out_next, out_is_last,
                              err);
}

static void expect_consensus_takes_it(const char *where, struct course *c,
                                      struct raft_recovered *recovered)
{
    struct raft_config config = {
        .id = 1, .founders = founders, .storage = {c, read_for_raft, read_piece_for_raft}};
    HL_CLEANUP(raft_freep) struct raft *raft = NULL;
    struct err err;

    recovered->base = *statedb_base(c->db);
    recovered->applied_index = recovered->base.index;
    if (raft_new(&config, recovered, 0, &raft, &err) != 0)
        expect(where, false, err.text);
}

static void open_for_check(const char *where, struct course *c, struct raft_recovered *recovered)
{
    struct err err;

    if (store_dir_open(str_from(c->path), &identity, &c->dir, &err) != 0 ||
        statedb_open(c->dir, &c->db, &err) != 0 ||
        log_open(c->dir, &options, statedb_base(c->db), &c->log, recovered, &err) != 0)
        expect(where, false, err.text);
}

/* Everything that is there counts as committed; one entry more, a new base, and a log behind it. */
static void go_on(struct course *c, struct course_model *m, const struct raft_recovered *recovered)
{
    struct raft_persist p = {.has_hard_state = true, .entry_count = 1};
    const struct raft_persist *list = &p;
    struct err err;

    m->hard = p.hard = (struct raft_hard_state){recovered->hard.term + 1, 3};
    m->last = m->commit = recovered->last_index + 1;
    m->item[m->last] = (struct course_item){(uint32_t)m->hard.term, 33, RAFT_ENTRY_COMMAND};
    p.entry = &(struct raft_entry){m->last, m->hard.term, RAFT_ENTRY_COMMAND,
                                   data_of(c->arena, m->last, &m->item[m->last])};
    assert_int_equal(log_append(c->log, &list, 1, &err), 0);
    apply(c->db, m, statedb_base(c->db)->index + 1, m->last);
    struct checkpoint *checkpoint = statedb_freeze(c->db, m->hard.term, &founders);
    assert_int_equal(checkpoint_run(checkpoint, &err), 0);
    statedb_adopt(c->db, checkpoint);
    checkpoint_free(checkpoint);
    m->base = m->last;
    p = (struct raft_persist){.compact_to = m->last};
    assert_int_equal(log_append(c->log, &list, 1, &err), 0);
    m->first = m->last + 1;
}

/* Opens, judges, and takes what is there as the model. */
static void adopt(const char *where, struct course *c, const struct course_model *before,
                  const struct course_model *after, struct raft_recovered *recovered)
{
    open_for_check(where, c, recovered);
    uint64_t base = statedb_base(c->db)->index;
    const struct course_model *state = base == before->base ? before : after;
    expect(where, base == state->base, "the state is of no index that it may be of");
    expect_state(where, c->db, state, base);
    bool is_old = is_one_of(c, recovered, before);
    expect(where, is_old || is_one_of(c, recovered, after), "the log is not what it may be");
    expect_consensus_takes_it(where, c, recovered);
    c->model = is_old && base <= before->last ? *before : *after;
    c->model.first = recovered->first_index;
    c->model.last = recovered->last_index;
    c->model.hard = recovered->hard;
    c->model.base = base;
    if (c->model.commit < base)
        c->model.commit = base;
}

struct course *course_resume(const char *where, const char *path, const char *leader, uint64_t seed,
                             const struct course_model *before, const struct course_model *after)
{
    struct course *c = course_new(path, leader, seed, false);
    struct raft_recovered recovered;

    adopt(where, c, before, after, &recovered);
    apply(c->db, &c->model, c->model.base + 1, c->model.commit);
    c->mark[0].model = c->attempt = c->model;
    return c;
}

void course_check(const char *where, const char *path, const struct course_model *before,
                  const struct course_model *after)
{
    struct course *c = course_new(path, "", 1, false);
    struct raft_recovered recovered;

    adopt(where, c, before, after, &recovered);
    go_on(c, &c->model, &recovered);
    close_all(c);
    open_for_check(where, c, &recovered);
    expect(where, statedb_base(c->db)->index == c->model.base, "the next state is not the base");
    expect_state(where, c->db, &c->model, c->model.base);
    expect(where, is_log_of(c->log, &recovered, &c->model), "what was appended next is not there");
    course_free(c);
}

/* One line after the other. */
#include "sim/script.h"

#include <stdio.h>

#include "sim/driver.h"

static const struct {
    const char *name;
    size_t offset;
    size_t size;
} field[] = {
#define FIELD(name)                                                                                \
    {                                                                                              \
#name, offsetof(struct world_config, name), sizeof(((struct world_config *)0)->name)       \
    }
    FIELD(seed),
    FIELD(founder_count),
    FIELD(slot_count),
    FIELD(client_count),
    FIELD(agent_count),
    FIELD(app_count),
    FIELD(heartbeat_ms),
    FIELD(election_ms),
    FIELD(stall_ms),
    FIELD(news_ms),
    FIELD(cache_bytes_max),
    FIELD(inflight_bytes_max),
    FIELD(uncommitted_bytes_max),
    FIELD(keep_bytes),
    FIELD(lost_after_ms),
    FIELD(piece_bytes_max),
#undef FIELD
};

static uint64_t *field_of(struct world_config *c, size_t i)
{
    HL_ASSERT(field[i].size == sizeof(uint64_t));
    return (uint64_t *)(void *)((char *)c + field[i].offset);
}

void script_print_config(struct buf *out, const struct world_config *config)
{
    struct world_config copy = *config;

    for (size_t i = 0; i < HL_COUNT(field); i++)
        buf_printf(out, "config %s %llu\n", field[i].name, (unsigned long long)*field_of(&copy, i));
}

struct script {
    struct world_config config;
    struct driver *d;
};

static struct world_config default_config(void)
{
    return (struct world_config){
        .seed = 1,
        .founder_count = 3,
        .slot_count = 3,
        .client_count = 2,
        .heartbeat_ms = 100,
        .election_ms = 1000,
        .stall_ms = 10000,
        .cache_bytes_max = 4 << 20,
        .inflight_bytes_max = 4 << 20,
        .uncommitted_bytes_max = 64 << 20,
        .keep_bytes = 4 << 20,
        .lost_after_ms = 3000,
        .piece_bytes_max = 1000,
    };
}

static bool set_config(struct script *s, struct str name, struct str value)
{
    for (size_t i = 0; i < HL_COUNT(field); i++) {
        if (str_eq(name, str_from(field[i].name)))
            return !s->d && str_to_u64(value, field_of(&s->config, i));
    }
    return false;
}

static const char *const mark_name[] = {
#define X(name, text) #name,
    MARKS(X)
#undef X
};

static int expect_mark(struct world *w, struct str name, uint64_t count, struct err *err)
{
    for (size_t i = 0; i < MARK_COUNT; i++) {
        if (!str_eq(name, str_from(mark_name[i])))
            continue;
        if (w->check.mark[i] >= count)
            return 0;
        return err_set(err, HL_ECONFLICT, "%s was taken %llu times", mark_name[i],
                       (unsigned long long)w->check.mark[i]);
    }
    return err_set(err, HL_EINVAL, "no such mark");
}

static int expect_leader(struct world *w, uint64_t member, struct err *err)
{
    size_t slot = world_leader(w);
    uint64_t now = slot == SIZE_MAX ? 0 : slot + 1;

    if (now == member)
        return 0;
    return err_set(err, HL_ECONFLICT, "member %llu leads", (unsigned long long)now);
}

static int expect_value(struct world *w, uint64_t key, uint64_t value, struct err *err)
{
    for (size_t s = 0; s < w->config.slot_count; s++) {
        struct setting got;
        if (!w->node[s].is_up || w->node[s].state.applied == 0)
            continue;
        int r = setting_get(&w->node[s].state.store.kv, setting_key_of(w->scratch, key), &got, err);
        uint64_t now = r == KV_FOUND ? bytes_u64(got.value.ptr) : 0;
        if (now != value)
            return err_set(err, HL_ECONFLICT, "member %zu has %llu", s + 1,
                           (unsigned long long)now);
    }
    return 0;
}

static int run_action(struct script *s, struct str line, struct err *err)
{
    struct action a;
    int64_t at_us;

    if (!action_parse(line, &at_us, &a))
        return err_set(err, HL_EINVAL, "no action: \"" STR_FMT "\"", STR_ARG(line));
    driver_do(s->d, at_us, &a);
    return 0;
}

static int run_words(struct script *s, struct str line, struct err *err)
{
    struct str rest = line;
    struct str word = str_cut(&rest, ' ');
    struct str first = str_cut(&rest, ' ');
    uint64_t a = 0;
    uint64_t b = 0;

    if (str_eq(word, STR("config")))
        return set_config(s, first, rest) ? 0 : err_set(err, HL_EINVAL, "no such config, or late");
    if (!s->d)
        s->d = driver_new_scripted(&s->config, NULL);
    if (str_eq(word, STR("mark")))
        return str_to_u64(rest, &b) ? expect_mark(driver_world(s->d), first, b, err)
                                    : err_set(err, HL_EINVAL, "a mark needs a count");
    bool is_one = str_to_u64(first, &a) && rest.len == 0;
    bool is_two = str_to_u64(first, &a) && str_to_u64(rest, &b);
    if (is_one && str_eq(word, STR("calm")))
        driver_calm(s->d, (int64_t)a);
    else if (is_one && str_eq(word, STR("leader")))
        return expect_leader(driver_world(s->d), a, err);
    else if (is_two && str_eq(word, STR("cut")))
        driver_cut(s->d, a, b, true);
    else if (is_two && str_eq(word, STR("join")))
        driver_cut(s->d, a, b, false);
    else if (is_two && str_eq(word, STR("value")))
        return expect_value(driver_world(s->d), a, b, err);
    else
        return run_action(s, line, err);
    return 0;
}

int script_run(struct str text, struct str file, struct err *err)
{
    struct script s = {.config = default_config()};
    uint32_t number = 0;
    int r = 0;

    while (text.len > 0 && r == 0) {
        struct str line = str_cut(&text, '\n');
        line = str_trim(str_cut(&line, '#'));
        number++;
        if (line.len == 0)
            continue;
        struct err inner = {0};
        r = run_words(&s, line, &inner);
        if (r == 0 && s.d && world_violation(driver_world(s.d))[0] != '\0')
            r = err_set(&inner, HL_ECONFLICT, "%s", world_violation(driver_world(s.d)));
        if (r < 0)
            err_at(err, r, file, number, 1, "%s", inner.text);
    }
    driver_free(s.d);
    return r;
}

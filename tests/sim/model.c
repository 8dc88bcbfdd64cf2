/* The rules of model.h. Outcomes that the model does not predict (work, agents) it judges. */
#include "sim/model.h"

#include <stdlib.h>

#include "core/value/json.h"
#include "sim/store.h"

#define U(x) ((unsigned long long)(x))

struct judge {
    struct model *m;
    struct check *k;
    uint64_t index;
    const struct command *c;
    const struct state_result *result;
    struct kv *kv;
    struct arena *arena;
    const struct value *body;
};

void model_deinit(struct model *m)
{
    free(m->digest);
    free(m->state);
}

/* ---- settings */

static struct model_setting *setting_of(struct judge *j, struct str key)
{
    uint64_t n = str_eq(key, FUTURE_KEY) ? MODEL_KEYS : name_number(key);

    HL_ASSERT(n <= MODEL_KEYS);
    return &j->m->setting[n];
}

static int expected_outcome(struct judge *j, bool is_put, const struct setting_change *change)
{
    struct model_setting *s = setting_of(j, change->key);

    if (change->has_expected && change->expected != s->revision)
        return HL_ECONFLICT;
    if (!is_put)
        return s->value == 0 ? HL_EABSENT : 0;
    return 0;
}

static void take_effect(struct judge *j, bool is_put, const struct setting_change *change)
{
    struct model_setting *s = setting_of(j, change->key);

    if (!is_put) {
        *s = (struct model_setting){0};
        return;
    }
    if (s->value == 0)
        *s = (struct model_setting){.created = j->index};
    s->value = bytes_u64(change->value.ptr);
    s->revision = j->index;
    s->version++;
}

static void compare_setting(struct judge *j, struct str key)
{
    const struct model_setting *want = setting_of(j, key);
    struct setting got;
    struct err err;

    int r = setting_get(j->kv, key, &got, &err);
    bool is_there = r == KV_FOUND && got.value.len == 8;
    if (is_there != (want->value != 0) ||
        (is_there && (bytes_u64(got.value.ptr) != want->value || got.revision != want->revision ||
                      got.created != want->created || got.version != want->version)))
        check_violate(j->k, "setting " STR_FMT " is not what the log says at entry %llu",
                      STR_ARG(key), U(j->index));
}

static void judge_setting(struct judge *j)
{
    bool is_future = str_eq(j->c->name, COMMAND_FUTURE);
    bool is_put = is_future || str_eq(j->c->name, STR("setting.put"));
    struct setting_change change;
    struct model_session none = {0};
    struct model_session *s = &none;
    struct err err;

    if (setting_change_decode(j->c->body, &change, &err) < 0) {
        check_violate(j->k, "entry %llu: %s", U(j->index), err.text);
        return;
    }
    if (j->c->client_id.len > 0)
        s = &j->m->session[name_number(j->c->client_id)];
    if (s != &none && j->c->sequence <= s->sequence) {
        j->k->mark[MARK_DEDUPED]++;
        if (j->c->sequence == s->sequence &&
            (j->result->code != s->code || j->result->revision != s->index))
            check_violate(j->k, "entry %llu: a retry got another answer than the first time",
                          U(j->index));
        if (j->c->sequence < s->sequence && j->result->code == 0)
            check_violate(j->k, "entry %llu: a command that was answered before took effect",
                          U(j->index));
    } else {
        *s = (struct model_session){j->c->sequence, j->index, expected_outcome(j, is_put, &change)};
        if (j->result->code != s->code || j->result->revision != j->index)
            check_violate(j->k, "entry %llu: answer %d with revision %llu, it should be %d",
                          U(j->index), j->result->code, U(j->result->revision), s->code);
        if (s->code == 0)
            take_effect(j, is_put, &change);
    }
    compare_setting(j, change.key);
}

/* ---- work */

static void release_all(struct model *m, uint64_t agent)
{
    for (size_t i = 0; i < MODEL_APPS; i++) {
        if (m->app[i].agent == agent)
            m->app[i].is_leased = false;
    }
}

/* Enrolled or revoked: either way it begins as lost, and what it held goes to others. */
static void judge_agent(struct judge *j, struct str node, bool is_active)
{
    uint64_t agent = name_number(node);

    HL_ASSERT(agent < MODEL_AGENTS);
    j->m->is_agent_active[agent] = is_active;
    j->m->is_agent_alive[agent] = false;
    release_all(j->m, agent);
}

static void judge_agent_state(struct judge *j)
{
    uint64_t agent = name_number(value_get_str(j->body, "name"));
    bool is_alive = str_eq(value_get_str(j->body, "state"), STR("alive"));

    HL_ASSERT(agent < MODEL_AGENTS);
    if (!j->m->is_agent_active[agent] || j->m->is_agent_alive[agent] == is_alive)
        return;
    j->m->is_agent_alive[agent] = is_alive;
    j->k->mark[MARK_AGENT_LOST] += !is_alive;
    if (!is_alive)
        release_all(j->m, agent);
}

static void judge_assign(struct judge *j, struct model_app *app)
{
    uint64_t agent = name_number(value_get_str(j->body, "agent"));
    struct state_app now;
    struct err err;

    int r = state_app_get(j->kv, value_get_str(j->body, "key"), j->arena, &now, &err);
    HL_ASSERT(agent < MODEL_AGENTS);
    if (r != KV_FOUND || now.epoch <= j->m->epoch)
        check_violate(j->k, "entry %llu: epoch %lld is given again", U(j->index),
                      (long long)(r == KV_FOUND ? now.epoch : 0));
    if (app->is_leased)
        check_violate(j->k, "entry %llu: a lease is given that agent %llu holds", U(j->index),
                      U(app->agent));
    if (!j->m->is_agent_active[agent])
        check_violate(j->k, "entry %llu: a lease for agent %llu, which is not active", U(j->index),
                      U(agent));
    if (!j->m->is_agent_alive[agent])
        check_violate(j->k, "entry %llu: a lease for agent %llu, which is lost", U(j->index),
                      U(agent));
    j->k->mark[MARK_ASSIGNED]++;
    j->m->epoch = now.epoch;
    app->is_leased = true;
    app->agent = agent;
    app->epoch = now.epoch;
}

static void judge_report(struct judge *j, struct model_app *app)
{
    uint64_t agent = name_number(value_get_str(j->body, "agent"));
    int64_t epoch = value_get_int(j->body, "epoch", -1);

    if (j->result->code != 0) {
        j->k->mark[MARK_STALE_REPORT]++;
        return;
    }
    j->k->mark[MARK_GOOD_REPORT]++;
    if (!app->is_leased || app->agent != agent || app->epoch != epoch)
        check_violate(j->k,
                      "entry %llu: a report of agent %llu under epoch %lld is accepted, the lease "
                      "is agent %llu's under %lld%s",
                      U(j->index), U(agent), (long long)epoch, U(app->agent), (long long)app->epoch,
                      app->is_leased ? "" : " and over");
    app->is_leased = false;
}

/* A new input takes the lease away. */
static void judge_plan(struct judge *j)
{
    for (size_t i = 0; i < MODEL_APPS; i++) {
        struct state_app app;
        struct err err;
        int r = state_app_get(j->kv, app_name(j->arena, i), j->arena, &app, &err);
        uint64_t hash = r == KV_FOUND ? sim_hash(1, app.input) : 0;
        if (hash != j->m->app[i].input_hash)
            j->m->app[i].is_leased = false;
        j->m->app[i].input_hash = hash;
    }
}

static void judge_work(struct judge *j)
{
    uint64_t app = name_number(value_get_str(j->body, "key"));

    HL_ASSERT(app < MODEL_APPS);
    if (str_eq(j->c->name, STR("work.report")))
        judge_report(j, &j->m->app[app]);
    else if (j->result->code == 0)
        judge_assign(j, &j->m->app[app]);
}

static void judge_json(struct judge *j)
{
    struct value *body;
    struct err err;

    if (json_read(j->arena, j->c->body, STR("command"), &body, &err) < 0) {
        check_violate(j->k, "entry %llu: %s", U(j->index), err.text);
        return;
    }
    j->body = body;
    if (str_starts(j->c->name, STR("work."))) {
        judge_work(j);
    } else if (j->result->code != 0) {
        return;
    } else if (str_eq(j->c->name, STR("desired.put"))) {
        judge_plan(j);
    } else if (str_eq(j->c->name, STR("agent.enroll"))) {
        judge_agent(j, value_get_str(body, "node"), true);
    } else if (str_eq(j->c->name, STR("agent.revoke"))) {
        judge_agent(j, value_get_str(body, "name"), false);
    } else if (str_eq(j->c->name, STR("agent.state"))) {
        judge_agent_state(j);
    }
}

/* ---- digests */

static uint64_t digest_of(const struct state_result *r, uint64_t state)
{
    uint64_t h = sim_mix(1, state);

    if (!r)
        return h;
    h = sim_mix(sim_mix(h, (uint64_t)(int64_t)r->code), r->revision);
    return sim_hash(sim_hash(h, r->text), r->body);
}

static void remember(struct model *m, uint64_t digest, uint64_t state)
{
    if (m->count == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 256;
        m->digest = hl_realloc(m->digest, m->cap * sizeof(*m->digest));
        m->state = hl_realloc(m->state, m->cap * sizeof(*m->state));
    }
    m->digest[m->count] = digest;
    m->state[m->count++] = state;
}

void model_applied(struct model *m, struct check *k, uint64_t index, const struct command *c,
                   const struct state_result *result, uint64_t state, struct kv *kv,
                   struct arena *a)
{
    uint64_t digest = digest_of(result, state);
    struct judge j = {m, k, index, c, result, kv, a, NULL};

    if (index <= m->count) {
        if (m->digest[index - 1] != digest)
            check_violate(k, "entry %llu: two members differ in state or answer", U(index));
        return;
    }
    if (index != m->count + 1) {
        check_violate(k, "entry %llu is applied before %zu", U(index), m->count + 1);
        return;
    }
    remember(m, digest, state);
    if (!c)
        return;
    if (str_starts(c->name, STR("setting.")) || str_eq(c->name, COMMAND_FUTURE))
        judge_setting(&j);
    else
        judge_json(&j);
}

void model_stands(const struct model *m, struct check *k, uint64_t index, uint64_t state)
{
    uint64_t want = index > 0 && index <= m->count ? m->state[index - 1] : 0;

    if (index > m->count || want != state)
        check_violate(k, "a member that begins again at entry %llu has another state", U(index));
}

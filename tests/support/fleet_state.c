/* Every put_app is a commit of its own, named after a counter kept in the head. */
#include "support/fleet_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

void fleet_state_init(struct fleet_state *f)
{
    kv_array_init(&f->store);
    f->arena = arena_new();
    f->wall_ms = 1000000;
    f->index = 0;
    f->result = (struct state_result){0};
}

void fleet_state_deinit(struct fleet_state *f)
{
    kv_array_deinit(&f->store);
    arena_free(f->arena);
}

static int apply(struct fleet_state *f, const char *name, struct str body)
{
    char *text = arena_cstr(f->arena, body);
    struct err err = {0};

    for (size_t i = 0; i < body.len; i++) {
        if (text[i] == '\'')
            text[i] = '"';
    }
    struct command c = {
        .name = str_from(name),
        .author = STR("tester"),
        .wall_ms = f->wall_ms,
        .body = {text, body.len},
    };
    int r = state_apply(&f->store.kv, ++f->index, &c, f->arena, &f->result, &err);
    if (r != 0)
        fail_msg("%s %s: %d %s", name, text, r, err.text);
    return f->result.code;
}

int fleet_apply(struct fleet_state *f, const char *name, const char *body_fmt, ...)
{
    va_list args;

    va_start(args, body_fmt);
    struct str body = arena_vprintf(f->arena, body_fmt, args);
    va_end(args);
    return apply(f, name, body);
}

int fleet_refused(struct fleet_state *f, const char *name, const char *body_fmt, ...)
{
    struct digest before = fleet_digest(f);
    va_list args;

    va_start(args, body_fmt);
    struct str body = arena_vprintf(f->arena, body_fmt, args);
    va_end(args);
    int code = apply(f, name, body);
    struct digest after = fleet_digest(f);
    assert_true(code < 0);
    assert_true(f->result.text.len > 0);
    assert_true(digest_eq(&before, &after));
    return code;
}

struct state_app fleet_app(struct fleet_state *f, const char *name)
{
    struct state_app app;

    assert_true(state_app_get(&f->store.kv, str_from(name), f->arena, &app, NULL) >= 0);
    return app;
}

struct state_agent fleet_agent(struct fleet_state *f, const char *node)
{
    struct state_agent agent;

    assert_true(state_agent_get(&f->store.kv, str_from(node), f->arena, &agent, NULL) >= 0);
    return agent;
}

struct digest fleet_digest(struct fleet_state *f)
{
    struct digest d;

    assert_int_equal(state_digest(&f->store.kv, &d, NULL), 0);
    return d;
}

const char *fleet_last_event(struct fleet_state *f)
{
    struct str cursor = STR_NONE;
    struct state_event event;
    struct str type = STR("");

    while (state_event_next(&f->store.kv, &cursor, f->arena, &event, NULL) == KV_FOUND)
        type = event.type;
    return arena_cstr(f->arena, type);
}

void fleet_add_agent(struct fleet_state *f, const char *node)
{
    char hash[DIGEST_HEX + 1];
    struct digest d = sha256_of(str_from(node));

    digest_hex(&d, hash);
    assert_int_equal(fleet_apply(f, "token.create",
                                 "{'id':'for-%s','hash':'%s','roles':'kubernetes','uses':1,"
                                 "'ttl_ms':60000}",
                                 node, hash),
                     0);
    assert_int_equal(fleet_apply(f, "agent.enroll",
                                 "{'node':'%s','key':'key-of-%s','token':'for-%s'}", node, node,
                                 node),
                     0);
    assert_int_equal(fleet_apply(f, "agent.state", "{'name':'%s','state':'alive'}", node), 0);
}

void fleet_put_app(struct fleet_state *f, const char *name, const char *input)
{
    struct state_head head;

    assert_true(state_head_get(&f->store.kv, f->arena, &head, NULL) >= 0);
    assert_int_equal(fleet_apply(f, "desired.put",
                                 "{'base':'" STR_FMT "','commit':'" STR_FMT
                                 "+','upserts':[{'name':'%s','status':'applicable','input':'%s',"
                                 "'commit':'of-%s'}]}",
                                 STR_ARG(head.commit), STR_ARG(head.commit), name, input, input),
                     0);
}

int64_t fleet_lease(struct fleet_state *f, const char *name, const char *node)
{
    struct state_app app = fleet_app(f, name);

    assert_int_equal(fleet_apply(f, "work.assign",
                                 "{'key':'%s','agent':'%s','input':'" STR_FMT "'}", name, node,
                                 STR_ARG(app.input)),
                     0);
    return fleet_app(f, name).epoch;
}

int fleet_report_ok(struct fleet_state *f, const char *name)
{
    struct state_app app = fleet_app(f, name);

    return fleet_apply(f, "work.report",
                       "{'key':'%s','agent':'" STR_FMT "','input':'" STR_FMT
                       "','epoch':%lld,'outcome':'ok','changed':1,'commit':'c','health':'Healthy',"
                       "'objects':[{'id':'Service/%s'}]}",
                       name, STR_ARG(app.agent), STR_ARG(app.input), (long long)app.epoch, name);
}

/* Applications: list, get. `app sync` is in sync.c. */
#include "hlctl/app.h"

#include "hlctl/output.h"
#include "hlctl/safe.h"
#include "hlctl/run.h"

struct str app_operation(const struct value *app)
{
    static const struct {
        const char *phase;
        const char *operation;
    } words[] = {{"pending", "Pending"},
                 {"leased", "Running"},
                 {"waiting", "Waiting"},
                 {"failed", "Blocked"}};
    struct str operation = value_get_str(app, "operation");
    struct str phase = value_get_str(app, "phase");

    for (size_t i = 0; operation.len == 0 && i < HL_COUNT(words); i++)
        if (str_eq(phase, str_from(words[i].phase)))
            operation = str_from(words[i].operation);
    return operation;
}

bool app_is_waiting(const struct value *app)
{
    return str_eq(value_get_str(app, "sync"), STR("Unsupported")) ||
           str_eq(value_get_str(app, "status"), STR("unsupported")) ||
           str_starts(value_get_str(app, "reason"), STR("Unsupported: "));
}

bool app_is_blocked(const struct value *app)
{
    struct str operation = app_operation(app);

    return str_eq(operation, STR("Blocked")) || str_eq(operation, STR("Failed")) ||
           str_eq(value_get_str(app, "status"), STR("error"));
}

bool app_is_under_way(const struct value *app)
{
    struct str operation = app_operation(app);

    return str_eq(operation, STR("Pending")) || str_eq(operation, STR("Running"));
}

bool app_is_synced(const struct value *app)
{
    struct str operation = app_operation(app);
    bool is_at_rest = operation.len == 0 || str_eq(operation, STR("Succeeded"));

    return is_at_rest && !app_is_waiting(app) && str_eq(value_get_str(app, "sync"), STR("Synced"));
}

bool app_is_healthy(const struct value *app)
{
    struct str health = value_get_str(app, "health");

    return str_eq(health, STR("Healthy")) || str_eq(health, STR("Suspended"));
}

static const struct column columns[] = {
    {"NAME", "name", CELL_TEXT, false},          {"CLUSTER", "cluster", CELL_TEXT, false},
    {"ADDON", "addon", CELL_TEXT, true},         {"NAMESPACE", "namespace", CELL_TEXT, true},
    {"SYNC", "sync", CELL_STATE, false},         {"HEALTH", "health", CELL_STATE, false},
    {"DESIRED", "desired", CELL_COMMIT, false},  {"APPLIED", "applied", CELL_COMMIT, false},
    {"OPERATION", "operation", CELL_TEXT, true}, {"AGENT", "agent", CELL_TEXT, true},
    {"EPOCH", "epoch", CELL_TEXT, true},         {"AGE", "age_ms", CELL_AGE, false},
    {"REASON", "reason", CELL_TEXT, false},
};

static bool is_shown(const struct hlctl *h, const struct value *app)
{
    struct str cluster = flag_text(h->in, "cluster");
    struct str sync = flag_text(h->in, "sync");
    struct str health = flag_text(h->in, "health");

    if (flag_is_set(h->in, "faults") && app_is_synced(app) && app_is_healthy(app))
        return false;
    return (cluster.len == 0 || str_eq(cluster, value_get_str(app, "cluster"))) &&
           (sync.len == 0 || str_eq(sync, value_get_str(app, "sync"))) &&
           (health.len == 0 || str_eq(health, value_get_str(app, "health")));
}

struct value *items_of(struct hlctl *h, const struct answer *answer, const char *key)
{
    struct value *items = value_get(answer->body, str_from(key));

    return items && items->kind == VALUE_LIST ? items : value_list(h->arena);
}

int app_list_run(struct hlctl *h, struct trouble *t)
{
    struct value *shown = value_list(h->arena);
    struct answer answer;
    int rc = client_call(h, CALL_READ, "apps", NULL, &answer, t);

    if (rc != 0)
        return rc;
    struct value *items = items_of(h, &answer, "items");
    for (size_t i = 0; i < items->list.count; i++)
        if (is_shown(h, items->list.item[i]))
            value_list_add(h->arena, shown, items->list.item[i]);
    output_list(h, &answer, "AppList", "app", shown, columns, HL_COUNT(columns));
    return EXIT_DONE;
}

static void write_fact(struct hlctl *h, const char *label, struct str text, enum tone tone)
{
    buf_printf(&h->out, "%-10s", label);
    tone_write(&h->out, safe_text(h->arena, text), tone, h->style.has_color);
    buf_add_byte(&h->out, '\n');
}

static void write_facts(struct hlctl *h, const struct value *app)
{
    for (size_t i = 1; i < HL_COUNT(columns); i++) {
        struct str text = cell_text(h->arena, app, &columns[i]);
        bool is_state = columns[i].kind == CELL_STATE;
        if (!str_eq(text, STR("-")) || columns[i].kind == CELL_COMMIT)
            write_fact(h, columns[i].title, text, is_state ? state_tone(text) : TONE_PLAIN);
    }
}

/* One line of a charts.lock a chart. */
static void write_charts(struct hlctl *h, struct str lines)
{
    while (lines.len > 0)
        write_fact(h, "CHART", str_cut(&lines, '\n'), TONE_PLAIN);
}

static void write_errors(struct hlctl *h, struct value *errors)
{
    for (size_t i = 0; errors && errors->kind == VALUE_LIST && i < errors->list.count; i++) {
        const struct value *e = errors->list.item[i];
        struct str file = value_get_str(e, "file");
        struct str text = value_get_str(e, "text");
        if (file.len > 0)
            text = arena_printf(h->arena, STR_FMT ":%lld:%lld: " STR_FMT, STR_ARG(file),
                                (long long)value_get_int(e, "line", 0),
                                (long long)value_get_int(e, "column", 0), STR_ARG(text));
        write_fact(h, "ERROR", text, TONE_BAD);
    }
}

static void write_section(struct hlctl *h, const struct answer *answer, const char *key,
                          const struct column *shown, size_t count)
{
    struct value *items = items_of(h, answer, key);

    if (items->list.count == 0)
        return;
    buf_add_byte(&h->out, '\n');
    output_list(h, answer, "", "", items, shown, count);
}

int app_get_run(struct hlctl *h, struct trouble *t)
{
    static const struct column objects[] = {{"OBJECT", "id", CELL_TEXT, false},
                                            {"HASH", "hash", CELL_COMMIT, false},
                                            {"HEALTH", "health", CELL_TEXT, true}};
    static const struct column events[] = {{"TIME", "time", CELL_WHEN, false},
                                           {"TYPE", "type", CELL_TEXT, false},
                                           {"AUTHOR", "author", CELL_TEXT, false},
                                           {"TEXT", "text", CELL_TEXT, false}};
    struct str name = invocation_arg(h->in, 0);
    struct value *body = value_map(h->arena);
    struct answer answer;

    value_map_set_str(h->arena, body, "name", name);
    int rc = client_call(h, CALL_READ, "app.get", body, &answer, t);
    if (rc != 0)
        return rc;
    if (hlctl_is_document(h)) {
        output_document(h, &answer, "App", answer.body);
        return EXIT_DONE;
    }
    if (h->format == FORMAT_NAME) {
        buf_printf(&h->out, "app/" STR_FMT "\n", STR_ARG(safe_text(h->arena, name)));
        return EXIT_DONE;
    }
    write_fact(h, "NAME", name, TONE_BOLD);
    write_facts(h, answer.body);
    write_charts(h, value_get_str(answer.body, "charts"));
    write_errors(h, value_get(answer.body, STR("errors")));
    write_section(h, &answer, "objects", objects, HL_COUNT(objects));
    write_section(h, &answer, "events", events, HL_COUNT(events));
    return EXIT_DONE;
}

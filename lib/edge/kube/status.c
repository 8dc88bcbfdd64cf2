/* The table of docs: 4xx that no repetition cures are permanent, all else may pass. */
#include "edge/kube/kube_status.h"

#include <string.h>

#include "core/value/json.h"

/* The Status in the body, or NULL: proxies and unknown paths answer in plain text. */
static struct value *read_status(struct arena *a, const struct kube_answer *answer)
{
    struct value *v;

    if (json_read(a, answer->body, STR("answer"), &v, NULL) < 0)
        return NULL;
    return str_eq(value_get_str(v, "kind"), STR("Status")) ? v : NULL;
}

static bool has_cause(const struct value *status, struct str reason)
{
    const struct value *causes = value_path(status, "details", "causes", NULL);

    for (size_t i = 0; causes && causes->kind == VALUE_LIST && i < causes->list.count; i++) {
        if (str_eq(value_get_str(causes->list.item[i], "reason"), reason))
            return true;
    }
    return false;
}

static int code_of(unsigned status, const struct value *v)
{
    switch (status) {
    case 401:
        return HL_EDENIED;
    case 403:
        return has_cause(v, STR("NamespaceTerminating")) ? HL_ETEMP : HL_EDENIED;
    case 404:
    case 408:
    case 409:
    case 410:
    case 429:
        return HL_ETEMP;
    default:
        return status >= 500 ? HL_ETEMP : HL_EINVAL;
    }
}

static void add_causes(struct buf *out, const struct value *status, bool is_secret)
{
    const struct value *causes = value_path(status, "details", "causes", NULL);

    if (!causes || causes->kind != VALUE_LIST)
        return;
    for (size_t i = 0; i < causes->list.count; i++) {
        struct str field = value_get_str(causes->list.item[i], "field");
        struct str message = value_get_str(causes->list.item[i], "message");

        buf_add_cstr(out, i == 0 ? " (" : "; ");
        if (i == KUBE_CAUSES_SHOWN) {
            buf_printf(out, "and %zu more", causes->list.count - i);
            break;
        }
        buf_add(out, field);
        if (!is_secret && message.len > 0)
            buf_printf(out, "%s" STR_FMT, field.len > 0 ? ": " : "", STR_ARG(message));
    }
    if (causes->list.count > 0)
        buf_add_byte(out, ')');
}

/* A plain body's first line; not a page of HTML. */
static void add_plain(struct buf *out, struct str body)
{
    struct str line = str_trim(str_cut(&body, '\n'));

    if (line.len > 0 && line.ptr[0] != '<' && line.ptr[0] != '{' && str_is_utf8(line))
        buf_printf(out, ": " STR_FMT, STR_ARG(str_sub(line, 0, 200)));
}

int kube_refusal(const struct kube_answer *answer, struct str what, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    const struct value *v = read_status(scratch, answer);
    struct str reason = value_get_str(v, "reason");
    struct str message = value_get_str(v, "message");

    buf_printf(&text, STR_FMT ": %u", STR_ARG(what), answer->status);
    if (reason.len > 0)
        buf_printf(&text, " " STR_FMT, STR_ARG(reason));
    if (v && !answer->is_secret && message.len > 0)
        buf_printf(&text, ": " STR_FMT, STR_ARG(str_sub(message, 0, 400)));
    /* The message of Invalid repeats its causes; for a Secret their field names are all there is.
     */
    if (v && (answer->is_secret || message.len == 0))
        add_causes(&text, v, answer->is_secret);
    else if (v && str_find(message, STR("is invalid"), 0) == SIZE_MAX)
        add_causes(&text, v, false);
    if (!v && !answer->is_secret)
        add_plain(&text, answer->body);
    if (answer->retry_after_ms >= 0)
        buf_printf(&text, "; asks to wait %lld s", (long long)(answer->retry_after_ms / 1000));
    return err_set(err, code_of(answer->status, v), STR_FMT, STR_ARG(buf_str(&text)));
}

bool kube_is_object_absent(const struct kube_answer *answer)
{
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();

    if (answer->status != 404)
        return false;
    const struct value *v = read_status(scratch, answer);
    return str_eq(value_get_str(v, "reason"), STR("NotFound")) &&
           value_get_str(value_get(v, STR("details")), "name").len > 0;
}

bool kube_is_other_uid(const struct kube_answer *answer)
{
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();

    if (answer->status != 409)
        return false;
    struct str message = value_get_str(read_status(scratch, answer), "message");
    /* registry/rest/delete.go says it before, storage/interfaces.go within the transaction. */
    return str_find(message, STR("UID in the precondition"), 0) != SIZE_MAX ||
           str_find(message, STR("Precondition failed: UID"), 0) != SIZE_MAX;
}

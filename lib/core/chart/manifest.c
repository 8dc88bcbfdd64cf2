/* Splitting, heads, hooks and order of manifests, after Helm's releaseutil. */
#include "core/chart/manifest.h"

#include <string.h>

#include "core/chart/space.h"
#include "core/gostd/literal.h"
#include "core/gostd/unicode.h"
#include "core/value/yaml.h"

/* ---- splitting ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

/* The next match of (?:^|\s*\n)---\s* at or after `at`: where it begins and ends. */
static bool next_separator(struct str s, size_t at, size_t *out_from, size_t *out_to)
{
    size_t dash = 0;
    size_t from = at;

    if (s.len == 0)
        return false;
    if (at > 0 || !str_starts(s, STR("---"))) {
        const char *end = s.ptr + s.len;
        const char *c = s.ptr + at;
        do {
            c = memchr(c, '\n', (size_t)(end - c));
            if (!c)
                return false;
            c++;
        } while (end - c < 3 || memcmp(c, "---", 3) != 0);
        dash = (size_t)(c - s.ptr);
        from = dash - 1;
        while (from > at && is_blank(s.ptr[from - 1]))
            from--;
    }
    *out_from = from;
    *out_to = dash + 3;
    while (*out_to < s.len && is_blank(s.ptr[*out_to]))
        ++*out_to;
    return true;
}

struct str *manifest_split(struct arena *a, struct str text, size_t *out_count)
{
    struct str s = space_trim(text);
    struct str *part = NULL;
    size_t cap = 0;
    size_t at = 0;
    size_t from;
    size_t to;

    *out_count = 0;
    while (next_separator(s, at, &from, &to)) {
        if (from > at)
            ARENA_PUSH(a, part, *out_count, cap, space_trim(str_sub(s, at, from)));
        at = to;
    }
    if (at < s.len)
        ARENA_PUSH(a, part, *out_count, cap, space_trim(str_sub(s, at, s.len)));
    return part;
}

/* ---- order ---- */

static const struct str install_order[] = {
#define KIND(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
    KIND("PriorityClass"),
    KIND("Namespace"),
    KIND("NetworkPolicy"),
    KIND("ResourceQuota"),
    KIND("LimitRange"),
    KIND("PodSecurityPolicy"),
    KIND("PodDisruptionBudget"),
    KIND("ServiceAccount"),
    KIND("Secret"),
    KIND("SecretList"),
    KIND("ConfigMap"),
    KIND("StorageClass"),
    KIND("PersistentVolume"),
    KIND("PersistentVolumeClaim"),
    KIND("CustomResourceDefinition"),
    KIND("ClusterRole"),
    KIND("ClusterRoleList"),
    KIND("ClusterRoleBinding"),
    KIND("ClusterRoleBindingList"),
    KIND("Role"),
    KIND("RoleList"),
    KIND("RoleBinding"),
    KIND("RoleBindingList"),
    KIND("Service"),
    KIND("DaemonSet"),
    KIND("Pod"),
    KIND("ReplicationController"),
    KIND("ReplicaSet"),
    KIND("Deployment"),
    KIND("HorizontalPodAutoscaler"),
    KIND("StatefulSet"),
    KIND("Job"),
    KIND("CronJob"),
    KIND("IngressClass"),
    KIND("Ingress"),
    KIND("APIService"),
#undef KIND
};

static size_t rank_of(struct str kind)
{
    for (size_t i = 0; i < HL_COUNT(install_order); i++) {
        if (str_eq(kind, install_order[i]))
            return i;
    }
    return HL_COUNT(install_order);
}

int manifest_kind_cmp(struct str a, struct str b)
{
    size_t x = rank_of(a);
    size_t y = rank_of(b);

    if (x != y)
        return x < y ? -1 : 1;
    return x == HL_COUNT(install_order) ? str_cmp(a, b) : 0;
}

/* A merge sort: equal kinds keep their order. */
static void sort_by_kind(struct manifest *m, struct manifest *scratch, size_t count)
{
    if (count < 2)
        return;
    size_t half = count / 2;
    sort_by_kind(m, scratch, half);
    sort_by_kind(m + half, scratch, count - half);
    memcpy(scratch, m, half * sizeof(*m));
    size_t left = 0;
    size_t right = half;
    for (size_t i = 0; left < half; i++) {
        bool takes_right =
            right < count && manifest_kind_cmp(m[right].kind, scratch[left].kind) < 0;
        m[i] = takes_right ? m[right++] : scratch[left++];
    }
}

/* ---- hooks ---- */

static const struct {
    const char *name;
    enum manifest_event event;
} events[] = {
    {"pre-install", EVENT_PRE_INSTALL},
    {"post-install", EVENT_POST_INSTALL},
    {"pre-delete", EVENT_PRE_DELETE},
    {"post-delete", EVENT_POST_DELETE},
    {"pre-upgrade", EVENT_PRE_UPGRADE},
    {"post-upgrade", EVENT_POST_UPGRADE},
    {"pre-rollback", EVENT_PRE_ROLLBACK},
    {"post-rollback", EVENT_POST_ROLLBACK},
    {"test", EVENT_TEST},
    {"test-success", EVENT_TEST},
};

const char *manifest_event_name(enum manifest_event event)
{
    for (size_t i = 0; i < HL_COUNT(events); i++) {
        if (events[i].event == event)
            return events[i].name;
    }
    return "";
}

static struct str lowered(struct arena *a, struct str s)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    size_t len;

    for (size_t at = 0; at < s.len; at += len)
        buf_add_rune(&out, rune_to_lower(rune_at(s, at, &len)));
    return arena_dup(a, buf_str(&out));
}

/* False if one of the names is unknown: the document is then dropped. */
static bool read_events(struct arena *a, struct str names, unsigned *out)
{
    struct str rest = names;

    *out = 0;
    do {
        struct str name = lowered(a, space_trim(str_cut(&rest, ',')));
        size_t i = 0;
        while (i < HL_COUNT(events) && !str_eq(name, str_from(events[i].name)))
            i++;
        if (i == HL_COUNT(events))
            return false;
        *out |= events[i].event;
    } while (rest.len > 0);
    return !str_ends(names, STR(","));
}

static void read_policies(struct arena *a, struct str names, struct manifest *m)
{
    size_t cap = 0;
    struct str rest = names;

    do {
        struct str name = lowered(a, space_trim(str_cut(&rest, ',')));
        ARENA_PUSH(a, m->delete_policy, m->delete_policy_count, cap, name);
    } while (rest.len > 0);
    if (str_ends(names, STR(",")))
        ARENA_PUSH(a, m->delete_policy, m->delete_policy_count, cap, STR(""));
}

/* ---- heads ---- */

static int not_text(const struct value *v, const char *field, struct err *err)
{
    return err_set(
        err, HL_EINVAL,
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal %s into Go "
        "struct field %s of type string",
        v->kind == VALUE_LIST  ? "array"
        : v->kind == VALUE_MAP ? "object"
                               : "number",
        field);
}

/* A member that must be text; scalars of YAML are, once written out. */
static int head_text(struct arena *a, const struct value *map, const char *key, const char *field,
                     struct str *out, struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    const struct value *v = value_get(map, str_from(key));

    *out = STR("");
    if (!v || v->kind == VALUE_NULL)
        return 0;
    if (v->kind == VALUE_STRING) {
        *out = v->string;
        return 0;
    }
    if (v->kind == VALUE_LIST || v->kind == VALUE_MAP)
        return not_text(v, field, err);
    value_canonical(&text, v);
    *out = arena_dup(a, buf_str(&text));
    return 0;
}

static int read_annotations(struct arena *a, const struct value *annotations, struct manifest *m,
                            bool *is_dropped, struct err *err)
{
    struct str hook;
    struct str weight;
    struct str policy;
    struct str ignored;

    for (size_t i = 0; i < annotations->map.count; i++) {
        int rc = head_text(a, annotations, arena_cstr(a, annotations->map.member[i].key),
                           ".metadata.annotations", &ignored, err);
        if (rc < 0)
            return rc;
    }
    if (!value_get(annotations, STR("helm.sh/hook")))
        return 0;
    if (head_text(a, annotations, "helm.sh/hook", "", &hook, err) < 0 ||
        head_text(a, annotations, "helm.sh/hook-weight", "", &weight, err) < 0 ||
        head_text(a, annotations, "helm.sh/hook-delete-policy", "", &policy, err) < 0)
        return err->code;
    *is_dropped = !read_events(a, hook, &m->events);
    if (!literal_int(weight, 10, &m->weight))
        m->weight = 0;
    if (value_get(annotations, STR("helm.sh/hook-delete-policy")))
        read_policies(a, policy, m);
    return 0;
}

static int read_head(struct arena *a, struct manifest *m, bool *is_dropped, struct err *err)
{
    static const struct str wanted[] = {{"apiVersion", 10}, {"kind", 4}, {"metadata", 8}};
    struct value *v;
    struct str ignored;
    int rc = yaml_read_members(a, m->text, STR(""), wanted, HL_COUNT(wanted), &v, err);

    *is_dropped = false;
    if (rc < 0)
        return rc;
    if (v->kind == VALUE_NULL)
        return 0;
    if (v->kind != VALUE_MAP)
        return err_set(err, HL_EINVAL,
                       "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal %s "
                       "into Go value of type releaseutil.SimpleHead",
                       v->kind == VALUE_LIST ? "array" : value_kind_name(v->kind));
    const struct value *metadata = value_get(v, STR("metadata"));
    if (head_text(a, v, "apiVersion", "SimpleHead.apiVersion", &ignored, err) < 0 ||
        head_text(a, v, "kind", "SimpleHead.kind", &m->kind, err) < 0)
        return err->code;
    if (!metadata || metadata->kind == VALUE_NULL)
        return 0;
    if (metadata->kind != VALUE_MAP)
        return not_text(metadata, "SimpleHead.metadata", err);
    rc = head_text(a, metadata, "name", ".metadata.name", &m->name, err);
    const struct value *annotations = value_get(metadata, STR("annotations"));
    if (rc < 0 || !annotations || annotations->kind == VALUE_NULL)
        return rc;
    if (annotations->kind != VALUE_MAP)
        return not_text(annotations, ".metadata.annotations", err);
    return read_annotations(a, annotations, m, is_dropped, err);
}

/* ---- sorting files ---- */

static bool is_partial(struct str path)
{
    size_t at = path.len;

    while (at > 0 && path.ptr[at - 1] != '/')
        at--;
    return at < path.len && path.ptr[at] == '_';
}

int manifest_sort(struct arena *a, const struct chart_file *file, size_t count,
                  struct manifest **out, size_t *out_count, struct manifest **out_hook,
                  size_t *out_hook_count, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();
    struct manifest *object = NULL;
    struct manifest *hook = NULL;
    size_t caps[2] = {0};
    size_t counts[2] = {0};

    for (size_t i = 0; i < count; i++) {
        size_t parts;
        if (is_partial(file[i].name))
            continue;
        struct str *part = manifest_split(a, file[i].bytes, &parts);
        for (size_t k = 0; k < parts; k++) {
            struct manifest m = {.path = file[i].name, .text = part[k]};
            bool is_dropped;
            arena_reset(scratch);
            int rc = read_head(scratch, &m, &is_dropped, err);
            if (rc < 0)
                return err_wrap(err, "YAML parse error on " STR_FMT, STR_ARG(file[i].name));
            m.kind = arena_dup(a, m.kind);
            m.name = arena_dup(a, m.name);
            for (size_t p = 0; p < m.delete_policy_count; p++)
                m.delete_policy[p] = arena_dup(a, m.delete_policy[p]);
            if (m.delete_policy_count > 0) {
                struct str *kept = arena_array(a, struct str, m.delete_policy_count);
                memcpy(kept, m.delete_policy, m.delete_policy_count * sizeof(*kept));
                m.delete_policy = kept;
            }
            if (is_dropped)
                continue;
            if (m.events != 0)
                ARENA_PUSH(a, hook, counts[1], caps[1], m);
            else
                ARENA_PUSH(a, object, counts[0], caps[0], m);
        }
    }
    struct manifest *room = arena_array(a, struct manifest, counts[0] + counts[1] + 1);
    sort_by_kind(object, room, counts[0]);
    sort_by_kind(hook, room, counts[1]);
    *out = object;
    *out_count = counts[0];
    *out_hook = hook;
    *out_hook_count = counts[1];
    return 0;
}

void manifest_write(struct buf *out, const struct manifest *m)
{
    buf_add_cstr(out, "---\n# Source: ");
    buf_add(out, m->path);
    buf_add_byte(out, '\n');
    buf_add(out, m->text);
    buf_add_byte(out, '\n');
}

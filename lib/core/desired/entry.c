/* The table is the documentation of what an addon entry may say. */
#include "core/desired/entry.h"

enum kind_set {
    BOOL = 1 << VALUE_BOOL,
    TEXT = 1 << VALUE_STRING,
    SCALAR =
        1 << VALUE_BOOL | 1 << VALUE_STRING | 1 << VALUE_INT | 1 << VALUE_UINT | 1 << VALUE_FLOAT,
    LIST = 1 << VALUE_LIST,
    MAP = 1 << VALUE_MAP,
    ANY = SCALAR | LIST | MAP,
};

struct entry_key {
    const char *name;
    int kinds;
    const char *inert; /* why it does nothing; NULL: it does something */
};

static const struct entry_key entry_keys[] = {
    {"enabled", SCALAR, NULL},
    {"namespace", TEXT, NULL},
    {"project", TEXT, NULL},
    {"type", TEXT, NULL},
    /* where the content comes from */
    {"path", TEXT, NULL},
    {"manifestSource", MAP, NULL},
    {"chartName", TEXT, NULL},
    {"chartRepository", TEXT, NULL},
    {"chartNamespace", TEXT, NULL},
    {"defaultVersion", SCALAR, NULL},
    {"additionalResources", MAP, NULL},
    {"gitMatrix", ANY, NULL},
    {"matrixPath", TEXT, NULL},
    /* which clusters */
    {"selector", MAP, NULL},
    {"selectorMatchLabels", MAP, NULL},
    {"environments", LIST, NULL},
    {"generatorValues", MAP, NULL},
    {"resourceGroup", ANY, NULL},
    /* charts */
    {"releaseName", TEXT, NULL},
    {"valuesObject", MAP, NULL},
    {"valuesFolderName", TEXT, NULL},
    {"valuesFileName", TEXT, NULL},
    {"helmSkipCrds", SCALAR, NULL},
    {"enableAckPodIdentity", SCALAR, NULL},
    {"ackPodIdentity", ANY, NULL},
    /* the application */
    {"appSetName", TEXT, NULL},
    {"annotationsApp", MAP, NULL},
    {"syncPolicy", MAP, NULL},
    {"syncPolicyAppSet", MAP, NULL},
    {"ignoreDifferences", LIST, NULL},
    /* known, without effect */
    {"info", ANY, "no template reads it"},
    {"annotations", ANY, "no template reads it; an Application's annotations are annotationsApp"},
    {"goTemplateOptions", LIST, "placeholders are always strict (missingkey=error)"},
    {"labelsAppSet", MAP, "it labels an ApplicationSet object, and none is made"},
    {"annotationsAppSet", MAP, "it annotates an ApplicationSet object, and none is made"},
};

static const struct entry_key settings[] = {
    {"globalSelectors", MAP, NULL},
    {"syncPolicy", MAP, NULL},
    {"syncPolicyAppSet", MAP, NULL},
    {"useSelectors", BOOL, NULL},
    {"repoURLGit", TEXT, NULL},
    {"repoURLGitRevision", TEXT, NULL},
    {"repoURLGitBasePath", TEXT, NULL},
    {"valueFiles", LIST, NULL},
    {"useValuesFilePrefix", BOOL, NULL},
    {"valuesFilePrefix", TEXT, NULL},
    {"useAddonNameForValues", BOOL, NULL},
    {"appsetPrefix", TEXT, NULL},
    {"ackPodIdentity", MAP, NULL},
    {"goTemplateOptions", LIST, NULL},
    {"namespace", TEXT, NULL},
    {"chartType", TEXT, NULL},
    {"nameOverride", TEXT, NULL},
    {"fullnameOverride", TEXT, NULL},
    {"annotations", MAP, NULL},
};

bool entry_is_addon(const struct value *v)
{
    return v && v->kind == VALUE_MAP && value_get(v, STR("enabled")) != NULL;
}

bool entry_is_enabled(const struct value *entry)
{
    const struct value *v = value_get(entry, STR("enabled"));
    return v && ((v->kind == VALUE_BOOL && v->boolean) || str_eq(value_str(v), STR("true")));
}

struct str entry_name(struct arena *a, struct str key)
{
    struct str name = arena_dup(a, str_sub(key, 0, 63));
    char *p = (char *)name.ptr;
    for (size_t i = 0; i < name.len; i++)
        if (p[i] == '_')
            p[i] = '-';
    if (str_ends(name, STR("-")))
        name.len--;
    return name;
}

static const struct entry_key *find(const struct entry_key *table, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(name, str_from(table[i].name)))
            return &table[i];
    return NULL;
}

enum { WORD_MAX = 40 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance by one row; long words are far from everything. */
static size_t distance(struct str a, struct str b)
{
    size_t row[WORD_MAX + 1];

    if (a.len > WORD_MAX || b.len > WORD_MAX)
        return WORD_MAX;
    for (size_t i = 0; i <= b.len; i++)
        row[i] = i;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t k = 1; k <= b.len; k++) {
            size_t cost = diagonal + (a.ptr[i - 1] == b.ptr[k - 1] ? 0 : 1);
            diagonal = row[k];
            row[k] = least(cost, least(row[k], row[k - 1]) + 1);
        }
    }
    return row[b.len];
}

static const char *nearest(const struct entry_key *table, size_t count, struct str name)
{
    const char *best = NULL;
    size_t best_distance = name.len / 3 + 2;
    for (size_t i = 0; i < count; i++) {
        size_t d = distance(name, str_from(table[i].name));
        if (d < best_distance) {
            best = table[i].name;
            best_distance = d;
        }
    }
    return best;
}

static struct value_pos key_pos(const struct value *map, const struct member *m)
{
    struct value_pos where = value_pos_of(m->value);
    if (where.file.len == 0)
        where.file = value_pos_of(map).file;
    where.line = m->key_line;
    where.column = m->key_column;
    return where;
}

static void add_error(struct entry_errors *out, struct value_pos where, const char *text)
{
    if (out->count < ENTRY_ERRORS_MAX)
        (void)err_at(&out->error[out->count++], HL_EINVAL, where.file, where.line, where.column,
                     "%s", text);
}

static const char *kinds_text(int kinds)
{
    switch (kinds) {
    case BOOL:
        return "true or false";
    case TEXT:
        return "a string";
    case SCALAR:
        return "a string, number or bool";
    case LIST:
        return "a list";
    default:
        return "a map";
    }
}

void entry_check(struct build *b, struct str addon, const struct value *fragment,
                 struct entry_errors *out)
{
    for (size_t i = 0; i < fragment->map.count; i++) {
        const struct member *m = &fragment->map.member[i];
        const struct entry_key *k = find(entry_keys, HL_COUNT(entry_keys), m->key);
        struct value_pos where = key_pos(fragment, m);

        if (!k) {
            const char *near = nearest(entry_keys, HL_COUNT(entry_keys), m->key);
            struct str text =
                arena_printf(b->scratch, "addon " STR_FMT ": unknown key \"" STR_FMT "\"%s%s%s",
                             STR_ARG(addon), STR_ARG(m->key), near ? ", did you mean \"" : "",
                             near ? near : "", near ? "\"?" : "");
            add_error(out, where, text.ptr);
        } else if (m->value->kind != VALUE_NULL && !(k->kinds & 1 << m->value->kind)) {
            struct str text = arena_printf(
                b->scratch, "addon " STR_FMT ": %s must be %s, here is a %s", STR_ARG(addon),
                k->name, kinds_text(k->kinds), value_kind_name(m->value->kind));
            add_error(out, where, text.ptr);
        } else if (k->inert && m->value->kind != VALUE_NULL) {
            build_note(b, STR_NONE, where, "addon " STR_FMT ": %s has no effect: %s",
                       STR_ARG(addon), k->name, k->inert);
        }
    }
}

static bool looks_like_an_entry(const struct value *v)
{
    for (size_t i = 0; i < v->map.count; i++)
        if (find(entry_keys, HL_COUNT(entry_keys), v->map.member[i].key))
            return true;
    return false;
}

void entry_check_rest(struct build *b, const struct value *merged)
{
    for (size_t i = 0; i < merged->map.count; i++) {
        const struct member *m = &merged->map.member[i];
        if (entry_is_addon(m->value) || find(settings, HL_COUNT(settings), m->key))
            continue;
        if (m->value->kind == VALUE_MAP && looks_like_an_entry(m->value))
            build_note(b, STR_NONE, key_pos(merged, m),
                       STR_FMT " has no `enabled` in any layer: it is no addon", STR_ARG(m->key));
        else if (m->value->kind != VALUE_MAP && m->value->kind != VALUE_NULL)
            build_note(b, STR_NONE, key_pos(merged, m), "nothing reads the setting " STR_FMT,
                       STR_ARG(m->key));
    }
}

int entry_check_settings(const struct value *merged, struct err *err)
{
    for (size_t i = 0; i < HL_COUNT(settings); i++) {
        const struct value *v = value_get(merged, str_from(settings[i].name));
        if (v && v->kind != VALUE_NULL && !entry_is_addon(v) && !(settings[i].kinds & 1 << v->kind))
            return value_err(err, HL_EINVAL, v, "%s must be %s, here is a %s", settings[i].name,
                             kinds_text(settings[i].kinds), value_kind_name(v->kind));
    }
    return 0;
}

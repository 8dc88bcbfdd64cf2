/* The five drafts that upstream knows. */
#include "core/schema/draft.h"

#define VOCABULARIES_OF_BOTH                                                                       \
    (VOCABULARY_CORE | VOCABULARY_APPLICATOR | VOCABULARY_VALIDATION | VOCABULARY_META_DATA |      \
     VOCABULARY_CONTENT)

static const struct draft drafts[] = {
    {.version = 2020,
     .url = "https://json-schema.org/draft/2020-12/schema",
     .id = "$id",
     .vocabularies = "https://json-schema.org/draft/2020-12/vocab/",
     .metaschemas = "https://json-schema.org/draft/2020-12/meta/",
     .known_vocabularies = VOCABULARIES_OF_BOTH | VOCABULARY_UNEVALUATED |
                           VOCABULARY_FORMAT_ANNOTATION | VOCABULARY_FORMAT_ASSERTION,
     .usual_vocabularies =
         VOCABULARY_CORE | VOCABULARY_APPLICATOR | VOCABULARY_UNEVALUATED | VOCABULARY_VALIDATION},
    {.version = 2019,
     .url = "https://json-schema.org/draft/2019-09/schema",
     .id = "$id",
     .vocabularies = "https://json-schema.org/draft/2019-09/vocab/",
     .metaschemas = "https://json-schema.org/draft/2019-09/meta/",
     .known_vocabularies = VOCABULARIES_OF_BOTH | VOCABULARY_FORMAT,
     .usual_vocabularies = VOCABULARY_CORE | VOCABULARY_APPLICATOR | VOCABULARY_VALIDATION},
    {.version = 7, .url = "http://json-schema.org/draft-07/schema", .id = "$id"},
    {.version = 6, .url = "http://json-schema.org/draft-06/schema", .id = "$id"},
    {.version = 4, .url = "http://json-schema.org/draft-04/schema", .id = "id"},
};

const struct draft *const draft_latest = &drafts[0];

static struct str without_scheme(struct str url)
{
    if (str_starts(url, STR("http://")))
        return str_sub(url, 7, url.len);
    if (str_starts(url, STR("https://")))
        return str_sub(url, 8, url.len);
    return url;
}

const struct draft *draft_find(struct str url)
{
    if (str_ends(url, STR("#")))
        url.len--;
    url = without_scheme(url);
    if (str_eq(url, STR("json-schema.org/schema")))
        return draft_latest;
    for (size_t i = 0; i < HL_COUNT(drafts); i++) {
        if (str_eq(url, without_scheme(str_from(drafts[i].url))))
            return &drafts[i];
    }
    return NULL;
}

const struct position draft_positions[] = {
    {"definitions", POSITION_MEMBERS, 4},
    {"not", POSITION_SELF, 4},
    {"allOf", POSITION_ITEMS, 4},
    {"anyOf", POSITION_ITEMS, 4},
    {"oneOf", POSITION_ITEMS, 4},
    {"properties", POSITION_MEMBERS, 4},
    {"additionalProperties", POSITION_SELF, 4},
    {"patternProperties", POSITION_MEMBERS, 4},
    {"items", POSITION_SELF, 4},
    {"items", POSITION_ITEMS, 4},
    {"additionalItems", POSITION_SELF, 4},
    {"dependencies", POSITION_MEMBERS, 4},
    {"propertyNames", POSITION_SELF, 6},
    {"contains", POSITION_SELF, 6},
    {"if", POSITION_SELF, 7},
    {"then", POSITION_SELF, 7},
    {"else", POSITION_SELF, 7},
    {"$defs", POSITION_MEMBERS, 2019},
    {"dependentSchemas", POSITION_MEMBERS, 2019},
    {"unevaluatedProperties", POSITION_SELF, 2019},
    {"unevaluatedItems", POSITION_SELF, 2019},
    {"contentSchema", POSITION_SELF, 2019},
    {"prefixItems", POSITION_ITEMS, 2020},
    {NULL, POSITION_SELF, 0},
};

static const struct {
    const char *name;
    unsigned vocabulary;
} vocabularies[] = {
    {"core", VOCABULARY_CORE},
    {"applicator", VOCABULARY_APPLICATOR},
    {"unevaluated", VOCABULARY_UNEVALUATED},
    {"validation", VOCABULARY_VALIDATION},
    {"meta-data", VOCABULARY_META_DATA},
    {"format", VOCABULARY_FORMAT},
    {"format-annotation", VOCABULARY_FORMAT_ANNOTATION},
    {"format-assertion", VOCABULARY_FORMAT_ASSERTION},
    {"content", VOCABULARY_CONTENT},
};

unsigned draft_vocabulary(const struct draft *draft, struct str url)
{
    struct str prefix = str_from(draft->vocabularies);

    if (!draft->vocabularies || !str_starts(url, prefix))
        return 0;
    struct str name = str_sub(url, prefix.len, url.len);
    for (size_t i = 0; i < HL_COUNT(vocabularies); i++) {
        if (str_eq(name, str_from(vocabularies[i].name)))
            return vocabularies[i].vocabulary & draft->known_vocabularies;
    }
    return 0;
}

const char *draft_vocabulary_name(unsigned vocabulary)
{
    for (size_t i = 0; i < HL_COUNT(vocabularies); i++) {
        if (vocabularies[i].vocabulary == vocabulary)
            return vocabularies[i].name;
    }
    return "";
}

static struct str with_double_quotes(struct arena *a, const char *text)
{
    char *copy = arena_cstr(a, str_from(text));

    for (char *c = copy; *c; c++) {
        if (*c == '\'')
            *c = '"';
    }
    return str_from(copy);
}

bool draft_document(struct arena *a, struct str url, struct str *out_text)
{
    struct str path = without_scheme(url);
    const struct str site = STR("json-schema.org/");

    if (path.len == url.len || !str_starts(path, site))
        return false;
    path = str_sub(path, site.len, path.len);
    if (str_eq(path, STR("schema")))
        path = STR("draft/2020-12/schema");
    for (const struct metaschema *m = schema_metaschemas; m->path; m++) {
        if (!str_eq(path, str_from(m->path)))
            continue;
        *out_text = with_double_quotes(a, m->text);
        return true;
    }
    return false;
}

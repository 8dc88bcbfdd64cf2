/* Finding functions by name: once a call in a text, when it is parsed. */
#include "core/template/func.h"

#include <string.h>

static const struct {
    enum template_functions from; /* the smallest choice of functions that has the table */
    const struct function *table;
} tables[] = {
    /* a later layer's function hides an earlier one of the same name */
    {TEMPLATE_HELM, functions_helm},     {TEMPLATE_SPRIG, functions_text},
    {TEMPLATE_SPRIG, functions_list},    {TEMPLATE_SPRIG, functions_map},
    {TEMPLATE_SPRIG, functions_number},  {TEMPLATE_SPRIG, functions_regex},
    {TEMPLATE_SPRIG, functions_date},    {TEMPLATE_SPRIG, functions_encode},
    {TEMPLATE_SPRIG, functions_crypto},  {TEMPLATE_SPRIG, functions_reflect},
    {TEMPLATE_SPRIG, functions_version}, {TEMPLATE_GO, functions_go},
};

/* Whether the C string is s; most names differ in their first byte. */
static bool is_name(const char *name, struct str s)
{
    return name[0] == s.ptr[0] && strncmp(name, s.ptr, s.len) == 0 && name[s.len] == '\0';
}

const struct function *function_find(struct str name, enum template_functions functions)
{
    if (name.len == 0)
        return NULL;
    for (size_t i = 0; i < HL_COUNT(tables); i++) {
        if (tables[i].from > functions)
            continue;
        for (const struct function *f = tables[i].table; f->name; f++) {
            if (is_name(f->name, name))
                return f;
        }
    }
    return NULL;
}

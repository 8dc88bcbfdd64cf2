/* Go's %#v of a decoded document, and encoding/json's view of its numbers. */
#include "core/value/yaml_go.h"

#include <math.h>

#include "core/value/build.h"
#include "core/value/json.h"
#include "core/value/number.h"
#include "core/gostd/literal.h"

static void put_float(struct buf *out, double d)
{
    char room[NUMBER_TEXT_MAX];

    if (isfinite(d))
        buf_add(out, number_go(d, 64, room));
    else
        buf_add_cstr(out, isnan(d) ? "NaN" : d > 0 ? "+Inf" : "-Inf");
}

static void put_list(struct buf *out, const struct value *v)
{
    buf_add(out, STR("[]interface {}{"));
    for (size_t i = 0; i < v->list.count && out->len < ERR_TEXT_MAX; i++) {
        if (i > 0)
            buf_add(out, STR(", "));
        yaml_go_value(out, v->list.item[i]);
    }
    buf_add_byte(out, '}');
}

static void put_map(struct buf *out, const struct value *v)
{
    uint32_t room[INDEX_FREE];
    const uint32_t *order = map_sorted(v, room);

    buf_add(out, STR("map[interface {}]interface {}{"));
    for (size_t i = 0; i < v->map.count && out->len < ERR_TEXT_MAX; i++) {
        if (i > 0)
            buf_add(out, STR(", "));
        literal_quote(out, v->map.member[order[i]].key, false);
        buf_add_byte(out, ':');
        if (v->map.member[order[i]].value->kind == VALUE_NULL)
            buf_add(out, STR("interface {}(nil)"));
        else
            yaml_go_value(out, v->map.member[order[i]].value);
    }
    buf_add_byte(out, '}');
}

void yaml_go_value(struct buf *out, const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
        buf_add(out, STR("<nil>"));
        break;
    case VALUE_BOOL:
        buf_add_cstr(out, v->boolean ? "true" : "false");
        break;
    case VALUE_INT:
        buf_printf(out, "%lld", (long long)v->integer);
        break;
    case VALUE_UINT:
        buf_printf(out, "0x%llx", (unsigned long long)v->unsigned_integer);
        break;
    case VALUE_FLOAT:
        put_float(out, v->number);
        break;
    case VALUE_STRING:
        literal_quote(out, v->string, false);
        break;
    case VALUE_LIST:
        put_list(out, v);
        break;
    case VALUE_MAP:
        put_map(out, v);
        break;
    }
}

/* The first number, in the order of Marshal, that JSON cannot hold; NULL: none. */
static const struct value *find_bad(const struct value *v)
{
    uint32_t room[INDEX_FREE];
    const struct value *bad = NULL;

    if (v->kind == VALUE_FLOAT && !isfinite(v->number))
        return v;
    for (size_t i = 0; v->kind == VALUE_LIST && !bad && i < v->list.count; i++)
        bad = find_bad(v->list.item[i]);
    if (v->kind != VALUE_MAP)
        return bad;
    const uint32_t *order = map_sorted(v, room);
    for (size_t i = 0; !bad && i < v->map.count; i++)
        bad = find_bad(v->map.member[order[i]].value);
    return bad;
}

int yaml_go_check(const struct value *v, struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    const struct value *bad = find_bad(v);

    if (!bad)
        return 0;
    put_float(&text, bad->number);
    return value_err(err, HL_EINVAL, bad, YAML_GO_PREFIX "json: unsupported value: " STR_FMT,
                     STR_ARG(buf_str(&text)));
}

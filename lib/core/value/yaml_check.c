/*
 * sigs.k8s.io/yaml writes JSON first and reads that as YAML: what JSON lets stand raw but YAML
 * refuses, or reads differently as a key, makes its Marshal fail.
 */
#include "core/value/yaml.h"

#include <math.h>

#include "core/value/json.h"

/* libyaml forgets a possible key after so many characters. */
enum { JSON_KEY_MAX = 1024 };

static bool is_refused(uint32_t rune)
{
    return (rune >= 0x7F && rune < 0xA0 && rune != 0x85) || rune == 0xFFFE || rune == 0xFFFF;
}

/* Behind NEL a new line starts, where "--- " and "... " mean the end of the document. */
static bool ends_document(struct str s, size_t at)
{
    struct str rest = str_sub(s, at, s.len);

    if (!str_starts(rest, STR("---")) && !str_starts(rest, STR("...")))
        return false;
    rest = str_sub(rest, 3, rest.len);
    return str_starts(rest, STR(" ")) || str_starts(rest, STR("\xC2\x85"));
}

static int check_string(const struct value *v, struct str s, bool is_key, struct err *err)
{
    for (size_t i = 0; i < s.len;) {
        uint32_t rune = 0xFFFD;
        size_t width = str_rune(s, i, &rune);
        i += width ? width : 1;
        if (is_refused(rune))
            return value_err(err, HL_EINVAL, v, "U+%04X cannot be written to YAML", (unsigned)rune);
        if (rune == 0x85 && (is_key || ends_document(s, i)))
            return value_err(err, HL_EINVAL, v, "U+0085 cannot be written to YAML here");
    }
    return 0;
}

static size_t json_length(struct str s)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct value v = {.kind = VALUE_STRING, .string = s};
    size_t count = 0;

    json_write(&text, &v, JSON_COMPACT);
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    return count;
}

static int check_member(const struct member *m, struct err *err)
{
    int result = check_string(m->value, m->key, true, err);

    if (result != 0)
        return result;
    if (m->key.len > JSON_KEY_MAX / 6 && json_length(m->key) > JSON_KEY_MAX)
        return value_err(err, HL_EINVAL, m->value, "a key of %zu bytes cannot be written to YAML",
                         m->key.len);
    return yaml_check(m->value, err);
}

int yaml_check(const struct value *v, struct err *err)
{
    int result = 0;

    if (v->kind == VALUE_FLOAT && !isfinite(v->number))
        return value_err(err, HL_EINVAL, v, "JSON has no NaN and no infinity");
    if (v->kind == VALUE_STRING)
        return check_string(v, v->string, false, err);
    for (size_t i = 0; v->kind == VALUE_LIST && i < v->list.count && result == 0; i++)
        result = yaml_check(v->list.item[i], err);
    for (size_t i = 0; v->kind == VALUE_MAP && i < v->map.count && result == 0; i++)
        result = check_member(&v->map.member[i], err);
    return result;
}

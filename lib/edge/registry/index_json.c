/* Brackets are counted, strings passed over. */
#include "edge/registry/index_json.h"

static struct str skip_blanks(struct str s)
{
    size_t i = 0;

    while (i < s.len &&
           (s.ptr[i] == ' ' || s.ptr[i] == '\n' || s.ptr[i] == '\t' || s.ptr[i] == '\r'))
        i++;
    return str_sub(s, i, s.len);
}

/* Behind the closing quote of the string that starts at `at`; SIZE_MAX: there is none. */
static size_t string_end(struct str s, size_t at)
{
    for (size_t i = at + 1; i < s.len; i++) {
        if (s.ptr[i] == '\\')
            i++;
        else if (s.ptr[i] == '"')
            return i + 1;
    }
    return SIZE_MAX;
}

/* Behind the value that s starts with. */
static size_t value_end(struct str s)
{
    size_t depth = 0;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '"') {
            i = string_end(s, i);
            if (i == SIZE_MAX)
                return SIZE_MAX;
            i--;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return i;
            depth--;
        } else if (c != ',' || depth > 0) {
            continue;
        } else {
            return i;
        }
    }
    return depth == 0 ? s.len : SIZE_MAX;
}

bool json_enter(struct str text, char bracket, struct str *rest)
{
    text = skip_blanks(text);
    if (text.len == 0 || text.ptr[0] != bracket)
        return false;
    *rest = skip_blanks(str_sub(text, 1, text.len));
    return true;
}

static bool take_key(struct str *rest, struct str *key)
{
    size_t end = rest->len > 0 && rest->ptr[0] == '"' ? string_end(*rest, 0) : SIZE_MAX;

    if (end == SIZE_MAX)
        return false;
    *key = str_sub(*rest, 1, end - 1);
    *rest = skip_blanks(str_sub(*rest, end, rest->len));
    if (rest->len == 0 || rest->ptr[0] != ':')
        return false;
    *rest = skip_blanks(str_sub(*rest, 1, rest->len));
    return true;
}

enum json_step json_next(struct str *rest, struct str *key, struct str *value)
{
    char closing = key ? '}' : ']';

    if (rest->len > 0 && rest->ptr[0] == closing)
        return JSON_STEP_END;
    if (key && !take_key(rest, key))
        return JSON_STEP_BROKEN;
    size_t end = value_end(*rest);
    if (end == SIZE_MAX || end == rest->len)
        return JSON_STEP_BROKEN;
    *value = str_trim(str_sub(*rest, 0, end));
    *rest = skip_blanks(str_sub(*rest, end, rest->len));
    if (rest->ptr[0] == ',')
        *rest = skip_blanks(str_sub(*rest, 1, rest->len));
    return value->len > 0 ? JSON_STEP_ITEM : JSON_STEP_BROKEN;
}

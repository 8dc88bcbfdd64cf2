/* RFC 6901: JSON pointers. */
#include "core/value/value.h"

/* Compares the token with a key while undoing ~0 and ~1 (section 4). Malformed escapes match
 * nothing. */
static bool token_matches(struct str token, struct str key)
{
    size_t k = 0;

    for (size_t i = 0; i < token.len; i++, k++) {
        char c = token.ptr[i];
        if (c == '~') {
            if (++i == token.len || (token.ptr[i] != '0' && token.ptr[i] != '1'))
                return false;
            c = token.ptr[i] == '0' ? '~' : '/';
        }
        if (k >= key.len || key.ptr[k] != c)
            return false;
    }
    return k == key.len;
}

static struct value *member_of(const struct value *map, struct str token)
{
    if (!str_has_byte(token, '~'))
        return value_get(map, token);
    for (size_t i = 0; i < map->map.count; i++) {
        if (token_matches(token, map->map.member[i].key))
            return map->map.member[i].value;
    }
    return NULL;
}

/* Section 4: digits without leading zeros; "-" names the place behind the end and so nothing. */
static struct value *item_of(const struct value *list, struct str token)
{
    uint64_t i;

    if (token.len > 1 && token.ptr[0] == '0')
        return NULL;
    if (!str_to_u64(token, &i) || i >= list->list.count)
        return NULL;
    return list->list.item[i];
}

struct value *value_pointer(struct value *v, struct str pointer)
{
    if (pointer.len == 0)
        return v;
    if (pointer.ptr[0] != '/')
        return NULL;
    bool is_last = false;
    for (struct str rest = str_sub(pointer, 1, pointer.len); v && !is_last;) {
        is_last = !str_has_byte(rest, '/');
        struct str token = str_cut(&rest, '/');
        if (v->kind == VALUE_MAP)
            v = member_of(v, token);
        else if (v->kind == VALUE_LIST)
            v = item_of(v, token);
        else
            v = NULL;
    }
    return v;
}

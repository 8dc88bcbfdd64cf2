/*
 * Helm's parser, branch by branch: where it sets something before it fails, stops at the end of the
 * text as if all were well, or forgets what it read, this one does, too. Each function returns 0, a
 * code < 0, or AT_END where Helm's returns io.EOF, which ends the text without an error.
 */
#include "core/chart/setvalues.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "core/chart/space.h"
#include "core/value/json.h"

enum { AT_END = 1, NO_LIST = 2 };

struct setter {
    struct arena *a;
    struct str s;
    size_t at;
    enum setvalues_kind kind;
    const struct setvalues_files *files;
    struct buf piece; /* what is read up to a stop */
    size_t assignment_count;
    size_t item_count;
    size_t depth;
    struct err *err;
};

static int set_key(struct setter *p, struct datum_map *map, int nesting);

/* ---- errors ---- */

static int fail_key(struct setter *p, const char *before, struct str key, const char *behind)
{
    HL_CLEANUP(buf_deinit) struct buf quoted = {0};

    buf_add_quoted(&quoted, key);
    return err_set(p->err, HL_EINVAL, "%s " STR_FMT " %s", before, STR_ARG(buf_str(&quoted)),
                   behind);
}

/* Go's panic where an interface holds another type, as Helm reports it. */
static int fail_type(struct setter *p, struct datum d, const char *wanted)
{
    struct str type = d.type == DATUM_NIL ? STR("nil") : datum_type_name(p->a, d);

    return err_set(p->err, HL_EINVAL,
                   "unable to parse key: interface conversion: interface {} is " STR_FMT ", not %s",
                   STR_ARG(type), wanted);
}

/* Shown as Go shows a list of quoted characters: ['a' 'b']. */
static int fail_index_text(struct setter *p, struct str text)
{
    HL_CLEANUP(buf_deinit) struct buf shown = {0};
    HL_CLEANUP(buf_deinit) struct buf one = {0};
    uint32_t rune;

    for (size_t at = 0, len; at < text.len; at += len) {
        len = str_rune(text, at, &rune);
        struct str c = str_sub(text, at, at + len);
        buf_reset(&one);
        buf_add_quoted(&one, c);
        struct str bare = str_sub(buf_str(&one), 1, one.len - 1);
        if (rune == '\'')
            bare = STR("\\'");
        else if (rune == '"')
            bare = c;
        buf_printf(&shown, "%s'" STR_FMT "'", at > 0 ? " " : "", STR_ARG(bare));
    }
    return err_set(p->err, HL_EINVAL, "unexpected data at end of array index: [" STR_FMT "]",
                   STR_ARG(buf_str(&shown)));
}

/* ---- reading ---- */

/*
 * Takes characters up to one of `stops`, which is taken, too, and returned; 0 at the end. A
 * backslash makes the next character no stop, but not in literals. What is no UTF-8 becomes U+FFFD.
 */
static char take_until(struct setter *p, const char *stops, struct str *out)
{
    bool has_escapes = p->kind != SETVALUES_LITERAL;
    char stop = 0;

    buf_reset(&p->piece);
    while (p->at < p->s.len) {
        uint32_t rune;
        char c = p->s.ptr[p->at];
        if (c != 0 && strchr(stops, c)) {
            stop = c;
            p->at++;
            break;
        }
        if (has_escapes && c == '\\' && ++p->at == p->s.len)
            break;
        size_t len = str_rune(p->s, p->at, &rune);
        buf_add(&p->piece, len > 0 ? str_sub(p->s, p->at, p->at + len) : STR("\xEF\xBF\xBD"));
        p->at += len > 0 ? len : 1;
    }
    *out = arena_dup(p->a, buf_str(&p->piece));
    return stop;
}

static bool all_digits(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    }
    return s.len > 0;
}

/* strconv.ParseInt(text, 10, 64): 0, or what is wrong as Go says it. */
static const char *read_integer(struct str text, int64_t *out)
{
    bool has_plus = str_starts(text, STR("+"));
    bool has_sign = has_plus || str_starts(text, STR("-"));

    if (!all_digits(str_sub(text, has_sign, text.len)))
        return "invalid syntax";
    return str_to_i64(str_sub(text, has_plus, text.len), out) ? NULL : "value out of range";
}

/* The number before "]". */
static int take_index(struct setter *p, int64_t *out)
{
    struct str text;

    if (!take_until(p, "]", &text))
        return err_set(p->err, HL_EINVAL, "error parsing index: EOF");
    const char *wrong = read_integer(text, out);
    if (!wrong)
        return 0;
    HL_CLEANUP(buf_deinit) struct buf quoted = {0};
    buf_add_quoted(&quoted, text);
    return err_set(p->err, HL_EINVAL, "error parsing index: strconv.Atoi: parsing " STR_FMT ": %s",
                   STR_ARG(buf_str(&quoted)), wrong);
}

/* Whether a value of JSON is missing: nothing before the end or a ",", which is then taken. */
static bool take_nothing(struct setter *p)
{
    for (size_t len; (len = space_len(p->s, p->at)) > 0;)
        p->at += len;
    bool has_comma = p->at < p->s.len && p->s.ptr[p->at] == ',';
    p->at += has_comma;
    return has_comma || p->at == p->s.len;
}

/* ---- values ---- */

static bool is_word(struct str text, const char *word) /* in any case */
{
    return text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0;
}

static struct datum typed_value(struct str text)
{
    int64_t number;

    if (is_word(text, "true") || is_word(text, "false"))
        return datum_bool(text.len == 4);
    if (is_word(text, "null"))
        return datum_nil();
    if (str_eq(text, STR("0")))
        return datum_int64(0);
    if (!str_starts(text, STR("0")) && !read_integer(text, &number))
        return datum_int64(number);
    return datum_string(text);
}

static int convert(struct setter *p, struct str text, struct datum *out)
{
    struct str content;

    *out = p->kind == SETVALUES_TYPED ? typed_value(text) : datum_string(text);
    if (p->kind != SETVALUES_FILE)
        return 0;
    int rc = p->files->read(p->files->context, p->a, text, &content, p->err);
    if (rc == 0)
        *out = datum_string(content);
    return rc;
}

/* Before making `count` list items. */
static int make_room(struct setter *p, size_t count)
{
    p->item_count += count;
    if (p->item_count > SETVALUES_ITEMS_MAX)
        return err_set(p->err, HL_ELIMIT, "more than %d list items made", SETVALUES_ITEMS_MAX);
    return 0;
}

/* "{a,b}" with the "," behind it. AT_END: no value at all; NO_LIST: no "{". */
static int take_list(struct setter *p, struct datum *out)
{
    struct datum *item = NULL;
    size_t count = 0;
    size_t cap = 0;
    char stop = ',';

    if (p->at == p->s.len)
        return AT_END;
    if (p->s.ptr[p->at] != '{')
        return NO_LIST;
    p->at++;
    while (stop == ',') {
        struct str text;
        struct datum d;
        stop = take_until(p, ",}", &text);
        if (!stop)
            return err_set(p->err, HL_EINVAL, "list must terminate with '}'");
        int rc = convert(p, text, &d);
        if (rc == 0)
            rc = make_room(p, 1);
        if (rc < 0)
            return rc;
        ARENA_PUSH(p->a, item, count, cap, d);
    }
    if (p->at < p->s.len && p->s.ptr[p->at] == ',')
        p->at++;
    struct datum_list *list = datum_list_new(p->a, count);
    memcpy(list->item, item, count * sizeof(*item));
    *out = datum_of_list(DATUM_LIST, list);
    return 0;
}

/* Where the string that begins at `at` ends. */
static size_t json_string_end(struct str s, size_t at)
{
    for (size_t i = at + 1; i < s.len; i++) {
        if (s.ptr[i] == '\\')
            i++;
        else if (s.ptr[i] == '"')
            return i + 1;
    }
    return s.len;
}

static size_t skip_digits(struct str s, size_t at)
{
    while (at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9')
        at++;
    return at;
}

/* Where the number that begins at `at` ends: "01" is 0 and something else. */
static size_t json_number_end(struct str s, size_t at)
{
    size_t from = at + (s.ptr[at] == '-');
    size_t end = skip_digits(s, from);

    if (from < s.len && s.ptr[from] == '0')
        end = from + 1;
    if (end < s.len && s.ptr[end] == '.')
        end = skip_digits(s, end + 1);
    if (end < s.len && (s.ptr[end] == 'e' || s.ptr[end] == 'E')) {
        bool has_sign = end + 1 < s.len && str_has_byte(STR("+-"), s.ptr[end + 1]);
        end = skip_digits(s, end + 1 + has_sign);
    }
    return end;
}

/* Where the list or map that begins at `at` ends, if its brackets fit together. */
static size_t json_group_end(struct str s, size_t at)
{
    size_t depth = 0;

    while (at < s.len) {
        char c = s.ptr[at];
        at = c == '"' ? json_string_end(s, at) : at + 1;
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        if (depth == 0)
            break;
    }
    return at;
}

/* Where the first value of JSON at `at` < s.len ends; what it is worth is for the reader to say. */
static size_t json_end(struct str s, size_t at)
{
    static const char *const word[] = {"true", "false", "null"};

    for (size_t i = 0; i < HL_COUNT(word); i++) {
        if (str_starts(str_sub(s, at, s.len), str_from(word[i])))
            return at + strlen(word[i]);
    }
    switch (s.ptr[at]) {
    case '{':
    case '[':
        return json_group_end(s, at);
    case '"':
        return json_string_end(s, at);
    default:
        return json_number_end(s, at);
    }
}

static int fail_json(struct setter *p)
{
    uint32_t rune;
    size_t len = str_rune(p->s, p->at, &rune);

    return err_set(p->err, HL_EINVAL,
                   "invalid character '" STR_FMT "' looking for beginning of value",
                   STR_ARG(str_sub(p->s, p->at, p->at + len)));
}

static int take_json(struct setter *p, struct datum *out)
{
    struct value *v;

    *out = datum_nil();
    if (take_nothing(p))
        return 0;
    size_t end = json_end(p->s, p->at);
    if (end == p->at)
        return fail_json(p);
    int rc = json_read(p->a, str_sub(p->s, p->at, end), STR(""), &v, p->err);
    if (rc < 0)
        return rc;
    *out = datum_from_value(p->a, v, DATUM_FLOATS);
    p->at = end;
    (void)take_nothing(p); /* the blanks and the "," behind it, if they are there */
    return 0;
}

/* The value behind a "=". AT_END: the text ends here, and the value is "". */
static int take_value(struct setter *p, struct datum *out)
{
    struct str text;

    if (p->kind == SETVALUES_JSON)
        return take_json(p, out);
    if (p->kind != SETVALUES_LITERAL) {
        int rc = take_list(p, out);
        if (rc == AT_END)
            *out = datum_string(STR(""));
        if (rc != NO_LIST)
            return rc;
    }
    take_until(p, p->kind == SETVALUES_LITERAL ? "" : ",", &text);
    return convert(p, text, out);
}

/* ---- setting ---- */

static int set_member(struct setter *p, struct datum_map *map, struct str key, struct datum d)
{
    if (key.len == 0)
        return 0;
    if (++p->assignment_count > SETVALUES_ASSIGNMENTS_MAX)
        return err_set(p->err, HL_ELIMIT, "more than %d values set", SETVALUES_ASSIGNMENTS_MAX);
    datum_map_set(p->a, map, key, d);
    return 0;
}

static int set_item(struct setter *p, struct datum_list **list, int64_t index, struct datum d)
{
    size_t count = (*list)->count;

    if (index > SETVALUES_INDEX_MAX)
        return err_set(p->err, HL_EINVAL,
                       "index of %" PRId64 " is greater than maximum supported index of %d", index,
                       SETVALUES_INDEX_MAX);
    if (count <= (size_t)index) {
        int rc = make_room(p, (size_t)index + 1);
        if (rc < 0)
            return rc;
        struct datum_list *longer = datum_list_new(p->a, (size_t)index + 1);
        memcpy(longer->item, (*list)->item, count * sizeof(d));
        *list = longer;
    }
    (*list)->item[index] = d;
    return 0;
}

/* The list in d, new if nothing is there. */
static int list_in(struct setter *p, struct datum d, struct datum_list **out)
{
    if (d.type != DATUM_LIST)
        return fail_type(p, d, "[]interface {}");
    *out = d.list ? d.list : datum_list_new(p->a, 0);
    return 0;
}

static int set_in_list(struct setter *p, struct datum_list **list, int64_t index, int nesting);

/* "[i][j]": the list within item `index`. */
static int set_in_inner_list(struct setter *p, struct datum_list **list, int64_t index, int nesting)
{
    struct datum_list *inner = datum_list_new(p->a, 0);
    int64_t inner_index;
    int rc = take_index(p, &inner_index);

    if (rc == 0 && (size_t)index < (*list)->count && (*list)->item[index].type != DATUM_NIL)
        rc = list_in(p, (*list)->item[index], &inner);
    if (rc == 0)
        rc = set_in_list(p, &inner, inner_index, nesting);
    if (rc != 0)
        return rc;
    return set_item(p, list, index, datum_of_list(DATUM_LIST, inner));
}

/* "[i].": the map within item `index`, which takes the place of what else is there. */
static int set_in_item_map(struct setter *p, struct datum_list **list, int64_t index, int nesting)
{
    struct datum map = datum_of_map(datum_map_new(p->a));

    if ((size_t)index < (*list)->count) {
        struct datum *item = &(*list)->item[index];
        if (item->type == DATUM_MAP && item->map)
            map = *item;
        else
            *item = map;
    }
    int rc = set_key(p, map.map, nesting);
    if (rc != 0)
        return rc;
    return set_item(p, list, index, map);
}

static int set_found_item(struct setter *p, struct datum_list **list, int64_t index, char stop,
                          int nesting)
{
    struct datum d;

    if (stop == '[')
        return set_in_inner_list(p, list, index, nesting);
    if (stop == '.')
        return set_in_item_map(p, list, index, nesting);
    int rc = take_value(p, &d);
    if (rc < 0)
        return rc;
    return set_item(p, list, index, d);
}

static int go_down(struct setter *p)
{
    if (++p->depth > SETVALUES_DEPTH_MAX)
        return err_set(p->err, HL_ELIMIT, "path of more than %d parts", SETVALUES_DEPTH_MAX);
    return 0;
}

/* What follows "[index]". */
static int set_in_list(struct setter *p, struct datum_list **list, int64_t index, int nesting)
{
    struct str between;

    if (index < 0)
        return err_set(p->err, HL_EINVAL, "negative %" PRId64 " index not allowed", index);
    char stop = take_until(p, "[.=", &between);
    if (between.len > 0)
        return fail_index_text(p, between);
    if (!stop)
        return AT_END;
    int rc = go_down(p);
    if (rc == 0)
        rc = set_found_item(p, list, index, stop, nesting);
    p->depth--;
    return rc;
}

/* "key[": the list in the map's member. */
static int set_list_member(struct setter *p, struct datum_map *map, struct str key, int nesting)
{
    struct datum_entry *there = datum_map_find(map, key);
    struct datum_list *list = NULL;
    int64_t index;
    int rc = take_index(p, &index);

    if (rc == 0)
        rc = list_in(p, there ? there->value : datum_of_list(DATUM_LIST, NULL), &list);
    if (rc < 0)
        return rc;
    rc = set_in_list(p, &list, index, nesting);
    if (rc < 0)
        return rc;
    int set = set_member(p, map, key, datum_of_list(DATUM_LIST, list));
    return set < 0 ? set : rc;
}

/* "key.": the map in the map's member. */
static int set_map_member(struct setter *p, struct datum_map *map, struct str key, int nesting)
{
    struct datum_entry *there = datum_map_find(map, key);
    struct datum inner = there ? there->value : datum_of_map(datum_map_new(p->a));

    if (nesting + 1 > SETVALUES_NESTING_MAX)
        return err_set(
            p->err, HL_EINVAL,
            "value name nested level is greater than maximum supported nested level of %d",
            SETVALUES_NESTING_MAX);
    if (inner.type != DATUM_MAP || !inner.map)
        return fail_type(p, inner, "map[string]interface {}");
    int rc = set_key(p, inner.map, nesting + 1);
    if (rc < 0)
        return rc;
    if (inner.map->count == 0)
        return rc == 0 ? fail_key(p, "key map", key, "has no value") : rc;
    int set = set_member(p, map, key, inner);
    return set < 0 ? set : rc;
}

static int set_value_member(struct setter *p, struct datum_map *map, struct str key)
{
    struct datum d;
    int rc = take_value(p, &d);

    if (rc < 0)
        return rc;
    int set = set_member(p, map, key, d);
    return set < 0 ? set : rc;
}

/* One path with its value, from the key on. */
static int set_key(struct setter *p, struct datum_map *map, int nesting)
{
    struct str key;
    int rc = go_down(p);

    if (rc < 0)
        return rc;
    switch (take_until(p, p->kind == SETVALUES_LITERAL ? "=[." : "=[,.", &key)) {
    case '[':
        rc = set_list_member(p, map, key, nesting);
        break;
    case '=':
        rc = set_value_member(p, map, key);
        break;
    case '.':
        rc = set_map_member(p, map, key, nesting);
        break;
    case ',':
        rc = fail_key(p, "key", key, "has no value (cannot end with ,)");
        break;
    default:
        rc = key.len == 0 ? AT_END : fail_key(p, "key", key, "has no value");
        break;
    }
    p->depth--;
    return rc;
}

int setvalues_apply(struct arena *a, enum setvalues_kind kind, struct str text,
                    const struct setvalues_files *files, struct datum_map *map, struct err *err)
{
    struct setter p = {.a = a, .s = text, .kind = kind, .files = files, .err = err};
    int rc = 0;

    HL_ASSERT(kind != SETVALUES_FILE || files);
    if (text.len > SETVALUES_BYTES_MAX)
        return err_set(err, HL_ELIMIT, "text of more than %d bytes", SETVALUES_BYTES_MAX);
    while (rc == 0)
        rc = set_key(&p, map, 0);
    buf_deinit(&p.piece);
    return rc == AT_END ? 0 : rc;
}

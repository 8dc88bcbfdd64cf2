/*
 * Two passes: the first finds the command (only global flags may stand before its words), the
 * second reads everything, now knowing which flags take a value.
 */
#include "hlctl/parse.h"

#include <stdio.h>
#include <string.h>

struct flag_value {
    const struct flag *flag;
    bool is_set;
    struct str text;
    int64_t number;
    struct str *list;
    size_t list_count;
    size_t list_cap;
};

struct invocation {
    struct arena *arena;
    const struct verb *verb;
    bool wants_help;
    struct str *arg;
    size_t arg_count;
    size_t arg_cap;
    struct flag_value value[VERB_FLAGS_MAX * 2];
    size_t value_count;
};

enum { COUNT_FLAG_MAX = 1000000000 };

struct scan {
    struct invocation *in;
    int argc;
    const char *const *argv;
    int at;
    struct trouble *t;
};

static const struct flag *flag_in(const struct flag *flags, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(name, str_from(flags[i].name)) ||
            (name.len == 1 && flags[i].letter == name.ptr[0]))
            return &flags[i];
    return NULL;
}

static struct flag_value *value_of(struct invocation *in, struct str name)
{
    for (size_t i = 0; i < in->value_count; i++) {
        const struct flag *f = in->value[i].flag;
        if (str_eq(name, str_from(f->name)))
            return &in->value[i];
    }
    return NULL;
}

static struct flag_value *value_of_letter(struct invocation *in, char letter)
{
    for (size_t i = 0; i < in->value_count; i++)
        if (letter != 0 && in->value[i].flag->letter == letter)
            return &in->value[i];
    return NULL;
}

/* A command's flag hides a global one of the same name or letter. */
static void add_flags(struct invocation *in, const struct flag *flags, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (value_of(in, str_from(flags[i].name)))
            continue;
        HL_ASSERT(in->value_count < HL_COUNT(in->value));
        in->value[in->value_count++] = (struct flag_value){.flag = &flags[i]};
    }
}

static bool is_choice(const char *choices, struct str text)
{
    struct str rest = str_from(choices);

    while (rest.len > 0)
        if (str_eq(str_cut(&rest, '|'), text))
            return true;
    return false;
}

static const char *path_of(const struct invocation *in)
{
    return in->verb ? in->verb->path : "";
}

static int refuse(struct scan *s, const struct flag *f, struct str text, const char *wanted)
{
    trouble_set(s->t, "HL-USE-02", "--%s cannot be \"" STR_FMT "\"", f->name, STR_ARG(text));
    trouble_why(s->t, "it takes %s", wanted);
    return trouble_next(s->t, "hlctl help %s", path_of(s->in));
}

/* Checks and stores; `text` is the value as given. */
static int set_value(struct scan *s, struct flag_value *v, struct str text)
{
    const struct flag *f = v->flag;

    if (v->is_set && f->kind != FLAG_LIST && f->kind != FLAG_SWITCH) {
        trouble_set(s->t, "HL-USE-02", "--%s is given twice", f->name);
        return trouble_next(s->t, "leave one of them out");
    }
    if (text.len == 0 && f->kind != FLAG_SWITCH)
        return refuse(s, f, text, "a value that is not empty");
    if (f->kind == FLAG_COUNT &&
        (!str_to_i64(text, &v->number) || v->number < 1 || v->number > COUNT_FLAG_MAX))
        return refuse(s, f, text, "a whole number from 1 to 1000000000");
    if (f->kind == FLAG_DURATION && (!time_parse_duration(text, &v->number) || v->number < 1))
        return refuse(s, f, text, "a duration such as 30s, 10m or 1h30m");
    if (f->kind == FLAG_CHOICE && !is_choice(f->choices, text)) {
        char wanted[200];
        snprintf(wanted, sizeof wanted, "one of %s", f->choices);
        return refuse(s, f, text, wanted);
    }
    if (f->kind == FLAG_LIST)
        ARENA_PUSH(s->in->arena, v->list, v->list_count, v->list_cap, text);
    v->text = text;
    v->is_set = true;
    return 0;
}

static int unknown_flag(struct scan *s, struct str name, bool is_long)
{
    const char *best = NULL;
    size_t best_edits = 3;

    for (size_t i = 0; is_long && i < s->in->value_count; i++) {
        const char *known = s->in->value[i].flag->name;
        size_t edits = edit_distance(name, str_from(known));
        if (edits < best_edits) {
            best = known;
            best_edits = edits;
        }
    }
    trouble_set(s->t, "HL-USE-02", "%s has no flag %s" STR_FMT,
                s->in->verb ? s->in->verb->path : "hlctl", is_long ? "--" : "-", STR_ARG(name));
    if (best)
        return trouble_next(s->t, "did you mean: --%s", best);
    return trouble_next(s->t, "hlctl help %s", path_of(s->in));
}

static int take_value(struct scan *s, struct flag_value *v)
{
    if (s->at + 1 >= s->argc) {
        trouble_set(s->t, "HL-USE-02", "--%s needs a value (%s)", v->flag->name, v->flag->value);
        return trouble_next(s->t, "hlctl help %s", path_of(s->in));
    }
    s->at++;
    return set_value(s, v, str_from(s->argv[s->at]));
}

static int read_long(struct scan *s, struct str body)
{
    struct str value = body;
    struct str name = str_cut(&value, '=');
    bool has_value = name.len < body.len;

    if (str_eq(name, STR("help"))) {
        s->in->wants_help = true;
        return 0;
    }
    struct flag_value *v = value_of(s->in, name);
    if (!v)
        return unknown_flag(s, name, true);
    if (v->flag->kind == FLAG_SWITCH && has_value) {
        trouble_set(s->t, "HL-USE-02", "--%s takes no value", v->flag->name);
        return trouble_next(s->t, "hlctl help %s", path_of(s->in));
    }
    if (v->flag->kind == FLAG_SWITCH || has_value)
        return set_value(s, v, value);
    return take_value(s, v);
}

static int read_short(struct scan *s, struct str letters)
{
    for (size_t i = 0; i < letters.len; i++) {
        struct str letter = str_sub(letters, i, i + 1);
        if (letters.ptr[i] == 'h') {
            s->in->wants_help = true;
            continue;
        }
        struct flag_value *v = value_of_letter(s->in, letters.ptr[i]);
        if (!v)
            return unknown_flag(s, letter, false);
        if (v->flag->kind == FLAG_SWITCH) {
            int rc = set_value(s, v, STR_NONE);
            if (rc != 0)
                return rc;
            continue;
        }
        struct str rest = str_sub(letters, i + 1, letters.len);
        if (rest.len > 0 && rest.ptr[0] == '=')
            rest = str_sub(rest, 1, rest.len);
        return rest.len > 0 ? set_value(s, v, rest) : take_value(s, v);
    }
    return 0;
}

static bool is_flag_word(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

/* How many words of argv a global flag takes at s->at; 1 if it is unknown or has its value. */
static int global_words(const char *word)
{
    struct str body = str_from(word);
    bool is_long = str_starts(body, STR("--"));
    struct str name = is_long ? str_sub(body, 2, body.len) : str_sub(body, 1, 2);

    if (str_has_byte(name, '=') || (!is_long && body.len > 2))
        return 1;
    const struct flag *f = flag_in(global_flags, global_flag_count, name);
    return f && f->kind != FLAG_SWITCH ? 2 : 1;
}

/* Position of the next word at or after `at` that is no flag; argc if there is none. */
static int next_word(int argc, const char *const *argv, int at)
{
    while (at < argc && is_flag_word(argv[at])) {
        if (strcmp(argv[at], "--") == 0)
            return argc;
        at += global_words(argv[at]);
    }
    return at < argc ? at : argc;
}

/* Finds the command and how many of its words to leave out of the arguments. */
static int find_command(struct scan *s, int *first_at, int *second_at)
{
    *first_at = next_word(s->argc, s->argv, 1);
    *second_at = s->argc;
    if (*first_at == s->argc)
        return 0;
    struct str first = str_from(s->argv[*first_at]);
    int after = next_word(s->argc, s->argv, *first_at + 1);
    if (after < s->argc)
        s->in->verb = verb_find(first, str_from(s->argv[after]));
    if (s->in->verb) {
        *second_at = after;
        return 0;
    }
    s->in->verb = verb_find(first, STR_NONE);
    if (s->in->verb)
        return 0;

    struct str typed = first;
    if (verb_is_noun(first) && after < s->argc)
        typed = arena_printf(s->in->arena, "%s %s", s->argv[*first_at], s->argv[after]);
    else if (verb_is_noun(first)) {
        trouble_set(s->t, "HL-USE-01", "\"hlctl " STR_FMT "\" needs a verb", STR_ARG(first));
        return trouble_next(s->t, "hlctl help " STR_FMT, STR_ARG(first));
    }
    trouble_set(s->t, "HL-USE-01", "\"hlctl " STR_FMT "\" is not a command", STR_ARG(typed));
    const char *near = verb_suggest(s->in->arena, typed);
    if (near)
        return trouble_next(s->t, "did you mean: hlctl %s", near);
    return trouble_next(s->t, "hlctl help");
}

static int read_words(struct scan *s, int first_at, int second_at)
{
    bool is_over = false;

    for (s->at = 1; s->at < s->argc; s->at++) {
        const char *word = s->argv[s->at];
        int rc = 0;
        if (s->at == first_at || s->at == second_at)
            continue;
        if (!is_over && strcmp(word, "--") == 0)
            is_over = true;
        else if (!is_over && str_starts(str_from(word), STR("--")))
            rc = read_long(s, str_from(word + 2));
        else if (!is_over && is_flag_word(word))
            rc = read_short(s, str_from(word + 1));
        else if (s->in->arg_count < VERB_ARGS_MAX)
            ARENA_PUSH(s->in->arena, s->in->arg, s->in->arg_count, s->in->arg_cap, str_from(word));
        else
            return trouble_set(s->t, "HL-USE-03", "more than %d arguments", VERB_ARGS_MAX);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int read_environment(struct scan *s, parse_env_fn env)
{
    for (size_t i = 0; i < s->in->value_count; i++) {
        struct flag_value *v = &s->in->value[i];
        const char *text = v->flag->env && !v->is_set ? env(v->flag->env) : NULL;
        if (!text || !text[0])
            continue;
        int rc = set_value(s, v, str_from(text));
        if (rc != 0) {
            trouble_next(s->t, "correct the environment variable %s", v->flag->env);
            return rc;
        }
    }
    return 0;
}

static int check_arguments(struct scan *s)
{
    const struct verb *c = s->in->verb;
    size_t count = s->in->arg_count;

    if (!c || s->in->wants_help || (count >= c->min_args && count <= c->max_args))
        return 0;
    if (count < c->min_args)
        trouble_set(s->t, "HL-USE-03", "hlctl %s needs %s", c->path, c->args);
    else
        trouble_set(s->t, "HL-USE-03", "hlctl %s: \"" STR_FMT "\" is one argument too many",
                    c->path, STR_ARG(s->in->arg[c->max_args]));
    trouble_why(s->t, "usage: hlctl %s%s%s", c->path, c->args[0] ? " " : "", c->args);
    return trouble_next(s->t, "hlctl help %s", c->path);
}

int parse_line(struct arena *a, int argc, const char *const *argv, parse_env_fn env,
               struct invocation **out, struct trouble *t)
{
    struct scan s = {.in = arena_one(a, struct invocation), .argc = argc, .argv = argv, .t = t};
    int first_at;
    int second_at;

    *out = s.in;
    s.in->arena = a;
    int found = find_command(&s, &first_at, &second_at);
    struct trouble not_found = *t;
    if (s.in->verb)
        add_flags(s.in, s.in->verb->flags, s.in->verb->flag_count);
    add_flags(s.in, global_flags, global_flag_count);
    int rc = read_words(&s, first_at, second_at);
    if (found != 0) { /* the flags were read for -o only */
        bool is_help = s.in->wants_help && verb_is_noun(str_from(argv[first_at]));
        *t = is_help ? (struct trouble){0} : not_found;
        return is_help ? 0 : found;
    }
    if (rc == 0)
        rc = read_environment(&s, env);
    return rc != 0 ? rc : check_arguments(&s);
}

const struct verb *invocation_verb(const struct invocation *in)
{
    return in->verb;
}

bool invocation_wants_help(const struct invocation *in)
{
    return in->wants_help;
}

size_t invocation_arg_count(const struct invocation *in)
{
    return in->arg_count;
}

struct str invocation_arg(const struct invocation *in, size_t i)
{
    HL_ASSERT(i < in->arg_count);
    return in->arg[i];
}

static const struct flag_value *known(const struct invocation *in, const char *name)
{
    for (size_t i = 0; i < in->value_count; i++)
        if (strcmp(in->value[i].flag->name, name) == 0)
            return &in->value[i];
    hl_die("flag --%s is not in the table", name);
}

bool flag_is_set(const struct invocation *in, const char *name)
{
    return known(in, name)->is_set;
}

struct str flag_text(const struct invocation *in, const char *name)
{
    return known(in, name)->text;
}

int64_t flag_number(const struct invocation *in, const char *name, int64_t otherwise)
{
    const struct flag_value *v = known(in, name);

    return v->is_set ? v->number : otherwise;
}

size_t flag_list(const struct invocation *in, const char *name, struct str **out)
{
    const struct flag_value *v = known(in, name);

    *out = v->list;
    return v->list_count;
}

/*
 * Completion. The shells' scripts are a few lines that ask `hlctl __complete -- WORDS`, so what is
 * offered is always what this program takes. A line of the answer is a word, a tab, and what it is.
 *
 * Names (applications, agents, tokens) come from the mesh, within NAMES_MS; they are kept for
 * NAMES_CACHE_MS in a file. Every trouble means "nothing to offer": a shell is no place for it.
 */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/keys/keys.h"
#include "hlctl/app.h"
#include "hlctl/config.h"
#include "hlctl/help.h"
#include "hlctl/output.h"
#include "hlctl/run.h"
#include "hlctl/safe.h"

enum { NAMES_MS = 300, NAMES_CACHE_MS = 10000 };

struct offer {
    struct hlctl *h;
    struct str typed; /* the word so far */
    struct map *said; /* words offered already */
};

static void say(struct offer *o, struct str word, const char *about)
{
    if (!str_starts(word, o->typed) || word.len == 0 || map_get(o->said, word))
        return;
    map_set(o->said, word, o);
    buf_printf(&o->h->out, STR_FMT "\t%s\n", STR_ARG(safe_text(o->h->arena, word)), about);
}

static void say_choices(struct offer *o, const char *choices)
{
    struct str rest = str_from(choices);

    while (rest.len > 0)
        say(o, str_cut(&rest, '|'), "");
}

/* ---- names from the mesh ---- */

static struct str cache_path(struct hlctl *h, const char *kind)
{
    const char *base = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    struct arena *a = h->arena;
    struct str parent =
        base && base[0] == '/' ? str_from(base) : arena_printf(a, "%s/.cache", home ? home : "");
    struct str folder = arena_printf(a, STR_FMT "/hlctl", STR_ARG(parent));
    struct str whose = arena_printf(a, STR_FMT "\n" STR_FMT "\n",
                                    STR_ARG(config_path(a, flag_text(h->in, "config"))),
                                    STR_ARG(flag_text(h->in, "context")));
    struct digest id = sha256_of(whose);
    char hex[DIGEST_HEX + 1];

    mkdir(parent.ptr, 0700); /* if they cannot be made, there is no cache */
    mkdir(folder.ptr, 0700);
    return arena_printf(a, STR_FMT "/names-%s-%.16s", STR_ARG(folder), kind, digest_hex(&id, hex));
}

static bool read_cache(struct hlctl *h, struct str path, struct str *out)
{
    struct stat st;
    struct err err;

    if (stat(path.ptr, &st) != 0)
        return false;
    int64_t age =
        now_wall_ms() - ((int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000);
    return age >= 0 && age < NAMES_CACHE_MS && file_read(path, h->arena, out, &err) == 0;
}

static bool ask_names(struct hlctl *h, const char *method, struct str *out)
{
    HL_CLEANUP(buf_deinit) struct buf names = {0};
    struct answer answer;
    struct trouble t;

    h->timeout_ms = NAMES_MS;
    if (client_call(h, CALL_READ, method, NULL, &answer, &t) != 0)
        return false;
    struct value *items = items_of(h, &answer, "items");
    for (size_t i = 0; i < items->list.count; i++) {
        struct str name = value_get_str(items->list.item[i], "name");
        if (name.len == 0)
            name = value_get_str(items->list.item[i], "id");
        buf_add(&names, safe_text(h->arena, name));
        buf_add_byte(&names, '\n');
    }
    *out = arena_dup(h->arena, buf_str(&names));
    return true;
}

static void say_names(struct offer *o, const char *kind, const char *method)
{
    struct str path = cache_path(o->h, kind);
    struct str names = STR_NONE;
    struct err err;

    if (!read_cache(o->h, path, &names)) {
        if (!ask_names(o->h, method, &names))
            return;
        if (file_write(path, names, 0600, &err) != 0)
            err.code = 0; /* a cache that cannot be written is no trouble */
    }
    while (names.len > 0)
        say(o, str_cut(&names, '\n'), kind);
}

static void say_contexts(struct offer *o)
{
    struct config config;
    struct trouble t;
    struct str path = config_path(o->h->arena, flag_text(o->h->in, "config"));

    if (config_load(o->h->arena, path, &config, &t) != 0)
        return;
    for (size_t i = 0; i < config.context_count; i++)
        say(o, config.context[i].name, "context");
}

static void say_files(struct offer *o)
{
    struct str pattern = arena_printf(o->h->arena, STR_FMT "*", STR_ARG(o->typed));
    glob_t found;

    if (glob(pattern.ptr, GLOB_MARK, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        say(o, str_from(found.gl_pathv[i]), "");
    globfree(&found);
}

static void say_topics(struct offer *o)
{
    for (size_t i = 0; i < topic_count; i++)
        say(o, str_from(topics[i].name), topics[i].summary);
    for (size_t i = 0; i < trouble_page_count; i++)
        say(o, str_from(trouble_pages[i].id), trouble_pages[i].title);
}

static void say_kind(struct offer *o, const char *kind)
{
    if (!kind)
        return;
    if (strcmp(kind, "app") == 0)
        say_names(o, "app", "apps");
    else if (strcmp(kind, "agent") == 0)
        say_names(o, "agent", "agents");
    else if (strcmp(kind, "token") == 0)
        say_names(o, "token", "token.list");
    else if (strcmp(kind, "context") == 0)
        say_contexts(o);
    else if (strcmp(kind, "file") == 0)
        say_files(o);
    else if (strcmp(kind, "topic") == 0)
        say_topics(o);
    else
        say_choices(o, kind);
}

/* ---- words of the table ---- */

static void say_path(struct offer *o, struct str path, struct str noun, const char *about)
{
    struct str second = path;
    struct str first = str_cut(&second, ' ');

    if (noun.len == 0)
        say(o, first, second.len > 0 ? "" : about);
    else if (str_eq(first, noun))
        say(o, second, about);
}

/* First words if noun is empty, else the second words behind it. */
static void say_words(struct offer *o, struct str noun)
{
    for (size_t i = 0; i < verb_count; i++) {
        if (verbs[i].group == GROUP_HIDDEN)
            continue;
        struct str aliases = str_from(verbs[i].aliases);
        say_path(o, str_from(verbs[i].path), noun, verbs[i].summary);
        while (aliases.len > 0)
            say_path(o, str_cut(&aliases, '|'), noun, verbs[i].summary);
    }
}

static void say_flags(struct offer *o, const struct flag *flags, size_t count)
{
    for (size_t i = 0; i < count; i++)
        say(o, arena_printf(o->h->arena, "--%s", flags[i].name), flags[i].help);
}

static const struct flag *find_flag(const struct flag *flags, size_t count, struct str word)
{
    for (size_t i = 0; i < count; i++) {
        bool is_long = str_starts(word, STR("--")) &&
                       str_eq(str_sub(word, 2, word.len), str_from(flags[i].name));
        bool is_short = word.len == 2 && word.ptr[0] == '-' && flags[i].letter != 0 &&
                        word.ptr[1] == flags[i].letter;
        if (is_long || is_short)
            return &flags[i];
    }
    return NULL;
}

/* The flag that `word` is and that takes the next word as its value; NULL otherwise. */
static const struct flag *wanting_flag(const struct verb *v, struct str word)
{
    const struct flag *f = v ? find_flag(v->flags, v->flag_count, word) : NULL;

    if (!f)
        f = find_flag(global_flags, global_flag_count, word);
    return f && f->kind != FLAG_SWITCH ? f : NULL;
}

struct typed {
    struct str first;
    struct str second;
    const struct verb *verb;
    size_t arg_count;
    const struct flag *pending; /* its value is the word being typed */
};

static void read_word(struct typed *s, struct str word)
{
    if (s->pending) {
        s->pending = NULL;
    } else if (word.len > 1 && word.ptr[0] == '-') {
        s->pending = wanting_flag(s->verb, word);
    } else if (s->first.len == 0) {
        s->first = word;
        s->verb = verb_find(word, STR_NONE);
    } else if (s->second.len == 0 && s->arg_count == 0 && verb_find(s->first, word)) {
        s->second = word;
        s->verb = verb_find(s->first, word);
    } else {
        s->arg_count++;
    }
}

static void say_help_words(struct offer *o, const struct typed *s, struct str last)
{
    say_words(o, s->arg_count == 0 ? STR_NONE : last);
    if (s->arg_count == 0)
        say_topics(o);
}

int complete_run(struct hlctl *h, struct trouble *t)
{
    HL_CLEANUP(map_freep) struct map *said = map_new(0);
    size_t count = invocation_arg_count(h->in);
    struct offer o = {.h = h, .said = said};
    struct typed s = {0};
    struct str last = STR_NONE;

    (void)t;
    for (size_t i = 0; i + 1 < count; i++) {
        last = invocation_arg(h->in, i);
        read_word(&s, last);
    }
    if (count > 0)
        o.typed = invocation_arg(h->in, count - 1);
    if (s.pending) {
        say_kind(&o, s.pending->choices);
    } else if (str_starts(o.typed, STR("-"))) {
        if (s.verb)
            say_flags(&o, s.verb->flags, s.verb->flag_count);
        say_flags(&o, global_flags, global_flag_count);
        say(&o, STR("--help"), "about this command");
    } else if (s.first.len == 0) {
        say_words(&o, STR_NONE);
    } else if (s.verb && strcmp(s.verb->path, "help") == 0) {
        say_help_words(&o, &s, last);
    } else {
        if (s.second.len == 0 && s.arg_count == 0 && verb_is_noun(s.first))
            say_words(&o, s.first);
        if (s.verb && s.arg_count < s.verb->max_args)
            say_kind(&o, s.verb->arg_kind);
    }
    return EXIT_DONE;
}

/* ---- scripts ---- */

static const char bash_script[] =
    "# bash completion for hlctl; source it, or install it as bash-completion/completions/hlctl\n"
    "_hlctl() {\n"
    "    local line\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r line; do\n"
    "        COMPREPLY+=(\"${line%%$'\\t'*}\")\n"
    "    done < <(\"${COMP_WORDS[0]}\" __complete -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" "
    "2>/dev/null)\n"
    "    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]]; then\n"
    "        compopt -o nospace\n"
    "    fi\n"
    "}\n"
    "complete -F _hlctl hlctl\n";

static const char zsh_script[] =
    "#compdef hlctl\n"
    "_hlctl() {\n"
    "    local line word\n"
    "    local -a found\n"
    "    for line in \"${(@f)$(\"${words[1]}\" __complete -- \"${(@)words[2,CURRENT]}\" "
    "2>/dev/null)}\"; do\n"
    "        word=${line%%$'\\t'*}\n"
    "        [[ -n $word ]] && found+=(\"${word//:/\\\\:}:${line#*$'\\t'}\")\n"
    "    done\n"
    "    (( ${#found} )) && _describe hlctl found\n"
    "}\n"
    "if [[ ${funcstack[1]} == _hlctl ]]; then\n"
    "    _hlctl \"$@\"\n"
    "else\n"
    "    compdef _hlctl hlctl\n"
    "fi\n";

static const char fish_script[] =
    "complete -c hlctl -f -a '(hlctl __complete -- (commandline -opc)[2..-1] (commandline -ct) "
    "2>/dev/null)'\n";

int completion_run(struct hlctl *h, struct trouble *t)
{
    struct str shell = invocation_arg(h->in, 0);

    if (str_eq(shell, STR("bash")))
        buf_add_cstr(&h->out, bash_script);
    else if (str_eq(shell, STR("zsh")))
        buf_add_cstr(&h->out, zsh_script);
    else if (str_eq(shell, STR("fish")))
        buf_add_cstr(&h->out, fish_script);
    else
        return trouble_set(t, "HL-USE-03", "there is no completion for \"" STR_FMT "\"",
                           STR_ARG(shell));
    return EXIT_DONE;
}

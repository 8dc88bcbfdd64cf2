/* Text for people about the command table. */
#include "hlctl/help.h"

#include <string.h>

#include "core/value/value.h"
#include "hlctl/output.h"
#include "hlctl/run.h"

enum { WRAP = 92, SUMMARY_AT = 34 };

const struct topic topics[] = {
    {"environment", "variables that hlctl reads",
     "A flag wins over its variable.\n\n"
     "    HLCTL_CONFIG     --config: the configuration file\n"
     "    HLCTL_CONTEXT    --context\n"
     "    HLCTL_SERVER     --server\n"
     "    HLCTL_OUTPUT     --output\n"
     "    HLCTL_TIMEOUT    --timeout\n"
     "    XDG_CONFIG_HOME  folder of hlctl/config.yaml (~/.config)\n"
     "    XDG_CACHE_HOME   folder of hlctl/, names for completion (~/.cache)\n"
     "    NO_COLOR, HLCTL_NO_COLOR, CLICOLOR=0   no colours\n"
     "    CLICOLOR_FORCE=1                       colours even in a pipe\n"
     "    HLCTL_FORCE_TTY=COLUMNS                lay tables out as on a terminal that wide\n"},
    {"configuration", "the configuration file",
     "`~/.config/hlctl/config.yaml`, or what `HLCTL_CONFIG` names; mode 0600. Paths are relative "
     "to its folder. `hlctl context add` makes and edits it and keeps your comments.\n\n"
     "    apiVersion: hlctl/v1\n"
     "    current-context: home\n"
     "    contexts:\n"
     "    - name: home\n"
     "      roster: home/mesh.json       # coordinators and keys, signed by the mesh's root key\n"
     "      mesh: hl-mesh:Jm4...k2       # fingerprint of the root key, checked before anything\n"
     "      identity: home/admin.key     # your secret key, mode 0600\n"
     "      servers: [10.0.4.101:7402]   # optional: ask only these of the roster\n"},
    {"formatting", "-o and what it promises",
     "`table` is for people: aligned on a terminal, separated by tabs and never cut anywhere else; "
     "`wide` has more columns. `json` and `yaml` are for programs: "
     "`{\"apiVersion\":\"hlctl/"
     "v1\",\"kind\":\"AppList\",\"revision\":N,\"age_ms\":n,\"items\":[]}`; "
     "members are only ever added. With `-w`, one object a line. `name` is one `app/NAME` a "
     "line.\n\n"
     "Answers go to stdout, everything else to stderr. Control characters in names and texts from "
     "outside are shown as `\\x1b`, never sent to the terminal. An answer older than two seconds "
     "or "
     "not from the leader is remarked upon.\n"},
    {"exit-codes", "what each exit code means",
     "    0    done\n"
     "    1    failed\n"
     "    2    misused: command, flag, argument, configuration file\n"
     "    3    no coordinator answers, or there is no leader\n"
     "    4    timed out; what was accepted goes on\n"
     "    5    not allowed\n"
     "    6    conflict: somebody else changed it first\n"
     "    7    found something (status --exit-code)\n"
     "    130  interrupted\n"},
    {"errors", "the shape of errors, and all codes",
     "Three lines on stderr: what happened with its code, why, what to do next. `hlctl help CODE` "
     "prints the page of a code. With `-o json` or `-o yaml` the same is one JSON object in one "
     "line on stderr: code, exit, what, why, next, and file, line, column where there is a "
     "place.\n"},
};
const size_t topic_count = HL_COUNT(topics);

/* Text in lines of WRAP columns, each behind `indent` blanks. */
static void wrap(struct buf *out, const char *text, int indent)
{
    struct str rest = str_from(text);
    size_t used = 0;

    while (rest.len > 0) {
        struct str word = str_cut(&rest, ' ');
        if (used > 0 && used + 1 + word.len > WRAP - (size_t)indent) {
            buf_add_byte(out, '\n');
            used = 0;
        }
        if (used == 0)
            buf_printf(out, "%*s", indent, "");
        else
            buf_add_byte(out, ' ');
        buf_add(out, word);
        used += word.len + (used > 0);
    }
    buf_add_byte(out, '\n');
}

static void put_pair(struct buf *out, struct str left, const char *right)
{
    int pad = left.len < SUMMARY_AT ? SUMMARY_AT - (int)left.len : 2;

    buf_printf(out, "  " STR_FMT "%*s%s\n", STR_ARG(left), pad, "", right);
}

static void put_verb_line(struct buf *out, const struct verb *v)
{
    HL_CLEANUP(buf_deinit) struct buf left = {0};
    struct str aliases = str_from(v->aliases);
    struct str alias = str_cut(&aliases, '|');

    buf_add_cstr(&left, v->path);
    if (alias.len > 0)
        buf_printf(&left, ", " STR_FMT, STR_ARG(alias));
    if (v->args[0])
        buf_printf(&left, " %s", v->args);
    put_pair(out, buf_str(&left), v->summary);
}

static void put_flag(struct buf *out, const struct flag *f)
{
    HL_CLEANUP(buf_deinit) struct buf left = {0};
    HL_CLEANUP(buf_deinit) struct buf right = {0};

    if (f->letter)
        buf_printf(&left, "-%c, ", f->letter);
    buf_printf(&left, "--%s", f->name);
    if (f->kind == FLAG_CHOICE && strlen(f->choices) < 24)
        buf_printf(&left, " %s", f->choices);
    else if (f->value)
        buf_printf(&left, " %s", f->value);
    buf_add_cstr(&right, f->help);
    if (f->kind == FLAG_CHOICE && strlen(f->choices) >= 24 && !strstr(f->help, "json"))
        buf_printf(&right, ": %s", f->choices);
    if (f->env)
        buf_printf(&right, " [%s]", f->env);
    buf_add_byte(&right, '\0');
    put_pair(out, buf_str(&left), right.ptr);
}

void help_overview(struct buf *out)
{
    buf_add_cstr(out, "hlctl looks at a mesh and pushes it.\n\nusage: hlctl COMMAND [FLAGS]\n");
    for (int g = 0; g < GROUP_COUNT; g++) {
        buf_printf(out, "\n%s\n", group_titles[g]);
        for (size_t i = 0; i < verb_count; i++)
            if ((int)verbs[i].group == g)
                put_verb_line(out, &verbs[i]);
    }
    buf_add_cstr(out, "\nFlags of every command\n");
    for (size_t i = 0; i < global_flag_count; i++)
        put_flag(out, &global_flags[i]);
    buf_add_cstr(out, "\nTopics: hlctl help");
    for (size_t i = 0; i < topic_count; i++)
        buf_printf(out, "%s%s", i > 0 ? " | " : " ", topics[i].name);
    buf_add_cstr(out, " | HL-XXX-NN\n");
}

void help_noun(struct buf *out, struct str noun)
{
    buf_printf(out, "usage: hlctl " STR_FMT " VERB\n\n", STR_ARG(noun));
    for (size_t i = 0; i < verb_count; i++) {
        struct str rest = str_from(verbs[i].path);
        struct str head = str_cut(&rest, ' ');
        if (rest.len > 0 && str_eq(head, noun))
            put_verb_line(out, &verbs[i]);
    }
}

static void put_aliases(struct buf *out, const struct verb *v, const char *before,
                        const char *between)
{
    struct str aliases = str_from(v->aliases);
    const char *head = before;

    while (aliases.len > 0) {
        struct str alias = str_cut(&aliases, '|');
        buf_printf(out, "%s" STR_FMT, head, STR_ARG(alias));
        head = between;
    }
}

void help_verb(struct buf *out, const struct verb *v)
{
    buf_printf(out, "%s\n\nusage: hlctl %s%s%s%s\n", v->summary, v->path, v->args[0] ? " " : "",
               v->args, v->flag_count > 0 ? " [FLAGS]" : "");
    put_aliases(out, v, "also:  hlctl ", ", hlctl ");
    if (v->aliases)
        buf_add_byte(out, '\n');
    buf_add_byte(out, '\n');
    wrap(out, v->about, 0);
    if (v->flag_count > 0)
        buf_add_cstr(out, "\nFlags\n");
    for (size_t i = 0; i < v->flag_count; i++)
        put_flag(out, &v->flags[i]);
    buf_add_cstr(out, "\nExamples\n");
    for (size_t i = 0; i < v->example_count; i++) {
        buf_printf(out, "  # %s\n", v->examples[i].about);
        buf_printf(out, "  hlctl %s\n", v->examples[i].line);
    }
    buf_add_cstr(out, "\nExit codes: 0 done, 1 failed, 2 misused");
    buf_printf(out, "%s%s\n", v->exits ? ", " : "", v->exits ? v->exits : "");
    if (v->role)
        buf_printf(out, "Role: %s\n", v->role);
    if (v->kind)
        buf_printf(out, "Document of -o json: kind %s\n", v->kind);
    buf_add_cstr(out, "Flags of every command: hlctl help\n");
}

/* ---- docs/cli.md ---- */

static void markdown_cell(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            buf_add_byte(out, '\\');
        buf_add_byte(out, *text);
    }
}

static void markdown_flags(struct buf *out, const struct flag *flags, size_t count)
{
    buf_add_cstr(out, "| flag | meaning |\n|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        const struct flag *f = &flags[i];
        buf_add_cstr(out, "| `");
        if (f->letter)
            buf_printf(out, "-%c`, `", f->letter);
        buf_printf(out, "--%s%s", f->name, f->value ? " " : "");
        markdown_cell(out, f->value ? f->value : "");
        buf_add_cstr(out, "` | ");
        markdown_cell(out, f->help);
        if (f->kind == FLAG_CHOICE) {
            buf_add_cstr(out, ": `");
            markdown_cell(out, f->choices);
            buf_add_byte(out, '`');
        }
        if (f->env)
            buf_printf(out, "; `%s`", f->env);
        buf_add_cstr(out, " |\n");
    }
}

static void markdown_verb(struct buf *out, const struct verb *v)
{
    buf_printf(out, "\n### hlctl %s\n\n%s.", v->path, v->summary);
    put_aliases(out, v, " Also: `hlctl ", "`, `hlctl ");
    buf_printf(out, "%s\n\n    hlctl %s%s%s\n\n%s\n\n", v->aliases ? "`." : "", v->path,
               v->args[0] ? " " : "", v->args, v->about);
    if (v->flag_count > 0) {
        markdown_flags(out, v->flags, v->flag_count);
        buf_add_byte(out, '\n');
    }
    buf_add_cstr(out, "Examples:\n\n");
    for (size_t i = 0; i < v->example_count; i++)
        buf_printf(out, "    hlctl %s    # %s\n", v->examples[i].line, v->examples[i].about);
    buf_printf(out, "\nExit codes: 0 done, 1 failed, 2 misused%s%s.", v->exits ? ", " : "",
               v->exits ? v->exits : "");
    if (v->role)
        buf_printf(out, " Role: %s.", v->role);
    if (v->kind)
        buf_printf(out, " Document: `%s`.", v->kind);
    buf_add_byte(out, '\n');
}

void help_markdown(struct buf *out)
{
    buf_add_cstr(out,
                 "# hlctl\n\nGenerated from the command table `hlctl/verbs.c` by `hlctl __docs "
                 "docs`; a test compares them.\n\n## Flags of every command\n\n");
    markdown_flags(out, global_flags, global_flag_count);
    for (int g = 0; g < GROUP_COUNT; g++) {
        buf_printf(out, "\n## %s\n", group_titles[g]);
        for (size_t i = 0; i < verb_count; i++)
            if ((int)verbs[i].group == g)
                markdown_verb(out, &verbs[i]);
    }
    for (size_t i = 0; i < topic_count; i++)
        buf_printf(out, "\n## Topic: %s\n\n%s", topics[i].name, topics[i].text);
    buf_add_cstr(out, "\nThe codes of errors: [errors](errors/README.md).\n");
}

/* ---- help and version ---- */

static int no_topic(struct hlctl *h, struct str first, struct str second, struct trouble *t)
{
    struct str typed = second.len > 0 ? arena_printf(h->arena, STR_FMT " " STR_FMT, STR_ARG(first),
                                                     STR_ARG(second))
                                      : first;
    const char *near = verb_suggest(h->arena, typed);

    trouble_set(t, "HL-USE-04", "there is no help on \"" STR_FMT "\"", STR_ARG(typed));
    if (near)
        return trouble_next(t, "did you mean: hlctl help %s", near);
    return trouble_next(t, "hlctl help");
}

static int help_one(struct hlctl *h, struct str first, struct str second, struct trouble *t)
{
    const struct verb *v = verb_find(first, second);
    const struct trouble_page *page = trouble_find(first);

    if (second.len == 0 && page) {
        trouble_page_markdown(&h->out, page);
        return EXIT_DONE;
    }
    for (size_t i = 0; second.len == 0 && i < topic_count; i++) {
        if (!str_eq(first, str_from(topics[i].name)))
            continue;
        buf_printf(&h->out, "# %s\n\n%s", topics[i].summary, topics[i].text);
        if (str_eq(first, STR("errors"))) {
            buf_add_byte(&h->out, '\n');
            for (size_t k = 0; k < trouble_page_count; k++)
                buf_printf(&h->out, "    %-16s %s\n", trouble_pages[k].id, trouble_pages[k].title);
        }
        return EXIT_DONE;
    }
    bool has_verbs = second.len == 0 && verb_is_noun(first);
    if (v && v->group != GROUP_HIDDEN)
        help_verb(&h->out, v);
    else if (has_verbs)
        help_noun(&h->out, first);
    else
        return no_topic(h, first, second, t);
    return EXIT_DONE;
}

int help_run(struct hlctl *h, struct trouble *t)
{
    size_t count = invocation_arg_count(h->in);

    if (count == 0) {
        help_overview(&h->out);
        return EXIT_DONE;
    }
    return help_one(h, invocation_arg(h->in, 0), count > 1 ? invocation_arg(h->in, 1) : STR_NONE,
                    t);
}

int version_run(struct hlctl *h, struct trouble *t)
{
    (void)t;
    if (hlctl_is_document(h)) {
        struct value *facts = value_map(h->arena);
        value_map_set_str(h->arena, facts, "version", STR(HL_VERSION));
        output_document(h, NULL, "Version", facts);
    } else {
        buf_add_cstr(&h->out, "hlctl " HL_VERSION "\n");
    }
    return EXIT_DONE;
}

/* Error codes and how they are shown. A code is never given another meaning; new ones are added. */
#include "hlctl/trouble.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/value/json.h"
#include "hlctl/safe.h"

const struct trouble_page trouble_pages[] = {
    {"HL-USE-01", EXIT_MISUSED, "unknown command", "The words after `hlctl` name no command.",
     "`hlctl help` lists the commands; the message suggests the nearest one."},
    {"HL-USE-02", EXIT_MISUSED, "wrong flag or flag value",
     "A flag is unknown to this command, lacks its value, or has a value it cannot take.",
     "`hlctl help COMMAND` lists the flags of a command with the values they take."},
    {"HL-USE-03", EXIT_MISUSED, "wrong arguments",
     "There are too few or too many arguments, or two that exclude each other.",
     "`hlctl help COMMAND` shows the arguments and examples."},
    {"HL-USE-04", EXIT_MISUSED, "no such help topic",
     "The word after `hlctl help` is no command, no topic and no error code.",
     "`hlctl help` lists commands and topics."},
    {"HL-CFG-01", EXIT_MISUSED, "configuration file missing or wrong",
     "hlctl reads its contexts from the file named by `--config`, by `HLCTL_CONFIG`, or "
     "`~/.config/hlctl/config.yaml`. The file is not there, is not the YAML that is expected, or "
     "has a key that nothing understands.",
     "`hlctl context add NAME --roster FILE --identity FILE` makes the file; the message names "
     "the line otherwise."},
    {"HL-CFG-02", EXIT_MISUSED, "file open to others",
     "The configuration decides which mesh is believed and the identity is a secret key; a file "
     "that others may read or write is refused.",
     "`chmod 600 FILE`. If others could read an identity, make a new one with `hlctl keygen "
     "identity` and revoke the old."},
    {"HL-CFG-03", EXIT_MISUSED, "no such context",
     "The context named by `--context`, `HLCTL_CONTEXT` or `current-context` is not in the "
     "configuration file, or none is selected.",
     "`hlctl context list` shows those there are, `hlctl context use NAME` selects one."},
    {"HL-CFG-04", EXIT_MISUSED, "roster not trusted",
     "The roster (mesh.json) lists the coordinators and their public keys, signed by the mesh's "
     "root key. It cannot be read, its signature does not hold, it has expired, or the root "
     "key's fingerprint is not the one that the context pins. Nothing was sent to anybody.",
     "Get mesh.json again from whoever runs the mesh and compare the fingerprint (hl-mesh:...) "
     "over another channel; correct `mesh:` in the context only if the mesh was rebuilt."},
    {"HL-KEY-01", EXIT_MISUSED, "identity cannot be used",
     "The file with your secret key cannot be read or is not a key file.",
     "`hlctl keygen identity FILE` makes one; an administrator then adds it to the mesh."},
    {"HL-FILE-01", EXIT_FAILED, "file would be overwritten",
     "Keys and contexts are never overwritten: what is lost cannot be had back.",
     "Choose another path, or move the old file away first."},
    {"HL-FILE-02", EXIT_FAILED, "file cannot be written",
     "The operating system refused to create or write a file.",
     "Check path, rights and free space; the message has the system's reason."},
    {"HL-FILE-03", EXIT_FAILED, "hlctl-mesh is not there",
     "Commands that talk to a mesh or handle keys are done by the program hlctl-mesh, which is "
     "installed with hlctl.",
     "Install the whole package, or put hlctl-mesh beside hlctl."},
    {"HL-NET-01", EXIT_UNREACHABLE, "no coordinator answers",
     "Every coordinator of the roster was tried; none answered in time. A coordinator that does "
     "not know your key does not answer either: strangers get silence.",
     "Check that the coordinators run and that you are on their network. If another identity "
     "works from here, your key is not (or no longer) admitted: ask an administrator."},
    {"HL-NET-02", EXIT_UNREACHABLE, "no leader",
     "Coordinators answer, but they have no leader: fewer than half of them reach each other, or "
     "an election is under way.",
     "Wait two seconds and try again; `hlctl raft members --stale` shows who is missing. Reads "
     "work with `--stale` and say how old they are."},
    {"HL-NET-03", EXIT_TIMED_OUT, "timed out",
     "The time of `--timeout` ran out. A change that was accepted goes on without hlctl.",
     "Look with `hlctl status` or `hlctl events`; try again with a longer `--timeout`."},
    {"HL-NET-04", EXIT_FAILED, "answer not understood",
     "A coordinator sent something this version of hlctl cannot read.",
     "Use the hlctl of the same release as the coordinators: `hlctl version`."},
    {"HL-AUTH-01", EXIT_DENIED, "not admitted",
     "The coordinator knows your key but refuses it: it was revoked or has expired.",
     "Ask an administrator of the mesh for a new identity."},
    {"HL-AUTH-05", EXIT_DENIED, "role not sufficient",
     "Your key's role does not allow this request. `hlctl help COMMAND` names the role needed.",
     "Ask an administrator. The refusal is in the audit log."},
    {"HL-OBJ-01", EXIT_FAILED, "does not exist", "The mesh knows nothing of that name.",
     "`hlctl apps`, `hlctl agents` and `hlctl token list` show the names there are."},
    {"HL-CONFLICT-01", EXIT_CONFLICT, "somebody else was first",
     "What you wanted to change has changed since, or is being changed now.",
     "Look again and repeat the command if it still makes sense."},
    {"HL-REQ-01", EXIT_FAILED, "request refused",
     "The coordinator understood the request and cannot do it.",
     "The reason says what is wrong with it."},
    {"HL-SRV-01", EXIT_FAILED, "the coordinator failed",
     "The coordinator could not do the request for a reason of its own: a full disk, a damaged "
     "file, a limit.",
     "`hlctl status` lists alarms; the coordinator's log has the same sentence."},
    {"HL-SNAP-01", EXIT_FAILED, "snapshot of no use",
     "The file is damaged, is no snapshot of a mesh, is of another mesh, or was written by a newer "
     "version; the message names the byte. Nothing was changed.",
     "Take another copy of the file: every copy carries its own checksums, `hlctl snapshot "
     "inspect FILE` proves them."},
    {"HL-CHART-01", EXIT_FAILED, "chart cannot be loaded",
     "The folder or archive is not there, is no chart, or a file of it is not what it must be; or "
     "a "
     "subchart that Chart.yaml names is missing in charts/.",
     "The message names the file. `hlctl chart deps CHART` lists subcharts that are missing."},
    {"HL-CHART-02", EXIT_FAILED, "values cannot be used",
     "A file of values or a --set is not what it must be, or the values break the rules of the "
     "chart's values.schema.json.",
     "The message names file and line, or the path of the value."},
    {"HL-CHART-03", EXIT_FAILED, "chart cannot be rendered",
     "A template ended with an error: one of its own (`fail`, `required`), a mistake in it, or a "
     "limit on time, depth, output or memory.",
     "The message is Helm's and names template, line and column."},
    {"HL-CHART-04", EXIT_FAILED, "chart cannot be had",
     "The repository or registry does not answer, does not have the chart in that version, or does "
     "not let you have it.",
     "The message has the reason. Passwords are looked for in ~/.docker/config.json."},
    {"HL-CHART-05", EXIT_CONFLICT, "a chart's version has changed",
     "The lock says that this version had another content. A repository that serves something else "
     "under a version that was published already was broken into, or published anew by mistake.",
     "Compare both with whoever publishes the chart. If the new content is meant, remove the "
     "chart's line from the lock."},
    {"HL-SYNC-01", EXIT_TIMED_OUT, "not in sync in time",
     "The applications did not reach `Synced` before `--timeout`. The mesh goes on trying.",
     "`hlctl app get NAME` shows what it waits for; `hlctl app sync NAME --watch` waits again."},
    {"HL-SYNC-02", EXIT_FAILED, "application blocked",
     "The last attempt failed with an error that the same input meets again (schema, immutable "
     "field, broken manifest), so it is not repeated until the input changes.",
     "Correct the manifest in Git; `hlctl app get NAME` has the error with file and line."},
    {"HL-SYNC-03", EXIT_FAILED, "application cannot be applied yet",
     "The addon needs something that this release does not do, or its entry is in error.",
     "`hlctl app get NAME` shows the reason and the file and line it comes from."},
};
const size_t trouble_page_count = HL_COUNT(trouble_pages);

static bool same_letters(struct str a, const char *b)
{
    return a.len == strlen(b) && strncasecmp(a.ptr, b, a.len) == 0;
}

const struct trouble_page *trouble_find(struct str id)
{
    for (size_t i = 0; i < trouble_page_count; i++)
        if (same_letters(id, trouble_pages[i].id))
            return &trouble_pages[i];
    return NULL;
}

int trouble_set(struct trouble *t, const char *id, const char *fmt, ...)
{
    va_list args;

    *t = (struct trouble){.page = trouble_find(str_from(id))};
    HL_ASSERT(t->page != NULL);
    va_start(args, fmt);
    vsnprintf(t->what, sizeof t->what, fmt, args);
    va_end(args);
    return t->page->exit;
}

bool trouble_is(const struct trouble *t, const char *id)
{
    return t->page && strcmp(t->page->id, id) == 0;
}

int trouble_why(struct trouble *t, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(t->why, sizeof t->why, fmt, args);
    va_end(args);
    return t->page->exit;
}

int trouble_next(struct trouble *t, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(t->next, sizeof t->next, fmt, args);
    va_end(args);
    return t->page->exit;
}

int trouble_err(struct trouble *t, const struct err *err)
{
    t->at = *err;
    return trouble_why(t, "%s", err->text);
}

static void print_json(struct buf *out, struct arena *a, const struct trouble *t)
{
    struct value *v = value_map(a);

    value_map_set_str(a, v, "apiVersion", STR("hlctl/v1"));
    value_map_set_str(a, v, "kind", STR("Error"));
    value_map_set_str(a, v, "code", str_from(t->page->id));
    value_map_set_int(a, v, "exit", t->page->exit);
    value_map_set_str(a, v, "what", safe_utf8(a, str_from(t->what)));
    value_map_set_str(a, v, "why", safe_utf8(a, str_from(t->why)));
    value_map_set_str(a, v, "next", safe_utf8(a, str_from(t->next[0] ? t->next : t->page->cure)));
    if (t->at.line > 0) {
        value_map_set_str(a, v, "file", safe_utf8(a, str_from(t->at.file)));
        value_map_set_int(a, v, "line", t->at.line);
        value_map_set_int(a, v, "column", t->at.column);
    }
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    json_write(&text, v, JSON_COMPACT);
    safe_json(out, buf_str(&text));
    buf_add_byte(out, '\n');
}

/* Further lines stand below the first one. */
static void print_line(struct buf *out, struct arena *a, const char *label, const char *text)
{
    struct str rest = str_from(text);

    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        buf_printf(out, "  %-5s " STR_FMT "\n", label, STR_ARG(safe_text(a, line)));
        label = "";
    }
}

void trouble_print(struct buf *out, struct arena *a, const struct trouble *t, bool as_json)
{
    char why[TROUBLE_WHY_MAX + ERR_FILE_MAX + 32];

    if (as_json) {
        print_json(out, a, t);
        return;
    }
    struct str what = safe_text(a, str_from(t->what));
    int pad = what.len < 80 ? 80 - (int)what.len : 2;
    buf_printf(out, "error: " STR_FMT "%*s%s\n", STR_ARG(what), pad, "", t->page->id);
    if (t->at.line > 0)
        snprintf(why, sizeof why, "%s:%u:%u: %s", t->at.file, t->at.line, t->at.column, t->why);
    else
        snprintf(why, sizeof why, "%s", t->why);
    print_line(out, a, "why", why);
    print_line(out, a, "next", t->next[0] ? t->next : t->page->cure);
}

void trouble_page_markdown(struct buf *out, const struct trouble_page *p)
{
    buf_printf(out, "# %s: %s\n\nhlctl ends with exit code %d.\n\n", p->id, p->title, p->exit);
    buf_printf(out, "## Why\n\n%s\n\n## What to do\n\n%s\n", p->cause, p->cure);
}

void trouble_index_markdown(struct buf *out)
{
    buf_add_cstr(out, "# Error codes of hlctl\n\nGenerated by `hlctl __docs`; the table is in "
                      "`hlctl/trouble.c`. A code keeps its meaning for ever.\n\n"
                      "| code | exit | what |\n|---|---|---|\n");
    for (size_t i = 0; i < trouble_page_count; i++)
        buf_printf(out, "| [%s](%s.md) | %d | %s |\n", trouble_pages[i].id, trouble_pages[i].id,
                   trouble_pages[i].exit, trouble_pages[i].title);
}

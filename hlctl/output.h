/*
 * Answers in the format of -o.
 *
 * A list is a table for people (columns below), or with json and yaml the document
 * {"apiVersion":"hlctl/v1","kind":"AppList","revision":N,"age_ms":n,"items":[...]} exactly as it
 * came from the mesh, or with name one "app/grafana" a line. Fields are only ever added.
 *
 * Threads: one.
 */
#ifndef HL_HLCTL_OUTPUT_H
#define HL_HLCTL_OUTPUT_H

#include "hlctl/client.h"

enum cell_kind {
    CELL_TEXT,     /* string or number as it is */
    CELL_COMMIT,   /* the first 7 letters */
    CELL_AGE,      /* milliseconds as 3s, 14m */
    CELL_BYTES,    /* as 12 MiB */
    CELL_LIST,     /* strings joined by commas */
    CELL_STATE,    /* a word with a colour; absent is "Unknown" */
    CELL_WHEN,     /* RFC 3339 text, or milliseconds of wall time */
    CELL_DURATION, /* as CELL_AGE, of time to come */
};

struct column {
    const char *title;
    const char *key; /* member of the item */
    enum cell_kind kind;
    bool is_wide; /* only with -o wide */
};

/* The colour of a word of state: Synced is good, Unknown a warning, Degraded bad. */
enum tone state_tone(struct str state);

/* One member of an item as text for people; "-" when absent. */
struct str cell_text(struct arena *a, const struct value *item, const struct column *column);

/*
 * Appends the list `items` of the answer to h->out in the format asked for. `noun` is the word
 * before the slash of -o name; names come from the member "name", else "id".
 */
void output_list(struct hlctl *h, const struct answer *answer, const char *kind, const char *noun,
                 struct value *items, const struct column *columns, size_t column_count);

/* Appends a document (json, yaml); kind, apiVersion, revision and age are added where missing. */
void output_document(struct hlctl *h, const struct answer *answer, const char *kind,
                     struct value *body);
/* A change was made: "agent/n1 revoked", or the answer's body as a document. */
void output_done(struct hlctl *h, const struct answer *answer, const char *kind, const char *noun,
                 struct str name, const char *done);
/* Appends v as one line of JSON, or as a YAML document with "---" before it. */
void output_stream(struct hlctl *h, struct value *v);

/* "1.5 MiB", "640 KiB". */
struct str text_bytes(struct arena *a, int64_t size_bytes);
/* "3s", "14m"; "-" when negative. */
struct str text_age(struct arena *a, int64_t age_ms);
/* 1 -> "1 agent", 2 -> "2 agents" */
struct str text_count(struct arena *a, size_t count, const char *one);

#endif

/*
 * Help, from the command table alone: the overview, one command, one noun, one topic.
 *
 * Threads: pure; text is appended to `out`.
 */
#ifndef HL_HLCTL_HELP_H
#define HL_HLCTL_HELP_H

#include "hlctl/verb.h"

struct topic {
    const char *name;
    const char *summary;
    const char *text; /* Markdown */
};
extern const struct topic topics[];
extern const size_t topic_count;

void help_overview(struct buf *out);
void help_verb(struct buf *out, const struct verb *v);
/* The verbs of a noun: "app". */
void help_noun(struct buf *out, struct str noun);
/* docs/cli.md */
void help_markdown(struct buf *out);

#endif

/*
 * The parser: argv and environment become an invocation of one command.
 *
 * Flags may stand anywhere; "--" ends them. "--name value", "--name=value", "-o json", "-ojson" and
 * bundles of switches ("-qv") are understood. A flag given twice is an error unless it is a list.
 * Values are checked here, so that commands meet only values that their flag allows. Where a flag
 * names an environment variable, that counts if the flag is absent.
 *
 * Ownership: the invocation lives in the arena; texts are borrowed from argv and environment.
 * Threads: pure; the environment comes in through `env`.
 * Limits:  VERB_ARGS_MAX arguments.
 */
#ifndef HL_HLCTL_PARSE_H
#define HL_HLCTL_PARSE_H

#include "hlctl/verb.h"
#include "hlctl/trouble.h"

struct invocation;

/* Looks up an environment variable; NULL if unset. */
typedef const char *(*parse_env_fn)(const char *name);

/*
 * Returns 0 with *out, or the exit code with t filled. As much of -o as could be read is in *out
 * even then, so that errors come in the right form: *out is never NULL.
 */
int parse_line(struct arena *a, int argc, const char *const *argv, parse_env_fn env,
               struct invocation **out, struct trouble *t);

/* NULL if no command was named. */
const struct verb *invocation_verb(const struct invocation *in);
bool invocation_wants_help(const struct invocation *in);
size_t invocation_arg_count(const struct invocation *in);
struct str invocation_arg(const struct invocation *in, size_t i);

/* Of a flag that the command or the globals have (asserted). Absent: false, empty, `otherwise`. */
bool flag_is_set(const struct invocation *in, const char *name);
struct str flag_text(const struct invocation *in, const char *name);
int64_t flag_number(const struct invocation *in, const char *name, int64_t otherwise);
size_t flag_list(const struct invocation *in, const char *name, struct str **out);

#endif

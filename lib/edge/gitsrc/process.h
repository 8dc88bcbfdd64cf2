/*
 * The child process: started when needed, asked, killed when it is late or talks nonsense.
 *
 * It gets a socket as descriptor 3, stderr, and nothing else: no other descriptor, no environment
 * beyond HOME (a folder of its own), its own process group. It dies with the thread that
 * started it. Whatever it answers is untrusted: frames are checked here, payloads by the caller,
 * who calls gitproc_distrust on nonsense.
 *
 * Threads: one owner.
 */
#ifndef HL_EDGE_GITSRC_PROCESS_H
#define HL_EDGE_GITSRC_PROCESS_H

#include "edge/gitsrc/message.h"
#include "edge/gitsrc/remote.h"

struct gitproc;

/*
 * `program` "" looks beside /proc/self/exe, then in libexec. `config` is the payload of CONFIG,
 * `dir` the child's folder, `place` the local repository it works on ("" = none); all are copied.
 * When one of the two folders is replaced by another, a child that was let into the old one is
 * ended and the next call starts anew. Starts nothing.
 */
struct gitproc *gitproc_new(struct str program, struct str dir, struct str place,
                            struct str config);
void gitproc_free(struct gitproc *p);
HL_DEFINE_FREEP(gitproc_free, struct gitproc)

typedef bool (*gitproc_ask)(void *context);

/*
 * One request, one answer; starts the child if there is none. *answer is borrowed until the next
 * call. `ask` answers the child's ASK (NULL = always true). Failures are the child's ERROR, or
 * HL_ETIMEOUT, HL_EIO, HL_ECORRUPT after which the child is dead and the next call starts another.
 */
HL_MUST int gitproc_call(struct gitproc *p, uint32_t kind, struct str payload, int64_t timeout_ms,
                         gitproc_ask ask, void *context, struct str *answer, struct err *err);

/* Kills the child because an answer made no sense; returns HL_ECORRUPT with `what` in err. */
int gitproc_distrust(struct gitproc *p, const char *what, struct err *err);

/* Ends the child politely, within 2 s by force; nothing if none runs. */
void gitproc_idle(struct gitproc *p);
struct str gitproc_sandbox(const struct gitproc *p);
/* Process id of the running child, 0 if none: for tests and status pages. */
int64_t gitproc_pid(const struct gitproc *p);

/* Appends the fields of CONFIG that reading and writing share. */
void gitproc_add_auth(struct buf *config, const struct git_auth *auth);
/* Text of an untrusted origin made fit for messages: control bytes and broken UTF-8 become '?'. */
struct str git_clean_text(struct arena *a, struct str s, size_t max_bytes);

#endif

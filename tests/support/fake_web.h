/*
 * A web server in a test's hand: one thread, one request a connection, answers as the test says,
 * the broken ones too.
 *
 * The handler runs in the server's thread and writes the whole answer, headers included, into
 * `out`; fake_answer helps. An empty answer hangs up; FAKE_SILENT leaves the client waiting until
 * the server is freed or the client goes.
 *
 * Threads: counters and the log are read after fake_web_free, or when no request is under way.
 */
#ifndef HL_TESTS_SUPPORT_FAKE_WEB_H
#define HL_TESTS_SUPPORT_FAKE_WEB_H

#include "base/base.h"

struct fake_request {
    struct str path;   /* with its query */
    struct str header; /* all of them, lines as they came */
};

enum fake_outcome { FAKE_ANSWERED, FAKE_SILENT };

typedef enum fake_outcome (*fake_handler)(void *context, const struct fake_request *request,
                                          struct buf *out);

struct fake_web;

struct fake_web *fake_web_new(fake_handler handle, void *context);
void fake_web_free(struct fake_web *f);
HL_DEFINE_FREEP(fake_web_free, struct fake_web)

/* On 127.0.0.1. */
unsigned fake_web_port(const struct fake_web *f);
/* Requests so far. */
unsigned fake_web_count(const struct fake_web *f);

/* A header's value, case-sensitive, or STR_NONE. */
struct str fake_header(const struct fake_request *request, const char *name);

/* "HTTP/1.1 STATUS", `headers` (lines ending in CRLF, or ""), Content-Length and the body. */
void fake_answer(struct buf *out, unsigned status, const char *headers, struct str body);

#endif

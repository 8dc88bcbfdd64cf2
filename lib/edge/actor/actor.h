/*
 * Actors: one thread, one bounded mailbox, one loop; nothing shared, nothing locked outside here.
 *
 * A message (struct msg) owns an arena with everything that it says; posting moves ownership to the
 * mailbox, taking moves it to the receiver. Kinds are numbers that each program defines; `body`
 * points into the arena. A mailbox is a ring under a mutex plus an eventfd that is readable while
 * messages wait, so an actor can poll its mailbox together with sockets; it may be readable once
 * more than that, until a take found nothing.
 *
 * Threads: mailbox functions are safe from any thread; a struct msg belongs to one at a time.
 * Limits:  a mailbox holds `capacity` messages; the poster decides what full means.
 */
#ifndef HL_EDGE_ACTOR_ACTOR_H
#define HL_EDGE_ACTOR_ACTOR_H

#include "base/base.h"

struct msg {
    int kind;
    uint64_t number; /* an index, a tag, a sequence: as the kind says */
    void *body;      /* in `arena`; NULL if the kind says all */
    struct arena *arena;
};

/* A message with an arena of its own when has_arena, else without body. */
struct msg *msg_new(int kind, bool has_arena);
void msg_free(struct msg *m);
HL_DEFINE_FREEP(msg_free, struct msg)

struct mailbox;
enum mailbox_outcome { MAILBOX_POSTED = 0, MAILBOX_FULL = 1, MAILBOX_CLOSED = 2 };

struct mailbox *mailbox_new(size_t capacity);
void mailbox_free(struct mailbox *box); /* frees what still waits */
HL_DEFINE_FREEP(mailbox_free, struct mailbox)
/* POSTED: the mailbox owns m now. Otherwise the caller still does. */
HL_MUST enum mailbox_outcome mailbox_post(struct mailbox *box, struct msg *m);
/* Posts m, or frees it if there is no room; for what the next period repeats. True if posted. */
bool mailbox_post_or_drop(struct mailbox *box, struct msg *m);
struct msg *mailbox_take(struct mailbox *box); /* NULL when empty; does not wait */
/* Waits up to timeout_ms (-1 = for ever) for a message; NULL on time-out. */
struct msg *mailbox_wait(struct mailbox *box, int64_t timeout_ms);
int mailbox_fd(const struct mailbox *box); /* readable while messages wait; see above */
size_t mailbox_count(struct mailbox *box);
/* From now on posts answer CLOSED; what waits can still be taken. */
void mailbox_close(struct mailbox *box);
bool mailbox_is_closed(struct mailbox *box);

struct actor;
/* Starts `run(context)` in a thread with all signals blocked; name at most 15 bytes. */
struct actor *actor_start(const char *name, void *(*run)(void *context), void *context);
/* Waits for the end of the thread and frees the handle; returns what run returned. */
void *actor_join(struct actor *actor);

/* CLOCK_BOOTTIME in milliseconds: monotonic, and it goes on while the machine sleeps. */
int64_t clock_now_ms(void);
int64_t clock_now_us(void);
int64_t clock_wall_ms(void);
void clock_sleep_ms(int64_t ms);

/* Blocks SIGINT, SIGTERM, SIGHUP in this thread and those it starts, ignores SIGPIPE, and returns a
 * descriptor that is readable when one of them came. Call before any thread exists. */
int signals_open(void);
/* The signal that came, 0 if none did. */
int signals_take(int fd);

#endif

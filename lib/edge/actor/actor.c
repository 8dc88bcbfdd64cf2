/* Mailboxes, threads, clocks and signals. */
#include "edge/actor/actor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

struct mailbox {
    pthread_mutex_t mutex;
    int fd;
    bool is_closed;
    size_t head;
    size_t count;
    size_t capacity;
    struct msg *ring[];
};

struct msg *msg_new(int kind, bool has_arena)
{
    struct msg *m = hl_calloc(1, sizeof(*m));

    m->kind = kind;
    m->arena = has_arena ? arena_new() : NULL;
    return m;
}

void msg_free(struct msg *m)
{
    if (!m)
        return;
    arena_free(m->arena);
    free(m);
}

struct mailbox *mailbox_new(size_t capacity)
{
    struct mailbox *box = hl_calloc(1, sizeof(*box) + capacity * sizeof(box->ring[0]));

    box->capacity = capacity;
    box->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (box->fd < 0)
        hl_die("eventfd");
    pthread_mutex_init(&box->mutex, NULL);
    return box;
}

void mailbox_free(struct mailbox *box)
{
    struct msg *m;

    if (!box)
        return;
    while ((m = mailbox_take(box)))
        msg_free(m);
    close(box->fd);
    pthread_mutex_destroy(&box->mutex);
    free(box);
}

/*
 * The eventfd is set by whoever puts the first message in, after letting go of the mutex: whoever
 * wakes shall not wait for it again. It is cleared by a taker who finds nothing, before it looks
 * once more. So it may be set without a message, for one look, but is never clear with one.
 */
static void set_signal(struct mailbox *box)
{
    uint64_t one = 1;

    if (write(box->fd, &one, sizeof(one)) != (ssize_t)sizeof(one) && errno != EAGAIN)
        hl_die("eventfd of a mailbox");
}

static void clear_signal(struct mailbox *box)
{
    uint64_t count;

    if (read(box->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
        hl_die("eventfd of a mailbox");
}

enum mailbox_outcome mailbox_post(struct mailbox *box, struct msg *m)
{
    enum mailbox_outcome outcome = MAILBOX_POSTED;
    bool is_first = false;

    pthread_mutex_lock(&box->mutex);
    if (box->is_closed) {
        outcome = MAILBOX_CLOSED;
    } else if (box->count == box->capacity) {
        outcome = MAILBOX_FULL;
    } else {
        is_first = box->count == 0;
        box->ring[(box->head + box->count++) % box->capacity] = m;
    }
    pthread_mutex_unlock(&box->mutex);
    if (is_first)
        set_signal(box);
    return outcome;
}

bool mailbox_post_or_drop(struct mailbox *box, struct msg *m)
{
    if (mailbox_post(box, m) == MAILBOX_POSTED)
        return true;
    msg_free(m);
    return false;
}

static struct msg *take_first(struct mailbox *box)
{
    struct msg *m = NULL;

    pthread_mutex_lock(&box->mutex);
    if (box->count > 0) {
        m = box->ring[box->head];
        box->head = (box->head + 1) % box->capacity;
        box->count--;
    }
    pthread_mutex_unlock(&box->mutex);
    return m;
}

struct msg *mailbox_take(struct mailbox *box)
{
    struct msg *m = take_first(box);

    if (m)
        return m;
    clear_signal(box);
    return take_first(box);
}

struct msg *mailbox_wait(struct mailbox *box, int64_t timeout_ms)
{
    int64_t due_ms = timeout_ms < 0 ? INT64_MAX : clock_now_ms() + timeout_ms;

    for (;;) {
        struct msg *m = mailbox_take(box);
        int64_t left_ms = timeout_ms < 0 ? -1 : due_ms - clock_now_ms();

        if (m || (timeout_ms >= 0 && left_ms <= 0))
            return m;
        struct pollfd in = {.fd = box->fd, .events = POLLIN};
        if (poll(&in, 1, left_ms > 60000 ? 60000 : (int)left_ms) < 0 && errno != EINTR)
            hl_die("poll of a mailbox");
    }
}

int mailbox_fd(const struct mailbox *box)
{
    return box->fd;
}

size_t mailbox_count(struct mailbox *box)
{
    pthread_mutex_lock(&box->mutex);
    size_t count = box->count;
    pthread_mutex_unlock(&box->mutex);
    return count;
}

void mailbox_close(struct mailbox *box)
{
    pthread_mutex_lock(&box->mutex);
    box->is_closed = true;
    pthread_mutex_unlock(&box->mutex);
}

bool mailbox_is_closed(struct mailbox *box)
{
    pthread_mutex_lock(&box->mutex);
    bool is_closed = box->is_closed;
    pthread_mutex_unlock(&box->mutex);
    return is_closed;
}

struct actor {
    pthread_t thread;
    char name[16];
    void *(*run)(void *context);
    void *context;
};

/* The thread names itself, so that run is never seen under another name. */
static void *run_actor(void *argument)
{
    struct actor *actor = argument;

    pthread_setname_np(pthread_self(), actor->name);
    return actor->run(actor->context);
}

struct actor *actor_start(const char *name, void *(*run)(void *context), void *context)
{
    enum { STACK_BYTES = 1 << 20 }; /* address space; only what is touched costs memory */
    struct actor *actor = hl_calloc(1, sizeof(*actor));
    pthread_attr_t attr;
    sigset_t all;
    sigset_t before;

    snprintf(actor->name, sizeof(actor->name), "%s", name);
    actor->run = run;
    actor->context = context;
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int r = pthread_create(&actor->thread, &attr, run_actor, actor);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    errno = r;
    if (r != 0)
        hl_die("cannot start the thread %s", name);
    return actor;
}

void *actor_join(struct actor *actor)
{
    void *result = NULL;

    if (!actor)
        return NULL;
    pthread_join(actor->thread, &result);
    free(actor);
    return result;
}

static int64_t clock_read_us(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_now_ms(void)
{
    return clock_read_us(CLOCK_BOOTTIME) / 1000;
}

int64_t clock_now_us(void)
{
    return clock_read_us(CLOCK_BOOTTIME);
}

int64_t clock_wall_ms(void)
{
    return clock_read_us(CLOCK_REALTIME) / 1000;
}

void clock_sleep_ms(int64_t ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    while (nanosleep(&t, &t) != 0 && errno == EINTR) {
    }
}

int signals_open(void)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        hl_die("signalfd");
    return fd;
}

int signals_take(int fd)
{
    struct signalfd_siginfo info;

    return read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}

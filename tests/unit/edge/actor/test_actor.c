/* Mailboxes under real threads, clocks and signals. ThreadSanitizer runs this file too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "edge/actor/actor.h"

static bool is_readable(int fd)
{
    struct pollfd in = {.fd = fd, .events = POLLIN};

    return poll(&in, 1, 0) == 1;
}

static struct msg *numbered(int kind, uint64_t number)
{
    struct msg *m = msg_new(kind, false);

    m->number = number;
    return m;
}

static void messages_come_out_in_the_order_they_went_in(void **state)
{
    HL_CLEANUP(mailbox_freep) struct mailbox *box = mailbox_new(3);

    (void)state;
    assert_null(mailbox_take(box));
    for (uint64_t round = 0; round < 10; round++) {
        for (uint64_t i = 0; i < 3; i++)
            assert_int_equal(mailbox_post(box, numbered(1, 3 * round + i)), MAILBOX_POSTED);
        for (uint64_t i = 0; i < 3; i++) {
            HL_CLEANUP(msg_freep) struct msg *m = mailbox_take(box);
            assert_int_equal(m->number, 3 * round + i);
        }
    }
    assert_null(mailbox_take(box));
}

static void a_full_mailbox_refuses_and_the_poster_keeps_the_message(void **state)
{
    HL_CLEANUP(mailbox_freep) struct mailbox *box = mailbox_new(1);
    HL_CLEANUP(msg_freep) struct msg *second = msg_new(2, true);

    (void)state;
    assert_int_equal(mailbox_post(box, msg_new(1, true)), MAILBOX_POSTED);
    assert_int_equal(mailbox_post(box, second), MAILBOX_FULL);
    assert_int_equal(mailbox_count(box), 1);
    assert_false(mailbox_post_or_drop(box, msg_new(3, true)));
    msg_free(mailbox_take(box));
    assert_true(mailbox_post_or_drop(box, msg_new(3, true)));
}

static void a_closed_mailbox_refuses_but_gives_what_waits(void **state)
{
    HL_CLEANUP(mailbox_freep) struct mailbox *box = mailbox_new(4);
    HL_CLEANUP(msg_freep) struct msg *late = msg_new(2, false);

    (void)state;
    assert_int_equal(mailbox_post(box, msg_new(1, false)), MAILBOX_POSTED);
    mailbox_close(box);
    assert_int_equal(mailbox_post(box, late), MAILBOX_CLOSED);
    HL_CLEANUP(msg_freep) struct msg *m = mailbox_take(box);
    assert_int_equal(m->kind, 1);
}

static void the_descriptor_is_readable_while_messages_wait(void **state)
{
    HL_CLEANUP(mailbox_freep) struct mailbox *box = mailbox_new(4);

    (void)state;
    assert_false(is_readable(mailbox_fd(box)));
    assert_int_equal(mailbox_post(box, msg_new(1, false)), MAILBOX_POSTED);
    assert_int_equal(mailbox_post(box, msg_new(1, false)), MAILBOX_POSTED);
    assert_true(is_readable(mailbox_fd(box)));
    msg_free(mailbox_take(box));
    assert_true(is_readable(mailbox_fd(box)));
    msg_free(mailbox_take(box));
    assert_null(mailbox_take(box)); /* only who found nothing may sleep */
    assert_false(is_readable(mailbox_fd(box)));
}

static void waiting_ends_with_its_time(void **state)
{
    HL_CLEANUP(mailbox_freep) struct mailbox *box = mailbox_new(4);
    int64_t before_ms = clock_now_ms();

    (void)state;
    assert_null(mailbox_wait(box, 0));
    assert_null(mailbox_wait(box, 20));
    assert_true(clock_now_ms() - before_ms >= 19);
}

/* ---- with threads ---- */

enum { POSTERS = 4, EACH = 5000, MSG_WORK = 1, MSG_STOP = 2 };

struct counter {
    struct mailbox *box;
    uint64_t sum;
    uint64_t last[POSTERS];
    bool is_in_order;
};

static void *count_until_stopped(void *context)
{
    struct counter *c = context;

    for (;;) {
        HL_CLEANUP(msg_freep) struct msg *m = mailbox_wait(c->box, -1);
        if (m->kind == MSG_STOP)
            return c;
        uint64_t *body = m->body;
        uint64_t poster = body[0];
        c->is_in_order = c->is_in_order && m->number > c->last[poster];
        c->last[poster] = m->number;
        c->sum += body[1];
    }
}

struct poster {
    struct mailbox *box;
    uint64_t index;
    uint64_t refused;
};

static void *post_many(void *context)
{
    struct poster *p = context;

    for (uint64_t i = 1; i <= EACH; i++) {
        struct msg *m = msg_new(MSG_WORK, true);
        uint64_t *body = arena_array(m->arena, uint64_t, 2);

        body[0] = p->index;
        body[1] = i;
        m->body = body;
        m->number = i;
        while (mailbox_post(p->box, m) == MAILBOX_FULL) {
            p->refused++;
            sched_yield();
        }
    }
    return p;
}

static void four_posters_lose_nothing_and_each_keeps_its_order(void **state)
{
    HL_CLEANUP(mailbox_freep) struct mailbox *box = mailbox_new(16);
    struct counter counter = {.box = box, .is_in_order = true};
    struct poster poster[POSTERS];
    struct actor *actor[POSTERS];

    (void)state;
    struct actor *receiver = actor_start("counter", count_until_stopped, &counter);
    for (uint64_t i = 0; i < POSTERS; i++) {
        poster[i] = (struct poster){.box = box, .index = i};
        actor[i] = actor_start("poster", post_many, &poster[i]);
    }
    for (size_t i = 0; i < POSTERS; i++)
        assert_ptr_equal(actor_join(actor[i]), &poster[i]);
    struct msg *stop = msg_new(MSG_STOP, false);
    while (mailbox_post(box, stop) == MAILBOX_FULL)
        sched_yield();
    assert_ptr_equal(actor_join(receiver), &counter);
    assert_true(counter.is_in_order);
    assert_int_equal(counter.sum, (uint64_t)POSTERS * EACH * (EACH + 1) / 2);
}

static void *name_and_mask(void *context)
{
    sigset_t *mask = context;
    static char name[16];

    pthread_sigmask(SIG_SETMASK, NULL, mask);
    pthread_getname_np(pthread_self(), name, sizeof(name));
    return name;
}

static void an_actor_has_its_name_and_takes_no_signals(void **state)
{
    sigset_t mask;
    sigset_t ours;

    (void)state;
    sigemptyset(&mask);
    assert_string_equal(actor_join(actor_start("a-name", name_and_mask, &mask)), "a-name");
    assert_string_equal(actor_join(actor_start("a name that is too long", name_and_mask, &mask)),
                        "a name that is ");
    assert_true(sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGINT) == 1);
    pthread_sigmask(SIG_SETMASK, NULL, &ours);
    assert_false(sigismember(&ours, SIGTERM) == 1);
}

static void joining_nothing_is_fine(void **state)
{
    (void)state;
    assert_null(actor_join(NULL));
    msg_free(NULL);
    mailbox_free(NULL);
}

static void clocks_do_not_go_back(void **state)
{
    int64_t us = clock_now_us();

    (void)state;
    for (int i = 0; i < 1000; i++) {
        int64_t next_us = clock_now_us();
        assert_true(next_us >= us);
        us = next_us;
    }
    assert_true(clock_now_ms() >= us / 1000);
    assert_true(clock_wall_ms() > INT64_C(1700000000000));
}

/* Last: it changes the signal mask of the process. */
static void a_signal_becomes_a_readable_descriptor(void **state)
{
    int fd = signals_open();

    (void)state;
    assert_int_equal(signals_take(fd), 0);
    assert_false(is_readable(fd));
    kill(getpid(), SIGTERM);
    kill(getpid(), SIGHUP);
    assert_true(is_readable(fd));
    int first = signals_take(fd);
    int second = signals_take(fd);
    assert_true((first == SIGTERM && second == SIGHUP) || (first == SIGHUP && second == SIGTERM));
    assert_int_equal(signals_take(fd), 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_out_in_the_order_they_went_in),
        cmocka_unit_test(a_full_mailbox_refuses_and_the_poster_keeps_the_message),
        cmocka_unit_test(a_closed_mailbox_refuses_but_gives_what_waits),
        cmocka_unit_test(the_descriptor_is_readable_while_messages_wait),
        cmocka_unit_test(waiting_ends_with_its_time),
        cmocka_unit_test(four_posters_lose_nothing_and_each_keeps_its_order),
        cmocka_unit_test(an_actor_has_its_name_and_takes_no_signals),
        cmocka_unit_test(joining_nothing_is_fine),
        cmocka_unit_test(clocks_do_not_go_back),
        cmocka_unit_test(a_signal_becomes_a_readable_descriptor),
    };
    return cmocka_run_group_tests_name("edge/actor", tests, NULL, NULL);
}

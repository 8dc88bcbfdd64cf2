/* A flat table, scanned: 256 short comparisons for a message that costs a key exchange anyway. */
#include "edge/wire/stranger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stranger {
    char address[STRANGER_ADDRESS_MAX]; /* empty: a free slot */
    int64_t heard_ms;
    int64_t minute_ms; /* when the counts began */
    int asks;
    int refusals;
    int64_t silent_until_ms;
};

struct strangers {
    struct stranger slot[STRANGERS_MAX];
};

struct strangers *strangers_new(void)
{
    return hl_calloc(1, sizeof(struct strangers));
}

void strangers_free(struct strangers *t)
{
    free(t);
}

static bool is_older(const struct stranger *a, const struct stranger *b)
{
    if ((a->address[0] == '\0') != (b->address[0] == '\0'))
        return a->address[0] == '\0';
    return a->heard_ms < b->heard_ms;
}

static struct stranger *find_or_take(struct strangers *t, const char *address, int64_t now_ms)
{
    struct stranger *oldest = &t->slot[0];

    for (size_t i = 0; i < STRANGERS_MAX; i++) {
        if (strncmp(t->slot[i].address, address, STRANGER_ADDRESS_MAX - 1) == 0)
            return &t->slot[i];
        if (is_older(&t->slot[i], oldest))
            oldest = &t->slot[i];
    }
    *oldest = (struct stranger){.minute_ms = now_ms};
    snprintf(oldest->address, sizeof(oldest->address), "%s", address);
    return oldest;
}

bool stranger_may_ask(struct strangers *t, const char *address, int64_t now_ms, uint32_t *out_slot)
{
    struct stranger *s = find_or_take(t, address[0] ? address : "?", now_ms);

    *out_slot = (uint32_t)(s - t->slot) + 1;
    s->heard_ms = now_ms;
    if (now_ms - s->minute_ms >= 60000) {
        s->minute_ms = now_ms;
        s->asks = 0;
        s->refusals = 0;
    }
    if (s->refusals >= STRANGER_REFUSALS || now_ms < s->silent_until_ms)
        return false;
    return ++s->asks <= STRANGER_ASKS;
}

void stranger_was_refused(struct strangers *t, uint32_t slot, int64_t now_ms)
{
    HL_ASSERT(slot <= STRANGERS_MAX);
    if (slot == 0)
        return;
    t->slot[slot - 1].refusals++;
    t->slot[slot - 1].silent_until_ms = now_ms + STRANGER_PAUSE_MS;
}

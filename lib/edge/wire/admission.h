/*
 * The admission table: which key is whom at which door, and the quota of each; internal to
 * edge/wire. It answers ZAP at the handshake and is asked again for every message.
 */
#ifndef HL_EDGE_WIRE_ADMISSION_H
#define HL_EDGE_WIRE_ADMISSION_H

#include "edge/wire/messages.h"

struct guest {
    struct key key;
    enum door door;
    struct str slot; /* the door's byte and the name: its place in the table of names */
    struct str name; /* within slot */
    struct str role;
    unsigned role_bits;
    unsigned char connection[32]; /* the newest that a message came from; len 0 = none */
    size_t connection_len;
    unsigned char before[32]; /* the one before that */
    size_t before_len;
    int64_t replaced_ms; /* when `connection` took the place of `before` */
    int64_t alarmed_ms;  /* last clone alarm; -1 = never */
    int64_t heard_ms;    /* last message; -1 = never */
    int64_t tokens_ms;   /* of the quota: when it was last filled */
    int64_t bytes_left;  /* what may still come now */
    int64_t messages_left;
};

struct admission;

struct admission *admission_new(uint64_t seed);
void admission_free(struct admission *t);
void admission_set(struct admission *t, enum door door, const struct key *key, struct str name,
                   struct str role);
/* True if the key was there. */
bool admission_drop(struct admission *t, enum door door, const struct key *key);
struct guest *admission_find(struct admission *t, enum door door, const struct key *key);
struct guest *admission_find_name(struct admission *t, enum door door, struct str name);
size_t admission_count(const struct admission *t);
struct guest *admission_at(struct admission *t, size_t i);

/*
 * A message came from the guest over connection `id`. libzmq gives every connection a new id, so
 * one that still speaks CLONE_GRACE_MS after another took its place means two live connections with
 * one key: true, once in CLONE_ALARM_MS. (Within the grace it is what stood in its queue.) Peers
 * and agents have one connection each; people may have several, for them the answer is always
 * false.
 */
enum { CLONE_GRACE_MS = 2000, CLONE_ALARM_MS = 10000, CONNECTION_ID_MAX = 32 };
bool guest_heard(struct guest *g, const unsigned char *id, size_t id_len, int64_t now_ms);

/* Takes a message of `bytes` from the guest's quota; false when it is used up. */
bool guest_may_spend(struct guest *g, size_t bytes, int64_t now_ms);

#endif

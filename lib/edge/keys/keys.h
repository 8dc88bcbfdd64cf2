/*
 * Keys: who is who in a mesh, in files.
 *
 * Every process has Curve25519 key pairs (32 bytes a key; as text Z85, 40 characters, the form that
 * ZeroMQ users know). The mesh itself has an Ed25519 root key that stays offline: it signs the
 * roster of coordinators, and its fingerprint "hl-mesh:<43 base64url characters>" is what agents
 * and people pin, so there is no trust on first use (security.md 5.4).
 *
 * Files that hold a secret are JSON, written with mode 0600 through a temporary file, fsync and
 * rename, and refused (HL_EDENIED, with the mode and the command that mends it) when group or
 * others may read them. Secret keys are wiped by keys_wipe.
 *
 * Threads: pure functions of their arguments and files. Random numbers are libsodium's.
 * Limits:  KEYS_MEMBERS_MAX coordinators, KEYS_PEOPLE_MAX people, files of 1 MiB.
 */
#ifndef HL_EDGE_KEYS_KEYS_H
#define HL_EDGE_KEYS_KEYS_H

#include "base/base.h"

enum {
    KEY_BYTES = 32,
    KEY_TEXT = 40,
    KEYS_MEMBERS_MAX = 9,
    KEYS_PEOPLE_MAX = 256,
    MESH_TEXT_MAX = 64
};

/* The doors of a coordinator: separate sockets, keys and limits. */
enum door { DOOR_PEER, DOOR_AGENT, DOOR_CLIENT, DOOR_ENROL, DOOR_COUNT };
const char *door_name(enum door door); /* "peer", "agent", "client", "enrol" */

struct key {
    unsigned char bytes[KEY_BYTES];
};

struct key_pair {
    struct key public_key;
    struct key secret_key;
};

bool key_eq(const struct key *a, const struct key *b);
const char *key_text(const struct key *k, char out[KEY_TEXT + 1]);
HL_MUST bool key_parse(struct str text, struct key *out);

/* Prepares libsodium; call once before threads start. Ends the process if it cannot. */
void keys_init(void);
void keys_random(void *out, size_t len);
uint64_t keys_random_u64(void);
struct key_pair key_pair_new(void);
void keys_wipe(void *secret, size_t len);
/* Compares in constant time. */
bool keys_equal(const void *a, const void *b, size_t len);
/* No core dumps, not traceable by others of the same user, files made are private (S-7); as many
 * descriptors as the hard limit allows (S-6). */
void keys_harden_process(void);

/* ---- the roster: mesh.json ---- */

struct roster_member {
    uint64_t id;
    struct str name;
    struct str endpoint[DOOR_COUNT]; /* "tcp://10.0.4.101:7401" */
    struct key key[DOOR_COUNT];
};

/* A person known from the start; others come by `token create --role`. */
struct roster_person {
    struct str name;
    struct str role; /* "viewer", "operator", "admin" */
    struct key key;
};

struct roster {
    char mesh[MESH_TEXT_MAX];           /* fingerprint of the root key */
    uint64_t epoch;                     /* grows with each revision */
    uint64_t founder[KEYS_MEMBERS_MAX]; /* ids that the mesh began with: the first members of its
                                           log, whoever is in the roster now */
    size_t founder_count;
    uint64_t next_id; /* of the next coordinator: no id is ever given twice */
    struct roster_member member[KEYS_MEMBERS_MAX];
    size_t member_count;
    struct roster_person *person;
    size_t person_count;
};

/*
 * Reads and verifies a roster: the signature must be the root key's, and its fingerprint must be
 * `mesh`. HL_EDENIED when not; HL_EINVAL for a malformed file. Strings live in `a`.
 */
HL_MUST int roster_load(struct str path, struct str mesh, struct arena *a, struct roster *out,
                        struct err *err);
HL_MUST int roster_parse(struct str text, struct str file, struct str mesh, struct arena *a,
                         struct roster *out, struct err *err);
const struct roster_member *roster_find(const struct roster *r, uint64_t id);
bool roster_is_founder(const struct roster *r, uint64_t id);
const struct roster_member *roster_find_name(const struct roster *r, struct str name);

/* ---- secret files ---- */

/* A coordinator's four key pairs; they must be those of member `id` in the roster. */
struct coordinator_keys {
    struct key_pair pair[DOOR_COUNT];
};
HL_MUST int coordinator_keys_load(struct str path, const struct roster_member *member,
                                  struct coordinator_keys *out, struct err *err);

/* An identity of an agent or a person: {"name", "role", "public", "secret"}. */
struct identity {
    struct str name;
    struct str role;
    struct key_pair pair;
};
HL_MUST int identity_load(struct str path, struct arena *a, struct identity *out, struct err *err);
HL_MUST int identity_save(struct str path, const struct identity *id, struct err *err);

/* Whole small files. secret_read refuses wide modes. Blanks at both ends stay. */
HL_MUST int file_read(struct str path, struct arena *a, struct str *out, struct err *err);
HL_MUST int secret_read(struct str path, struct arena *a, struct str *out, struct err *err);
HL_MUST int file_write(struct str path, struct str bytes, unsigned mode, struct err *err);

/* ---- making a mesh ---- */

struct mesh_spec {
    struct str dir; /* made if absent; must not hold a mesh already (HL_ECONFLICT) */
    struct roster_member member[KEYS_MEMBERS_MAX]; /* name and endpoints; ids and keys are made */
    size_t member_count;
    struct str admin; /* name of the first admin */
};

/*
 * Writes dir/root.key (keep it offline), dir/mesh.json, dir/<name>/coordinator.key for each member
 * and dir/<admin>.key. *out_mesh gets the fingerprint. Nothing is left behind after a failure, and
 * no file is ever replaced: HL_ECONFLICT names the one that is there already.
 */
HL_MUST int mesh_create(const struct mesh_spec *spec, char out_mesh[MESH_TEXT_MAX],
                        struct err *err);

struct mesh_revision {
    struct str dir;                  /* of mesh_create, with root.key back in it */
    const struct roster_member *add; /* name and endpoints; NULL: nobody */
    struct str drop;                 /* name of a coordinator; empty: none */
};

/*
 * Writes dir/mesh.json anew, with the next epoch, and dir/<name>/coordinator.key for whoever is
 * added, with an id that nobody had. HL_EABSENT: no such coordinator to drop, or no mesh there;
 * HL_ECONFLICT: the name, an endpoint or the file is taken; HL_ELIMIT: too many, or the last would
 * go. Nothing is left behind after a failure.
 */
HL_MUST int mesh_revise(const struct mesh_revision *revision, uint64_t *out_id, uint64_t *out_epoch,
                        struct err *err);

/* ---- join tokens: "hl1.<8 characters id>.<26 characters secret>", base32, 130 bits ---- */

enum { TOKEN_ID_LEN = 8, TOKEN_SECRET_LEN = 26, TOKEN_TEXT_MAX = 48 };

struct join_token {
    char id[TOKEN_ID_LEN + 1];
    struct digest secret_hash; /* all that coordinators keep */
};

/* A new token; its text is shown once. */
void token_new(char out_text[TOKEN_TEXT_MAX], struct join_token *out);
HL_MUST bool token_parse(struct str text, struct join_token *out);

/*
 * Proof that the sender holds the token, bound to both keys, the node and the mesh, so that it is
 * of no use to another: HMAC-SHA256 under secret_hash of (server key, agent key, node, mesh).
 */
struct digest token_proof(const struct digest *secret_hash, const struct key *server_key,
                          const struct key *agent_key, struct str node, struct str mesh);

#endif

/*
 * What reading and making the files of a mesh share; internal to edge/keys.
 *
 * Threads: pure functions of their arguments and files.
 */
#ifndef HL_EDGE_KEYS_ROSTER_H
#define HL_EDGE_KEYS_ROSTER_H

#include "core/value/value.h"
#include "edge/keys/keys.h"

/* "hl-mesh:<43 characters>" of an Ed25519 public key. */
void roster_fingerprint(const unsigned char public_key[32], char out[MESH_TEXT_MAX]);
/* The document without "signature", as it was signed. */
void roster_signed_bytes(struct buf *out, struct arena *a, const struct value *document);
/* Names of coordinators and people are names of files, too. */
bool roster_is_name(struct str name);
/* "tcp://ADDRESS:PORT", IPv6 in brackets; port "*" or 0 lets the system choose. */
bool roster_is_endpoint(struct str s);

/* A file that holds a secret: its text and what was read from it; secret_wipe both. */
struct secret_document {
    struct str text;
    struct value *root;
};
HL_MUST int secret_document_read(struct str path, struct arena *a, struct secret_document *out,
                                 struct err *err);
HL_MUST int secret_document_write(struct str path, const struct value *document, unsigned mode,
                                  struct err *err);
struct value *secret_pair_value(struct arena *a, const struct key_pair *pair);
void secret_wipe(struct str s);

#endif

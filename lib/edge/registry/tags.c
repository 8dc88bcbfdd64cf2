/*
 * OCI registries as a source: a tag is a version, its manifest names the archive. A version with a
 * '+' is tagged with '_'.
 */
#include <stdlib.h>

#include "core/value/json.h"
#include "edge/registry/archive.h"
#include "edge/registry/source.h"

enum { CONFIG_MAX = 1 << 20 };

struct candidate {
    struct str tag;
    struct semver version;
    size_t place;
};

static int newest_first(const void *x, const void *y)
{
    const struct candidate *a = x;
    const struct candidate *b = y;
    int order = semver_cmp(&b->version, &a->version);

    return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

/* The newest tag that is a version in the range. */
static int pick_tag(const struct oci_tags *tags, struct str range, struct arena *a, struct str *out,
                    struct err *err)
{
    struct candidate *c = arena_array(a, struct candidate, tags->count);
    const struct semver_range *wanted;
    size_t count = 0;

    int rc = semver_range_parse(a, range.len > 0 ? range : STR("*"), &wanted, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < tags->count; i++) {
        struct str version = oci_version(a, tags->tag[i]);
        if (semver_parse_strict(a, version, &c[count].version, NULL) < 0)
            continue;
        c[count].tag = version;
        c[count].place = i;
        count++;
    }
    if (count > 1)
        qsort(c, count, sizeof(*c), newest_first);
    for (size_t i = 0; i < count; i++) {
        if (semver_range_has(wanted, &c[i].version)) {
            *out = c[i].tag;
            return 0;
        }
    }
    return err_set(err, HL_EABSENT, "no tag of it satisfies \"" STR_FMT "\"", STR_ARG(range));
}

static int resolve_tag(struct registry *r, const struct oci_place *place, struct str range,
                       struct arena *a, struct registry_chart *out, struct err *err)
{
    struct oci_manifest manifest;
    struct oci_tags tags;
    int rc = 0;

    out->version = range;
    if (!is_exact(a, range)) {
        rc = oci_list_tags(r->oci, place, a, &tags, err);
        if (rc == 0)
            rc = pick_tag(&tags, range, a, &out->version, err);
    }
    if (rc == 0)
        rc = oci_get_manifest(r->oci, place, oci_tag(a, out->version), a, &manifest, err);
    if (rc == 0)
        out->digest = manifest.chart;
    return rc;
}

static int check_range(struct str version, struct str range, struct arena *a, struct err *err)
{
    const struct semver_range *wanted;
    struct semver v;

    int rc = semver_parse(a, version, &v, err);
    if (rc < 0 || range.len == 0)
        return rc;
    rc = semver_range_parse(a, range, &wanted, err);
    if (rc < 0)
        return rc;
    return semver_range_has(wanted, &v)
               ? 0
               : err_set(err, HL_EABSENT,
                         "that manifest is version " STR_FMT ", not \"" STR_FMT "\"",
                         STR_ARG(version), STR_ARG(range));
}

/* The config of a chart is its Chart.yaml as JSON: it says the version that no tag says. */
static int resolve_digest(struct registry *r, const struct oci_place *place, struct str digest,
                          struct str range, struct arena *a, struct registry_chart *out,
                          struct err *err)
{
    struct oci_manifest manifest;
    struct value *config;
    struct str json;

    int rc = oci_get_manifest(r->oci, place, digest, a, &manifest, err);
    if (rc == 0)
        rc = oci_get_blob(r->oci, place, &manifest.config, CONFIG_MAX, a, &json, err);
    if (rc == 0)
        rc = json_read(a, json, STR("config"), &config, err);
    if (rc < 0)
        return rc;
    out->version = value_get_str(config, "version");
    out->digest = manifest.chart;
    return check_range(out->version, range, a, err);
}

/* "nginx@sha256:..." apart. */
static struct str pinned(struct str *name)
{
    size_t at = str_find(*name, STR("@"), 0);
    struct str digest = at == SIZE_MAX ? STR_NONE : str_sub(*name, at + 1, name->len);

    *name = str_sub(*name, 0, at);
    return digest;
}

int oci_resolve(struct registry *r, struct str range, struct arena *a, struct registry_chart *out,
                struct err *err)
{
    struct str name = out->name;
    struct str digest = pinned(&name);
    struct oci_place place;
    struct digest parsed;

    int rc = oci_place(a, out->repository, name, r->is_oci_plain, &place, err);
    if (rc < 0)
        return rc;
    if (digest.len > 0 && !oci_digest(digest, &parsed))
        return err_set(err, HL_EINVAL, "\"" STR_FMT "\" is no sha256 digest", STR_ARG(digest));
    out->name = name;
    rc = digest.len > 0 ? resolve_digest(r, &place, digest, range, a, out, err)
                        : resolve_tag(r, &place, range, a, out, err);
    return rc < 0 ? err_wrap(err, "chart " STR_FMT " of " STR_FMT, STR_ARG(name),
                             STR_ARG(out->repository))
                  : 0;
}

int oci_fetch(struct registry *r, const struct registry_chart *chart, struct arena *a,
              struct str *out, struct err *err)
{
    struct oci_place place;

    int rc = oci_place(a, chart->repository, chart->name, r->is_oci_plain, &place, err);
    return rc < 0 ? rc
                  : oci_get_blob(r->oci, &place, &chart->digest, ARCHIVE_PACKED_MAX, a, out, err);
}

/* "oci://host/path:tag" apart. */
static int split_url(struct registry *r, struct str url, struct arena *a, struct oci_place *place,
                     struct str *tag, struct err *err)
{
    size_t colon = url.len;

    while (colon > 0 && url.ptr[colon - 1] != ':' && url.ptr[colon - 1] != '/')
        colon--;
    if (colon < 8 || url.ptr[colon - 1] != ':')
        return err_set(err, HL_EINVAL, "\"" STR_FMT "\" names no tag", STR_ARG(url));
    *tag = str_sub(url, colon, url.len);
    if (!is_exact(a, oci_version(a, *tag)))
        return err_set(err, HL_EINVAL, "\"" STR_FMT "\": its tag is no version", STR_ARG(url));
    return oci_place(a, str_sub(url, 0, colon - 1), STR_NONE, r->is_oci_plain, place, err);
}

int oci_find(struct registry *r, struct str url, struct arena *a, struct digest *out,
             struct err *err)
{
    struct oci_manifest manifest;
    struct oci_place place;
    struct str tag;

    int rc = split_url(r, url, a, &place, &tag, err);
    if (rc == 0)
        rc = oci_get_manifest(r->oci, &place, oci_tag(a, tag), a, &manifest, err);
    if (rc == 0)
        *out = manifest.chart;
    return rc;
}

int oci_fetch_url(struct registry *r, struct str url, const struct digest *digest, struct arena *a,
                  struct str *out, struct err *err)
{
    struct oci_place place;
    struct str tag;

    int rc = split_url(r, url, a, &place, &tag, err);
    return rc < 0 ? rc : oci_get_blob(r->oci, &place, digest, ARCHIVE_PACKED_MAX, a, out, err);
}

/* Modes semver, semverparse and semvercmp: versions, and ranges that have them or not. */
#include "conformance/vectors.h"
#include "core/semver/semver.h"

#include <inttypes.h>

static int fail(struct arena *a, const struct err *err, struct outcome *out)
{
    out->error = arena_dup(a, str_from(err->text));
    return err->code;
}

static int run_semver(struct arena *a, const struct vector *v, struct outcome *out)
{
    const struct semver_range *range;
    struct semver version;
    struct err err;

    if (semver_range_parse(a, vector_arg(v, 0), &range, &err) < 0 ||
        semver_parse(a, vector_arg(v, 1), &version, &err) < 0)
        return fail(a, &err, out);
    out->out = semver_range_has(range, &version) ? STR("true") : STR("false");
    return 0;
}

static int run_parse(struct arena *a, const struct vector *v, struct outcome *out)
{
    struct semver p;
    struct err err;

    if (semver_parse(a, vector_arg(v, 0), &p, &err) < 0)
        return fail(a, &err, out);
    out->out = arena_printf(a, STR_FMT "|%" PRIu64 "|%" PRIu64 "|%" PRIu64 "|" STR_FMT "|" STR_FMT,
                            STR_ARG(semver_text(a, &p)), p.major, p.minor, p.patch, STR_ARG(p.pre),
                            STR_ARG(p.meta));
    return 0;
}

static int run_cmp(struct arena *a, const struct vector *v, struct outcome *out)
{
    struct semver left;
    struct semver right;
    struct err err;

    if (semver_parse(a, vector_arg(v, 0), &left, &err) < 0 ||
        semver_parse(a, vector_arg(v, 1), &right, &err) < 0)
        return fail(a, &err, out);
    out->out = arena_printf(a, "%d", semver_cmp(&left, &right));
    return 0;
}

const struct mode semver_modes[] = {
    {"semver", run_semver}, {"semverparse", run_parse}, {"semvercmp", run_cmp}, {NULL, NULL}};

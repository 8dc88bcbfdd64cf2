/*
 * hl-sim: schedules of the whole replicated part of hlmesh under virtual time and faults.
 *
 * A failed assertion inside the core counts as a violation like any other: the process jumps out of
 * it and goes on with what the user asked for (memory of that schedule is lost).
 */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/driver.h"
#include "sim/script.h"

enum { JOBS_MAX = 64, DEFAULT_ACTIONS = 3000 };

struct options {
    uint64_t first;
    uint64_t last;
    uint64_t jobs;
    uint64_t actions;
    uint64_t only;
    bool has_only;
    bool is_traced;
    const char *scenario;
};

struct totals {
    uint64_t schedules;
    uint64_t actions;
    uint64_t steps;
    uint64_t virtual_us;
    uint64_t answered;
    uint64_t committed;
    uint64_t trace_hash;
    uint64_t fault[FAULT_COUNT];
    uint64_t mark[MARK_COUNT];
    uint64_t failed_seed; /* 0: none; seeds begin at 1 */
    char violation[VIOLATION_MAX];
};

static sigjmp_buf assertion;

static void on_abort(int signal)
{
    (void)signal;
    siglongjmp(assertion, 1);
}

/* ---- one schedule */

static void add(struct totals *t, struct driver *d)
{
    const struct world *w = driver_world(d);

    t->schedules++;
    t->actions += w->step;
    t->steps += w->steps;
    t->virtual_us += (uint64_t)w->now_us;
    t->answered += w->answered_count;
    t->committed += w->check.committed.count;
    t->trace_hash = sim_mix(t->trace_hash, w->trace_hash);
    for (size_t i = 0; i < FAULT_COUNT; i++)
        t->fault[i] += driver_fault_counts(d)[i];
    for (size_t i = 0; i < MARK_COUNT; i++)
        t->mark[i] += w->check.mark[i];
}

/* False on a violation, which is then in t->violation. */
static bool run_seed(uint64_t seed, uint64_t allowed, const struct options *o, struct totals *t,
                     struct buf *trace)
{
    struct swarm swarm;

    swarm_draw(&swarm, seed, allowed, o->has_only);
    if (trace)
        script_print_config(trace, &swarm.world);
    if (sigsetjmp(assertion, 1) != 0) {
        snprintf(t->violation, sizeof(t->violation), "assertion in the core");
        return false;
    }
    struct driver *d = driver_new(&swarm, trace);
    bool is_right = driver_run(d, o->actions) && driver_settle(d);
    if (!is_right)
        snprintf(t->violation, sizeof(t->violation), "%s", world_violation(driver_world(d)));
    add(t, d);
    driver_free(d);
    return is_right;
}

/* ---- a seed that fails */

static bool is_same_rule(const char *a, const char *b)
{
    size_t len = strcspn(a, ":0123456789");

    return strncmp(a, b, len) == 0;
}

/* Leaves out one kind of fault after the other while the same rule is still broken. */
static uint64_t shrink(uint64_t seed, uint64_t faults, const struct options *o, const char *rule)
{
    for (size_t f = 0; f < FAULT_COUNT; f++) {
        uint64_t less = faults & ~(UINT64_C(1) << f);
        struct totals t = {0};
        if (less != faults && !run_seed(seed, less, o, &t, NULL) && is_same_rule(rule, t.violation))
            faults = less;
    }
    return faults;
}

static void report_failure(const struct totals *t, const struct options *o)
{
    struct swarm swarm;
    const char *comma = "";

    printf("seed %llu: %s\n", (unsigned long long)t->failed_seed, t->violation);
    swarm_draw(&swarm, t->failed_seed, o->only, o->has_only);
    uint64_t faults = shrink(t->failed_seed, o->has_only ? o->only : swarm.faults, o, t->violation);
    printf("faults needed: ");
    for (size_t f = 0; f < FAULT_COUNT; f++) {
        if (!(faults >> f & 1))
            continue;
        printf("%s%s", comma, fault_word((enum fault)f));
        comma = ",";
    }
    printf("%s\nreplay: hl-sim --seed %llu --trace\n", *comma ? "" : "none",
           (unsigned long long)t->failed_seed);
}

/* ---- many */

static void run_job(const struct options *o, uint64_t job, struct totals *t)
{
    for (uint64_t seed = o->first + job; seed <= o->last; seed += o->jobs) {
        if (run_seed(seed, o->only, o, t, NULL))
            continue;
        t->failed_seed = seed;
        return;
    }
}

static void merge(struct totals *all, const struct totals *t)
{
    all->schedules += t->schedules;
    all->actions += t->actions;
    all->steps += t->steps;
    all->virtual_us += t->virtual_us;
    all->answered += t->answered;
    all->committed += t->committed;
    all->trace_hash = sim_mix(all->trace_hash, t->trace_hash);
    for (size_t i = 0; i < FAULT_COUNT; i++)
        all->fault[i] += t->fault[i];
    for (size_t i = 0; i < MARK_COUNT; i++)
        all->mark[i] += t->mark[i];
    if (t->failed_seed != 0 && (all->failed_seed == 0 || t->failed_seed < all->failed_seed)) {
        all->failed_seed = t->failed_seed;
        memcpy(all->violation, t->violation, sizeof(all->violation));
    }
}

static int start_job(const struct options *o, uint64_t job)
{
    struct totals t = {0};
    int ends[2];

    if (pipe(ends) != 0)
        hl_die("pipe");
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0)
        hl_die("fork");
    if (pid > 0) {
        close(ends[1]);
        return ends[0];
    }
    run_job(o, job, &t);
    _exit(write(ends[1], &t, sizeof(t)) == (ssize_t)sizeof(t) ? 0 : 1);
}

static void run_jobs(const struct options *o, struct totals *all)
{
    int end[JOBS_MAX];

    if (o->jobs == 1) {
        run_job(o, 0, all);
        return;
    }
    for (uint64_t j = 0; j < o->jobs; j++)
        end[j] = start_job(o, j);
    for (uint64_t j = 0; j < o->jobs; j++) {
        struct totals t = {0};
        size_t got = 0;
        ssize_t n;
        while ((n = read(end[j], (char *)&t + got, sizeof(t) - got)) > 0)
            got += (size_t)n;
        if (got != sizeof(t))
            hl_die("job %llu ended without an answer", (unsigned long long)j);
        merge(all, &t);
    }
    while (wait(NULL) > 0) {
    }
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print_totals(const struct totals *t, double took_s)
{
    static const char *const mark_text[] = {
#define X(name, text) text,
        MARKS(X)
#undef X
    };
    double virtual_s = (double)t->virtual_us / 1e6;

    for (size_t i = 0; i < FAULT_COUNT; i++)
        printf("fault %-12s %llu\n", fault_word((enum fault)i), (unsigned long long)t->fault[i]);
    for (size_t i = 0; i < MARK_COUNT; i++)
        printf("mark  %-62s %llu\n", mark_text[i], (unsigned long long)t->mark[i]);
    printf("schedules %llu\nevents %llu\nsteps %llu\ncommitted %llu\nanswered %llu\n",
           (unsigned long long)t->schedules, (unsigned long long)t->actions,
           (unsigned long long)t->steps, (unsigned long long)t->committed,
           (unsigned long long)t->answered);
    printf("virtual_s %.0f\nreal_s %.2f\nratio %.0f\nschedules_per_hour %.0f\n", virtual_s, took_s,
           virtual_s / took_s, (double)t->schedules / took_s * 3600);
    printf("trace %016llx\n", (unsigned long long)t->trace_hash);
}

/* ---- what the user may ask for */

static int trace_seed(const struct options *o)
{
    HL_CLEANUP(buf_deinit) struct buf trace = {0};
    struct totals t = {0};

    bool is_right = run_seed(o->first, o->only, o, &t, &trace);
    printf("# seed %llu\n" STR_FMT, (unsigned long long)o->first, STR_ARG(buf_str(&trace)));
    if (!is_right)
        printf("# %s\n", t.violation);
    return is_right ? 0 : 1;
}

static int run_scenario(const char *path)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    FILE *in = fopen(path, "r");
    char line[ERR_LINE_MAX];
    struct err err = {0};
    size_t n;

    if (!in)
        hl_die("%s", path);
    while ((n = fread(buf_reserve(&text, 65536), 1, 65536, in)) > 0)
        buf_commit(&text, n);
    fclose(in);
    if (sigsetjmp(assertion, 1) != 0)
        return 1;
    if (script_run(buf_str(&text), str_from(path), &err) == 0)
        return 0;
    printf("%s\n", err_line(&err, line));
    return 1;
}

static int usage(void)
{
    fprintf(stderr,
            "hl-sim [--seed N | --seeds A..B] [--jobs J] [--steps N] [--only FAULT,...] [--trace]\n"
            "hl-sim --scenario FILE\n\nfaults:\n");
    for (size_t f = 0; f < FAULT_COUNT; f++)
        fprintf(stderr, "  %s\n", fault_word((enum fault)f));
    return 2;
}

static bool parse_option(struct options *o, struct str name, const char *value)
{
    struct str text = str_from(value);

    if (str_eq(name, STR("--scenario"))) {
        o->scenario = value;
        return true;
    }
    if (str_eq(name, STR("--jobs")))
        return str_to_u64(text, &o->jobs) && o->jobs > 0 && o->jobs <= JOBS_MAX;
    if (str_eq(name, STR("--steps")))
        return str_to_u64(text, &o->actions);
    if (str_eq(name, STR("--only"))) {
        o->has_only = true;
        return fault_parse(text, &o->only);
    }
    if (str_eq(name, STR("--seed"))) {
        bool is_number = str_to_u64(text, &o->first);
        o->last = o->first;
        return is_number && o->first > 0;
    }
    if (!str_eq(name, STR("--seeds")))
        return false;
    size_t dots = str_find(text, STR(".."), 0);
    return dots != SIZE_MAX && str_to_u64(str_sub(text, 0, dots), &o->first) &&
           str_to_u64(str_sub(text, dots + 2, text.len), &o->last) && o->first > 0 &&
           o->first <= o->last;
}

static bool parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        struct str name = str_from(argv[i]);
        if (str_eq(name, STR("--trace")))
            o->is_traced = true;
        else if (i + 1 == argc || !parse_option(o, name, argv[++i]))
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct options o = {.first = 1,
                        .last = 1000,
                        .jobs = 1,
                        .actions = DEFAULT_ACTIONS,
                        .only = (UINT64_C(1) << FAULT_COUNT) - 1};
    struct totals all = {0};

    if (!parse(argc, argv, &o))
        return usage();
    signal(SIGABRT, on_abort);
    if (o.scenario)
        return run_scenario(o.scenario);
    if (o.is_traced)
        return trace_seed(&o);
    double began_s = now_s();
    run_jobs(&o, &all);
    print_totals(&all, now_s() - began_s);
    if (all.failed_seed == 0)
        return 0;
    report_failure(&all, &o);
    return 1;
}

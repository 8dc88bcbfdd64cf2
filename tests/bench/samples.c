/* Kept in one array, sorted at the end: a load of this kind fits in memory. */
#include "bench/samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static int64_t *took_ns;
static size_t count;
static int64_t start_ns;
static int64_t begin_ns;
static int64_t end_ns;

int64_t samples_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void samples_begin(double seconds)
{
    took_ns = calloc(SAMPLES_MAX, sizeof(*took_ns));
    if (!took_ns)
        abort();
    start_ns = samples_now_ns();
    begin_ns = start_ns + SAMPLES_WARM_NS;
    end_ns = begin_ns + (int64_t)(seconds * 1e9);
}

int64_t samples_end_ns(void)
{
    return end_ns;
}

void samples_add(int64_t sent_ns)
{
    int64_t now = samples_now_ns();

    if (now >= begin_ns && now <= end_ns && count < SAMPLES_MAX)
        took_ns[count++] = now - sent_ns;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static double quantile_ms(double q)
{
    size_t at = (size_t)((double)count * q);

    return (double)took_ns[at < count ? at : count - 1] * 1e-6;
}

static double cpu_percent(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    double seconds = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                     (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
    return seconds * 1e11 / (double)(samples_now_ns() - start_ns);
}

int samples_print(size_t errors)
{
    double cpu = cpu_percent();

    if (count == 0)
        return 1;
    qsort(took_ns, count, sizeof(*took_ns), compare);
    printf("ops=%.0f p50=%.4f p90=%.4f p99=%.4f p999=%.4f max=%.4f errors=%zu cpu=%.0f\n",
           (double)count * 1e9 / (double)(end_ns - begin_ns), quantile_ms(0.5), quantile_ms(0.9),
           quantile_ms(0.99), quantile_ms(0.999), quantile_ms(1), errors, cpu);
    return 0;
}

/*
 * What a process costs, from its start to its end.
 *
 *     costs PROGRAM ARGUMENT...
 *         prints "SECONDS KIB STATUS": wall time, the most memory it held, its exit code (128 and
 *         more: killed). Its output goes nowhere.
 *
 * A program of its own because Linux counts as a child's memory what its parent held when it
 * started: this one holds next to nothing.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static _Noreturn void become(char **command)
{
    int nowhere = open("/dev/null", O_RDWR);

    if (nowhere >= 0 && dup2(nowhere, 0) == 0 && dup2(nowhere, 1) == 1 && dup2(nowhere, 2) == 2)
        execvp(command[0], command);
    _exit(127);
}

int main(int argc, char **argv)
{
    struct rusage used;
    int status;

    if (argc < 2) {
        fprintf(stderr, "costs PROGRAM ARGUMENT...\n");
        return 2;
    }
    double begin = seconds_now();
    pid_t child = fork();
    if (child == 0)
        become(argv + 1);
    if (child < 0 || wait4(child, &status, 0, &used) < 0) {
        perror("costs");
        return 1;
    }
    printf("%.6f %ld %d\n", seconds_now() - begin, used.ru_maxrss,
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}

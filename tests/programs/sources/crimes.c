/* Goes wrong in the way that its argument names, three calls deep, so that there are frames to find. */
#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile int zero = 0;
static volatile int many = 64;
static int *volatile nothing = NULL;
static int shared = 0;
static void *volatile kept;

static void use_after_free(void) {
    int *cell = malloc(sizeof *cell);
    free(cell);
    *cell = 7;
}

static void overflow(void) {
    char *cells = malloc(10);
    cells[many] = 1;
    free(cells);
}

static void read_past(void) {
    int cells[4] = {0};
    zero = cells[many / 16];
}

static void free_twice(void) {
    void *cell = malloc(24);
    kept = cell;
    free(cell);
    free(kept);
}

static void leak(void) {
    kept = malloc(40);
    memset(kept, 1, 40);
    kept = NULL;
}

static void *writer(void *unused) {
    for (int turn = 0; turn < 1000; turn++)
        shared++;
    return unused;
}

static void race(void) {
    pthread_t other;
    pthread_create(&other, NULL, writer, NULL);
    writer(NULL);
    pthread_join(other, NULL);
}

static int descend(int depth) {
    volatile char room[4096];
    room[0] = (char)depth;
    return descend(depth + 1) + room[0];
}

static void divide(void) { zero = many / zero; }
static void add_too_much(void) { zero = INT_MAX - 1 + many; }
static void shift_too_far(void) { zero = 1 << many; }
static void write_to_null(void) { *nothing = 1; }
static void uninitialised(void) {
    int *cell = malloc(sizeof *cell);
    if (*cell)
        puts("set");
    free(cell);
}
static void fail_assertion(void) { assert(zero == 1); }

static const struct {
    const char *name;
    void (*crime)(void);
} crimes[] = {
    {"use-after-free", use_after_free}, {"overflow", overflow},     {"read-past", read_past},
    {"free-twice", free_twice},         {"leak", leak},             {"race", race},
    {"divide", divide},                 {"add-too-much", add_too_much}, {"shift", shift_too_far},
    {"write-to-null", write_to_null},   {"uninitialised", uninitialised}, {"assertion", fail_assertion},
    {"abort", abort},
};

static void commit(const char *name) {
    if (strcmp(name, "descend") == 0)
        descend(0);
    for (size_t number = 0; number < sizeof crimes / sizeof *crimes; number++)
        if (strcmp(name, crimes[number].name) == 0)
            crimes[number].crime();
}

int main(int count, char **words) {
    if (count > 1)
        commit(words[1]);
    puts("done");
    return 0;
}

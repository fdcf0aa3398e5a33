// The twenty rules as a tenant would write them in C: a guest of the ABI in
// ripen/wasm. Built for WebAssembly it is twenty.wasm; built with -DNATIVE it is
// a program that does the same without a border, for the ratio.
//
//   clang --target=wasm32 -O2 -nostdlib -ffreestanding -fno-builtin -Wl,--no-entry -Wl,-z,stack-size=4096 -Wl,--strip-all -o twenty.wasm twenty.c
//   cc -O2 -DNATIVE -o twenty twenty.c

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef long long i64;

enum { OFF_FLAGS = 0x0c, OFF_NEXT = 0x18, OFF_REASONS = 0x20, OFF_DIMS = 0x24, OFF_NULL = 0x28, OFF_DIM0 = 0x40,
       STATE = 0x100, REASONS = 0x4100, EVENTS = 0x6100, EXPLAIN = 4, CARRIES = 2 };

// The slots, in the order of the manifest's fields.
enum { FLAGS, JOB, DOMAIN, MET, COUNTRY, INDUSTRY, AGE, DOWNLOADS, EMPLOYEES, REVENUE, PATH, REFERRER, TITLE, SECONDS };

static _Alignas(16) u8 io[0x10000];

typedef struct { u8 tag, product; u16 zero; u32 len; union { u32 at; double num; i64 whole; } v; } slot;
typedef struct { u32 size; u16 type, slots; i64 time; slot slot[]; } event;
typedef struct { u32 holds, pad; double sums[8]; } state;

static int same(const u8 *s, const char *t, u32 n) {
  for (u32 i = 0; i < n; i++)
    if (s[i] != (u8)t[i]) return 0;
  return 1;
}

#define TEXT(e, i) ((const u8 *)(e) + (e)->slot[i].v.at)
#define HAS(e, i) ((e)->slot[i].tag)
#define IS(e, i, t) ((e)->slot[i].len == sizeof(t) - 1 && same(TEXT(e, i), t, sizeof(t) - 1))
#define BEGINS(e, i, t) ((e)->slot[i].len >= sizeof(t) - 1 && same(TEXT(e, i), t, sizeof(t) - 1))
#define CONTAINS(e, i, t) contains(TEXT(e, i), (e)->slot[i].len, t, sizeof(t) - 1)

static int contains(const u8 *s, u32 n, const char *t, u32 m) {
  for (u32 i = 0; i + m <= n; i++)
    if (s[i] == (u8)t[0] && s[i + 1] == (u8)t[1] && same(s + i, t, m)) return 1;
  return 0;
}

// who keeps which rules of attributes hold.
static void who(state *s, const event *e) {
  u32 h = s->holds;
#define KEEP(i, is) h = (is) ? h | 1u << (i) : h & ~(1u << (i))
  if (HAS(e, JOB)) {
    KEEP(0, IS(e, JOB, "CEO") || IS(e, JOB, "CTO") || IS(e, JOB, "Head of Operations"));
    KEEP(1, IS(e, JOB, "Intern"));
  }
  if (HAS(e, AGE)) KEEP(2, e->slot[AGE].v.num >= 25 && e->slot[AGE].v.num <= 60);
  if (HAS(e, DOMAIN)) KEEP(3, CONTAINS(e, DOMAIN, "gmail"));
  if (HAS(e, MET)) KEEP(4, IS(e, MET, "fair"));
  if (HAS(e, DOWNLOADS)) KEEP(5, e->slot[DOWNLOADS].v.num >= 3);
  if (HAS(e, COUNTRY)) {
    KEEP(6, IS(e, COUNTRY, "ES") || IS(e, COUNTRY, "PT") || IS(e, COUNTRY, "FR"));
    KEEP(20, IS(e, COUNTRY, "ES"));
  }
  if (HAS(e, INDUSTRY)) KEEP(7, IS(e, INDUSTRY, "software") || IS(e, INDUSTRY, "fintech") || IS(e, INDUSTRY, "retail"));
  if (HAS(e, EMPLOYEES)) {
    double n = e->slot[EMPLOYEES].v.num;
    KEEP(8, n >= 50 && n <= 500);
    KEEP(9, n > 1000);
    KEEP(21, n > 100);
  }
  if (HAS(e, REVENUE)) KEEP(10, e->slot[REVENUE].v.num >= 1000000);
  KEEP(11, (h >> 20 & 1) && (h >> 21 & 1));
  s->holds = h;
}

static void give(state *s, int i, double points, double cap) {
  double v = s->sums[i] + points;
  s->sums[i] = points >= 0 ? (v > cap ? cap : v) : (v < cap ? cap : v);
}

// saw lets a page view count.
static void saw(state *s, const event *e) {
  if (HAS(e, PATH)) {
    if (BEGINS(e, PATH, "/pricing")) give(s, 0, 10, 30);
    if (IS(e, PATH, "/demo") || IS(e, PATH, "/contact") || IS(e, PATH, "/trial")) give(s, 1, 12, 24);
    if (CONTAINS(e, PATH, "compare")) give(s, 2, 6, 12);
    if (BEGINS(e, PATH, "/careers")) give(s, 3, -10, -20);
  }
  if (HAS(e, REFERRER) && CONTAINS(e, REFERRER, "google")) give(s, 4, 2, 4);
  if (HAS(e, SECONDS)) {
    double n = e->slot[SECONDS].v.num;
    if (n > 60) give(s, 5, 3, 9);
    if (n >= 10 && n <= 60) give(s, 6, 1, 5);
  }
  if (HAS(e, TITLE) && CONTAINS(e, TITLE, "case study")) give(s, 7, 5, 10);
}

static void fold(state *s, const event *e, u32 n) {
  for (; n > 0; n--) {
    if (e->slot[FLAGS].v.whole & CARRIES) who(s, e);
    if (e->type == 1) saw(s, e);
    e = (const event *)((const u8 *)e + e->size);
  }
}

static const double points[12] = {15, -12, 3, -5, 4, 5, 8, 6, 12, 4, 5, 7};

static double between(double v, double lo, double hi) { return v > hi ? hi : v < lo ? lo : v; }

static double score(const state *s, u8 *out) {
  double sum[4] = {0, 0, 0, 0};
  u32 n = 0;
  int explain = *(u32 *)(out + OFF_FLAGS) & EXPLAIN;
  for (u32 i = 0; i < 20; i++) {
    double p = i < 12 ? (s->holds >> i & 1 ? points[i] : 0) : s->sums[i - 12];
    sum[i < 6 ? 0 : i < 12 ? 1 : i < 16 ? 2 : 3] += p;
    if (explain && p != 0) {
      u8 *r = out + REASONS + 16 * n++;
      *(u32 *)r = i, *(u32 *)(r + 4) = 0, *(double *)(r + 8) = p;
    }
  }
  double fit = between(between(sum[0], -10, 30) + between(sum[1], 0, 35), 0, 50);
  double engagement = between(between(sum[2], -10, 30) + between(sum[3], 0, 8), 0, 50);
  *(u32 *)(out + OFF_REASONS) = n;
  *(u32 *)(out + OFF_DIMS) = 2;
  *(double *)(out + OFF_DIM0) = fit;
  *(double *)(out + OFF_DIM0 + 8) = engagement;
  return between(1 + (fit + engagement) * 0.99, 1, 100);
}

#ifndef NATIVE

#define EXPORT(name) __attribute__((export_name(name)))

EXPORT("ripen_io") u32 ripen_io(void) { return (u32)(unsigned long)io; }

EXPORT("ripen_fold") int ripen_fold(int n) {
  fold((state *)(io + STATE), (const event *)(io + EVENTS), n);
  return sizeof(state);
}

EXPORT("ripen_score") double ripen_score(i64 now) { return score((const state *)(io + STATE), io); }

EXPORT("ripen_fold_score") double ripen_fold_score(int n, i64 now) {
  *(int *)(io + 4) = ripen_fold(n);
  return ripen_score(now);
}

#else

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// record is a lead's two events, as the host would write them.
typedef struct { const event *who, *page; state known; } record;

static record records[256];

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return 1e9 * t.tv_sec + t.tv_nsec;
}

// timed runs for about a slice of ns and returns what an event takes at best.
static double timed(int n, double slice) {
  double best = 1e300;
  volatile double sink = 0;
  state s;
  for (int portion = 0; portion < 8; portion++) {
    double began = now_ns(), took = 0;
    long done = 0;
    while (took < slice / 8) {
      for (int i = 0; i < n; i++) {
        memcpy(&s, &records[i].known, sizeof s);
        fold(&s, records[i].page, 1);
        sink += score(&s, io);
      }
      done += n, took = now_ns() - began;
    }
    if (took / done < best) best = took / done;
  }
  (void)sink;
  return best;
}

// The first number is how many records there are, then for each the size of its
// events and the events; then lines, each with ns to run, are answered.
int main(void) {
  u32 n, size;
  if (fread(&n, 4, 1, stdin) != 1 || n > 256) return 1;
  for (u32 i = 0; i < n; i++) {
    if (fread(&size, 4, 1, stdin) != 1) return 1;
    u8 *b = aligned_alloc(16, (size + 15) & ~15u);
    if (!b || fread(b, 1, size, stdin) != size) return 1;
    records[i].who = (const event *)b;
    records[i].page = (const event *)(b + records[i].who->size);
    fold(&records[i].known, records[i].who, 1);
    state s = records[i].known;
    fold(&s, records[i].page, 1);
    printf("%.17g\n", score(&s, io));
  }
  fflush(stdout);
  double slice;
  while (scanf("%lf", &slice) == 1) {
    printf("%.17g\n", timed(n, slice));
    fflush(stdout);
  }
  return 0;
}

#endif

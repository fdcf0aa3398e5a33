// What a guest can do to those who wait for it: work without end, each way of it
// an event type. Only its gas stops it.
//
//   clang --target=wasm32 -O2 -nostdlib -ffreestanding -fno-builtin -mbulk-memory -Wl,--no-entry -Wl,-z,stack-size=4096 -Wl,--strip-all -o hostile.wasm hostile.c

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

enum { EVENTS = 0x6100, SPIN = 1, DIVIDE, ROOT, MISS, COPY, GROW };

static _Alignas(16) u8 io[0x10000];
static u8 heap[0xc0000]; // with what stands before it, most of the 1 MiB that a guest may have
static volatile u64 sink;

#define EXPORT(name) __attribute__((export_name(name)))

EXPORT("ripen_io") u32 ripen_io(void) { return (u32)(unsigned long)io; }

EXPORT("ripen_score") double ripen_score(long long now) { return 0; }

EXPORT("ripen_fold") int ripen_fold(int n) {
  u64 x = n;
  double d = n + 1;
  switch (*(u16 *)(io + EVENTS + 4)) {
  case SPIN:
    for (;;) sink;
  case DIVIDE: // each waits for the one before
    for (;;) sink = x = 0xffffffffffffffffull / (x | 1) / ((x >> 7) | 3) / ((x >> 9) | 5) / ((x >> 11) | 7);
  case ROOT:
    for (;;) {
      for (int i = 0; i < 16; i++) d = __builtin_sqrt(__builtin_sqrt(__builtin_sqrt(d))) + 1e9;
      *(volatile double *)&sink = d;
    }
  case MISS:
    for (;;) {
      for (int i = 0; i < 16; i++) x = x * 6364136223846793005ull + 1442695040888963407ull + heap[(x >> 33) % sizeof heap];
      sink = x;
    }
  case COPY:
    for (;;) __builtin_memmove(heap, heap + 0x60000, 0x60000);
  case GROW:
    for (;;) __builtin_wasm_memory_grow(0, 0);
  }
  return 0;
}

/* kernel.cu on a CPU, for tests without a GPU: the threads of a block are fibers that run in random order between
barriers, so that a missing barrier shows as a wrong number; shared memory begins as NaN and ends at a guard page. */
#include <cstdio>
#include <cstdlib>
#include <random>
#include <sys/mman.h>
#include <vector>

struct float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct Dim { int x; };
static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
static inline float2 make_float2(float x, float y) { return {x, y}; }
#define __device__
#define __global__
#define __forceinline__ inline
#define __launch_bounds__(...)

static Dim threadIdx, blockIdx;
static float *shared_memory;

extern "C" void emu_switch(void **save, void *to);
asm(R"(
.text
.globl emu_switch
emu_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
)");

namespace emu {
struct Fiber { void *sp; char *stack; bool done; unsigned shuffles; float slot[2]; };
static std::vector<Fiber> fibers;
static std::vector<int> ready;
static std::vector<std::vector<int>> at_warp;
static std::vector<int> at_block;
static void *scheduler;
static int now, alive;
static std::mt19937 random_order(1);
static void (*body)();

static void leave() { emu_switch(&fibers[now].sp, scheduler); }
static void entry() {
  body();
  fibers[now].done = true, alive--;
  leave();
  abort();
}
static void run(int threads, void (*what)()) {
  constexpr size_t STACK = 256 << 10;
  body = what;
  if (fibers.empty()) {
    fibers.resize(threads);
    for (auto &f : fibers) f.stack = (char *)aligned_alloc(64, STACK);
  }
  at_warp.assign(threads / 32, {}), at_block.clear(), ready.clear(), alive = threads;
  for (int i = 0; i < threads; i++) {
    auto &f = fibers[i];
    f.done = false, f.shuffles = 0;
    void **top = (void **)(f.stack + STACK) - 2;
    *top = (void *)entry; /* ret pops it; then rsp % 16 == 8 as after a call */
    top -= 6;
    f.sp = top;
    ready.push_back(i);
  }
  while (alive) {
    if (ready.empty()) { fprintf(stderr, "emulation: deadlock\n"); abort(); }
    size_t pick = random_order() % ready.size();
    now = ready[pick], ready[pick] = ready.back(), ready.pop_back();
    threadIdx.x = now;
    emu_switch(&scheduler, fibers[now].sp);
  }
}
static void wait(std::vector<int> &list, int all) {
  list.push_back(now);
  if ((int)list.size() == all) {
    ready.insert(ready.end(), list.begin(), list.end());
    list.clear();
  }
  leave();
  threadIdx.x = now;
}

} // namespace emu

template <class T> static inline T __ldcg(const T *p) { return *p; }
static inline int atomicAdd(int *p, int v) { int before = *p; *p += v; return before; }
static inline void __threadfence() {}
static inline void __syncthreads() { emu::wait(emu::at_block, (int)emu::fibers.size()); }
static inline void __syncwarp() { emu::wait(emu::at_warp[emu::now / 32], 32); }
static inline float __shfl_xor_sync(unsigned, float v, int mask) {
  auto &me = emu::fibers[emu::now];
  const unsigned turn = me.shuffles++ & 1;
  me.slot[turn] = v;
  __syncwarp();
  return emu::fibers[emu::now ^ mask].slot[turn];
}

/* Entry points of the emulation; see emulate.h. */
#include "kernel.cu"
#include <cmath>
#include <xmmintrin.h>

static struct {
  float *state;
  const float *coefficients, *pace;
  int runs, count, slice, *queue;
} job;
static void body() { nccli_steps(job.state, job.coefficients, job.pace, job.runs, job.count, job.slice, job.queue); }

extern "C" int emulated_state() { return STATE; }
extern "C" int emulated_shared() { return 4 * SHARED; }

extern "C" void emulated_launch(float *state, const float *coefficients, const float *pace, int runs, int count,
                                int slice, int blocks, unsigned seed) {
  const size_t page = 4096, bytes = 4 * SHARED, whole = (bytes + page - 1) / page * page;
  char *map = (char *)mmap(nullptr, whole + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(map + page, whole, PROT_READ | PROT_WRITE);
  shared_memory = (float *)(map + page + whole - bytes);
  std::vector<int> queue(1 + runs, 0);
  job = {state, coefficients, pace, runs, count, slice, queue.data()};
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040);
  emu::random_order.seed(seed);
  for (int b = 0; b < blocks; b++) {
    for (int i = 0; i < SHARED; i++) shared_memory[i] = NAN;
    blockIdx.x = b;
    emu::run(THREADS, body);
  }
  _mm_setcsr(before);
  munmap(map, whole + 2 * page);
}

/* Gradient descent on many L-DUFMs, many steps in one launch: a thread block a run, its whole state in shared memory.

Mathematics and names are those of `nccli.dufm.engine` and `kernel.c`: plain gradient descent in float32, at a rate that
may follow a schedule.

Compiled for one shape: N rows, a multiple of ROWS; D width and K classes, multiples of 4, all padded with zeros, which
stay zeros; REAL_N rows and REAL_K classes without padding; L layers; bit l of ACTIVE whether layer l (2..L) is ReLU.
RESIDUAL is the objective's text of factor, z and y.
How the work is cut: WARPS a block, BLOCKS a multiprocessor; ROWS (even) rows of a product at a time in registers; in the
forward products of the hidden layers a lane has FORWARD_C columns and one of FORWARD_S parts of the inner sum, in the
backward products BACKWARD_C and BACKWARD_S, in the output OUTPUT_C and OUTPUT_S. The 32 / S lanes of a part sit side by
side, so that lanes i and i ^ 1 read the same row: a broadcast float4 then costs 2 passes of shared memory, not 4.

A warp owns some columns of X_l for a whole backward product, all rows and all of the inner sum. So it can put D_l where
X_l was, and it is the only one to read and change its rows of V_l: product and update are one loop over V_l, with one
barrier a layer.
*/

#ifdef EMULATED
#include "emulate.h"
#else
extern __shared__ float4 shared_memory[];
#endif
#define LOAD1(p) (*(p))
#define LOAD2(p) (*(const float2 *)(p))
#define LOAD4(p) (*(const float4 *)(p))
#define STORE1(p, v) (*(p) = (v))
#define STORE2(p, v) (*(float2 *)(p) = (v))
#define STORE4(p, v) (*(float4 *)(p) = (v))
#define INLINE static __device__ __forceinline__

static __device__ constexpr int up(int n, int multiple) { return (n + multiple - 1) / multiple * multiple; }
/* Rows so far apart are free of conflicts as float4: eight rows begin in eight different quarters of the banks. */
static __device__ constexpr int row_stride(int n) { return n / 4 % 2 ? n : n + 4; }
/* Halves of a tile so far apart lie 16 banks apart. */
static __device__ constexpr int half_stride(int n) { return n + (48 - n % 32) % 32; }

constexpr int TILES = N / ROWS, HALF = ROWS / 2;
constexpr int XH = half_stride(HALF * D), XT = 2 * XH, XL = TILES * XT; /* a half of a tile, a tile, a layer */
constexpr int EH = half_stride(HALF * K), ET = 2 * EH;
constexpr int VS = row_stride(D), VL = D * VS;
constexpr int AT_V = L * XL, AT_W = AT_V + (L - 1) * VL, AT_E = AT_W + K * VS, AT_C = AT_E + TILES * ET;
constexpr int SHARED = up(AT_C + L + 3 + 2, 4); /* floats of shared memory; W is V_L transposed, (K, D) */
constexpr int STATE = N * D + (L - 1) * D * D + D * K; /* floats of a run in global memory, as in kernel.c */
constexpr int THREADS = 32 * WARPS;
constexpr int PER_CLASS = REAL_N / REAL_K;
static_assert(ROWS % 2 == 0 && N % ROWS == 0 && D % 4 == 0 && K % 4 == 0, "padding");

constexpr int ALL_ACTIVE = (1 << (L + 1)) - 4;

enum Mode { LINEAR, RELU, FEATURES };

/* Whether layer l is ReLU, a constant where all are alike. */
INLINE bool is_active(int l) { return ACTIVE == ALL_ACTIVE || (ACTIVE != 0 && ACTIVE >> l & 1); }

/* Which of its C columns a lane keeps as the t-th: lanes that will exchange columns start with them the other way round,
so that nothing has to be selected. */
template <int S, int C> INLINE int column(int t, int lane) {
  if (S >= 4 && C >= 2) t ^= (lane >> 3 & 1) * (C / 2);
  if (S >= 8 && C >= 4) t ^= (lane >> 2 & 1) * (C / 4);
  return t;
}

template <int S> INLINE int part(int lane) { return lane / (32 / S); }
template <int S> INLINE int half(int lane) { return S > 1 ? lane >> 4 : 0; }

/* The chunk of 4 that is the m-th of part q. With 8 parts, neighbours are 16 banks apart. */
template <int S, int CHUNKS> INLINE int chunk_of(int m, int q) {
  int at = m * S + q;
  return S == 8 && CHUNKS % 8 == 0 ? (at & ~7) | (at & 1) << 2 | (at >> 1 & 3) : at;
}

INLINE float exchange(float v, int mask) { return __shfl_xor_sync(0xffffffffu, v, mask); }

template <int S> struct Kept {
  static constexpr int rows = S > 1 ? HALF : ROWS;
};
template <int S, int C> __device__ constexpr int kept_columns() {
  return S >= 8 && C >= 4 ? C / 4 : S >= 4 && C >= 2 ? C / 2 : C;
}

/* Add up the parts of a sum. A lane ends with the first Kept<S>::rows × kept_columns<S, C>() of its sums whole. Row p is
row p of the lane's own half for p < HALF, else row p − HALF of the other. SELECT: columns are in order, not as in
`column`. */
template <int S, int C, bool SELECT> INLINE void gather(float (&a)[ROWS][C], int lane) {
  if (S >= 2) {
#pragma unroll
    for (int p = 0; p < HALF; p++)
#pragma unroll
      for (int t = 0; t < C; t++) a[p][t] += exchange(a[p + HALF][t], 16);
  }
#pragma unroll
  for (int p = 0; p < Kept<S>::rows; p++) {
    if (S >= 4 && C >= 2) {
#pragma unroll
      for (int t = 0; t < C / 2; t++) {
        float keep = a[p][t], send = a[p][t + C / 2];
        if (SELECT && (lane & 8)) { float z = keep; keep = send, send = z; }
        a[p][t] = keep + exchange(send, 8);
      }
    } else if (S >= 4) a[p][0] += exchange(a[p][0], 8);
    if (S >= 8 && C >= 4) {
#pragma unroll
      for (int t = 0; t < C / 4; t++) {
        float keep = a[p][t], send = a[p][t + C / 4];
        if (SELECT && (lane & 4)) { float z = keep; keep = send, send = z; }
        a[p][t] = keep + exchange(send, 4);
      }
    } else if (S >= 8) {
#pragma unroll
      for (int t = 0; t < kept_columns<S, C>(); t++) a[p][t] += exchange(a[p][t], 4);
    }
#pragma unroll
    for (int t = 0; t < kept_columns<S, C>(); t++) {
      if (S >= 16) a[p][t] += exchange(a[p][t], 2);
      if (S >= 32) a[p][t] += exchange(a[p][t], 1);
    }
  }
}

INLINE void barrier() {
  if (WARPS > 1) __syncthreads();
  else __syncwarp();
}

/* Y = σ(X V). */
template <int S, int C> INLINE void forward(const float *X, const float *V, float *Y, bool active, int warp, int lane) {
  constexpr int LANES = 32 / S, SPAN = LANES * C, SPANS = (D + SPAN - 1) / SPAN, CHUNKS = D / 4;
  const int r = lane % LANES, q = part<S>(lane), h = half<S>(lane);
#pragma unroll 1
  for (int task = warp; task < TILES * SPANS; task += WARPS) {
    const int tile = TILES == 1 ? 0 : task / SPANS, j = (TILES == 1 ? task : task % SPANS) * SPAN + C * r;
    const bool live = D % SPAN == 0 || j < D;
    const float *near = X + tile * XT + h * XH + 4 * q, *far = X + tile * XT + (1 - h) * XH + 4 * q;
    const float *v_at = V + 4 * q * VS + (live ? j : D - C);
    float a[ROWS][C];
#pragma unroll
    for (int p = 0; p < ROWS; p++)
#pragma unroll
      for (int t = 0; t < C; t++) a[p][t] = 0;
#pragma unroll UNROLL_FORWARD
    for (int m = 0; m < (CHUNKS + S - 1) / S; m++) {
      if (CHUNKS % S == 0 || m * S + q < CHUNKS) {
        float v[4][C];
#pragma unroll
        for (int u = 0; u < 4; u++) {
          const float *from = v_at + (4 * S * m + u) * VS;
          if constexpr (C == 4) {
            float4 z = LOAD4(from);
            v[u][0] = z.x, v[u][1] = z.y, v[u][2] = z.z, v[u][3] = z.w;
          } else if constexpr (C == 2) {
            float2 z = LOAD2(from);
            v[u][0] = z.x, v[u][1] = z.y;
          } else v[u][0] = LOAD1(from);
        }
#pragma unroll
        for (int p = 0; p < ROWS; p++) {
          float4 x = LOAD4((p < HALF ? near + p * D : far + (p - HALF) * D) + 4 * S * m);
#pragma unroll
          for (int t = 0; t < C; t++) {
            a[p][t] += x.x * v[0][t];
            a[p][t] += x.y * v[1][t];
            a[p][t] += x.z * v[2][t];
            a[p][t] += x.w * v[3][t];
          }
        }
      }
    }
    gather<S, C, true>(a, lane);
    float *to = Y + tile * XT + h * XH + j;
    constexpr int W = kept_columns<S, C>();
    if (live) {
#pragma unroll
      for (int p = 0; p < Kept<S>::rows; p++) {
        if (active) {
#pragma unroll
          for (int t = 0; t < W; t++) a[p][t] = a[p][t] > 0 ? a[p][t] : 0;
        }
        float *at = (S > 1 || p < HALF ? to + p * D : to + XH + (p - HALF) * D) + column<S, C>(0, lane);
        if constexpr (W == 4) STORE4(at, make_float4(a[p][0], a[p][1], a[p][2], a[p][3]));
        else if constexpr (W == 2) STORE2(at, make_float2(a[p][0], a[p][1]));
        else STORE1(at, a[p][0]);
      }
    }
    if (TILES * SPANS <= WARPS) break;
  }
}

/* E = factor ∂ℓ/∂output at X_L V_L, with V_L as its transpose W. */
template <int S, int C> INLINE void output(const float *X, const float *W, float *E, float factor, int warp, int lane) {
  constexpr int LANES = 32 / S, SPAN = LANES * C, SPANS = (K + SPAN - 1) / SPAN, CHUNKS = D / 4;
  const int r = lane % LANES, q = part<S>(lane), h = half<S>(lane);
#pragma unroll 1
  for (int task = warp; task < TILES * SPANS; task += WARPS) {
    const int tile = TILES == 1 ? 0 : task / SPANS, c0 = (TILES == 1 ? task : task % SPANS) * SPAN + r;
    const float *near = X + tile * XT + h * XH, *far = X + tile * XT + (1 - h) * XH;
    const float *w_at[C];
    float a[ROWS][C];
#pragma unroll
    for (int t = 0; t < C; t++) {
      int c = c0 + LANES * column<S, C>(t, lane);
      w_at[t] = W + (K % SPAN == 0 || c < K ? c : K - 1) * VS;
#pragma unroll
      for (int p = 0; p < ROWS; p++) a[p][t] = 0;
    }
#pragma unroll UNROLL_OUTPUT
    for (int m = 0; m < (CHUNKS + S - 1) / S; m++) {
      const int at = 4 * chunk_of<S, CHUNKS>(m, q);
      if (CHUNKS % S == 0 || at < D) {
        float4 w[C];
#pragma unroll
        for (int t = 0; t < C; t++) w[t] = LOAD4(w_at[t] + at);
#pragma unroll
        for (int p = 0; p < ROWS; p++) {
          float4 x = LOAD4((p < HALF ? near + p * D : far + (p - HALF) * D) + at);
#pragma unroll
          for (int t = 0; t < C; t++) {
            a[p][t] += x.x * w[t].x;
            a[p][t] += x.y * w[t].y;
            a[p][t] += x.z * w[t].z;
            a[p][t] += x.w * w[t].w;
          }
        }
      }
    }
    gather<S, C, false>(a, lane);
    float *to = E + tile * ET + h * EH;
#pragma unroll
    for (int t = 0; t < kept_columns<S, C>(); t++) {
      const int c = c0 + LANES * column<S, C>(t, lane);
      if (K % SPAN == 0 || c < K) {
#pragma unroll
        for (int p = 0; p < Kept<S>::rows; p++) {
          const int i = tile * ROWS + (S > 1 ? h * HALF : 0) + p;
          const float y = i >= c * PER_CLASS && i < (c + 1) * PER_CLASS && c < REAL_K ? 1.f : 0.f;
          const float z = a[p][t];
          STORE1((S > 1 || p < HALF ? to + p * K : to + EH + (p - HALF) * K) + c, RESIDUAL);
        }
      }
    }
    if (TILES * SPANS <= WARPS) break;
  }
}

/* D_l = (G Vᵀ) ⊙ σ' in place of X, and V −= decay V + Xᵀ G with the same V; or, in the first layer,
X_1 −= fade X_1 + share G Vᵀ. G has CHUNKS × 4 columns in halves of tiles GH apart. LAST: V is V_L, given as W. */
template <int S, int C, int CHUNKS, int GH, bool LAST>
INLINE void backward(const float *G, float *X, float *V, float decay, Mode mode, float fade, float share, int warp,
                     int lane) {
  constexpr int LANES = 32 / S, SPAN = LANES * C, MINE = (CHUNKS + S - 1) / S, GS = 4 * CHUNKS;
  constexpr bool MANY = TILES > 1;
  const int r = lane % LANES, q = part<S>(lane), h = half<S>(lane);
#pragma unroll 1
  for (int k0 = warp * SPAN; k0 < D; k0 += WARPS * SPAN) {
    int k[C];
    bool live[C];
#pragma unroll
    for (int t = 0; t < C; t++) {
      k[t] = k0 + r + LANES * column<S, C>(t, lane);
      live[t] = D % SPAN == 0 || k[t] < D;
      if (!live[t]) k[t] = D - 1;
    }
    float g[MANY ? MINE : 1][C][4]; /* the gradient of V */
#pragma unroll 1
    for (int tile = 0; tile < TILES; tile++) {
      const float *near = G + tile * 2 * GH + h * GH, *far = G + tile * 2 * GH + (1 - h) * GH;
      float *own = X + tile * XT + h * XH, *other = X + tile * XT + (1 - h) * XH;
      float x[ROWS][C], a[ROWS][C];
#pragma unroll
      for (int p = 0; p < ROWS; p++)
#pragma unroll
        for (int t = 0; t < C; t++) {
          x[p][t] = LOAD1((p < HALF ? own + p * D : other + (p - HALF) * D) + k[t]);
          a[p][t] = 0;
        }
#pragma unroll(MANY ? MINE : UNROLL_BACKWARD)
      for (int m = 0; m < MINE; m++) {
        const int at = 4 * chunk_of<S, CHUNKS>(m, q), n = MANY ? m : 0;
        if (CHUNKS % S == 0 || at < GS) {
          float v[C][4];
#pragma unroll
          for (int t = 0; t < C; t++) {
            if constexpr (LAST) {
#pragma unroll
              for (int u = 0; u < 4; u++) v[t][u] = LOAD1(V + (at + u) * VS + k[t]);
            } else {
              float4 z = LOAD4(V + k[t] * VS + at);
              v[t][0] = z.x, v[t][1] = z.y, v[t][2] = z.z, v[t][3] = z.w;
            }
            if (!MANY || tile == 0) {
#pragma unroll
              for (int u = 0; u < 4; u++) g[n][t][u] = decay * v[t][u];
            }
          }
#pragma unroll
          for (int p = 0; p < ROWS; p++) {
            const float4 e = LOAD4((p < HALF ? near + p * GS : far + (p - HALF) * GS) + at);
#pragma unroll
            for (int t = 0; t < C; t++) {
              a[p][t] += e.x * v[t][0];
              g[n][t][0] += e.x * x[p][t];
              a[p][t] += e.y * v[t][1];
              g[n][t][1] += e.y * x[p][t];
              a[p][t] += e.z * v[t][2];
              g[n][t][2] += e.z * x[p][t];
              a[p][t] += e.w * v[t][3];
              g[n][t][3] += e.w * x[p][t];
            }
          }
          if (!MANY || tile == TILES - 1) {
#pragma unroll
            for (int t = 0; t < C; t++) {
              if (live[t]) {
                if constexpr (LAST) {
#pragma unroll
                  for (int u = 0; u < 4; u++) STORE1(V + (at + u) * VS + k[t], v[t][u] - g[n][t][u]);
                } else
                  STORE4(V + k[t] * VS + at, make_float4(v[t][0] - g[n][t][0], v[t][1] - g[n][t][1],
                                                         v[t][2] - g[n][t][2], v[t][3] - g[n][t][3]));
              }
            }
          }
        }
      }
      gather<S, C, false>(a, lane);
      __syncwarp(); /* every lane has read its x */
#pragma unroll
      for (int t = 0; t < kept_columns<S, C>(); t++) {
        if (live[t]) {
#pragma unroll
          for (int p = 0; p < Kept<S>::rows; p++) {
            float z = mode == FEATURES ? x[p][t] - (fade * x[p][t] + share * a[p][t])
                                       : mode == LINEAR || x[p][t] > 0 ? a[p][t] : 0.f;
            STORE1((S > 1 || p < HALF ? own + p * D : other + (p - HALF) * D) + k[t], z);
          }
        }
      }
    }
    if (SPAN * WARPS >= D) break;
  }
}

/* Between global and shared memory. */
template <bool IN> INLINE void copy_state(float *state, float *memory, int thread) {
  for (int f = 4 * thread; f < N * D; f += 4 * THREADS) {
    const int i = f / D, tile = i / ROWS, p = i % ROWS;
    float *at = memory + tile * XT + (p < HALF ? p * D : XH + (p - HALF) * D) + f % D;
    if (IN) STORE4(at, __ldcg((const float4 *)(state + f)));
    else *(float4 *)(state + f) = LOAD4(at);
  }
  state += N * D;
  for (int f = 4 * thread; f < (L - 1) * D * D; f += 4 * THREADS) {
    float *at = memory + AT_V + f / D * VS + f % D;
    if (IN) STORE4(at, __ldcg((const float4 *)(state + f)));
    else *(float4 *)(state + f) = LOAD4(at);
  }
  state += (L - 1) * D * D;
  for (int f = thread; f < D * K; f += THREADS) {
    float *at = memory + AT_W + f % K * VS + f / K;
    if (IN) STORE1(at, __ldcg(state + f));
    else state[f] = LOAD1(at);
  }
}

/* Take `count` steps of every run.

state: STATE floats a run; read at the start, written at the end.
coefficients: L + 3 floats a run: what ∂ℓ/∂output is multiplied by, the step size included; 1/copies; step size times
λ_{H_1}, λ_{W_1}, …, λ_{W_L}.
pace: a factor on the step size for each of the steps; nullptr for ones.
slice: a block takes at most so many steps of a run before it turns to what is next: then all blocks end together.
queue: 1 + runs zeros.

A block waits only for a slice that a running block has taken, so any number of blocks will do.
*/
extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)
    nccli_steps(float *state, const float *coefficients, const float *pace, int runs, int count, int slice,
                int *queue) {
  float *const memory = (float *)shared_memory;
  float *const X = memory, *const V = memory + AT_V, *const W = memory + AT_W, *const E = memory + AT_E;
  float *const C = memory + AT_C;
  volatile int *const turn = (volatile int *)(memory + AT_C + L + 3);
  const int thread = threadIdx.x, warp = thread >> 5, lane = thread & 31;
  const int slices = (count + slice - 1) / slice;
  for (;;) {
    if (thread == 0) {
      const int item = atomicAdd(queue, 1), run = item % runs, now = item / runs;
      if (now < slices)
        while (*(volatile int *)(queue + 1 + run) < now) {
        }
      __threadfence();
      turn[0] = run, turn[1] = now;
    }
    __syncthreads();
    const int run = turn[0], now = turn[1];
    if (now >= slices) return;
    float *const mine = state + (long long)run * STATE;
    copy_state<true>(mine, memory, thread);
    for (int i = thread; i < L + 3; i += THREADS) C[i] = coefficients[run * (L + 3) + i];
    __syncthreads();
    const int steps = now == slices - 1 ? count - now * slice : slice;
#pragma unroll 1
    for (int step = 0; step < steps; step++) {
      const float rate = pace ? pace[now * slice + step] : 1.f;
#pragma unroll 1
      for (int l = 1; l < L; l++) {
        forward<FORWARD_S, FORWARD_C>(X + (l - 1) * XL, V + (l - 1) * VL, X + l * XL, is_active(l + 1), warp, lane);
        barrier();
      }
      output<OUTPUT_S, OUTPUT_C>(X + (L - 1) * XL, W, E, rate * LOAD1(C), warp, lane);
      barrier();
      backward<BACKWARD_S, BACKWARD_C, K / 4, EH, true>(E, X + (L - 1) * XL, W, rate * LOAD1(C + 2 + L),
                                                        is_active(L) ? RELU : LINEAR, 0, 0, warp, lane);
      barrier();
#pragma unroll 1
      for (int l = L - 1; l > 0; l--) {
        const Mode mode = l == 1 ? FEATURES : is_active(l) ? RELU : LINEAR;
        backward<BACKWARD_S, BACKWARD_C, D / 4, XH, false>(X + l * XL, X + (l - 1) * XL, V + (l - 1) * VL,
                                                           rate * LOAD1(C + 2 + l), mode, rate * LOAD1(C + 2),
                                                           LOAD1(C + 1), warp, lane);
        barrier();
      }
    }
    __syncthreads();
    copy_state<false>(mine, memory, thread);
    __threadfence();
    __syncthreads();
    if (thread == 0) *(volatile int *)(queue + 1 + run) = now + 1;
  }
}

/* Gradient descent on one L-DUFM, many steps in cache (theory sheet, section 1).

Compiled for one shape: REAL; N rows (samples, or classes of a collapsed point), D width, K classes, each padded with
zeros as below; L layers; VEC reals in a vector; ACT(l) whether layer l is activated, EPSILON of ReLU_ε or SLOPE of
leaky ReLU where there is one; UNEQUAL where there are not as many samples behind each row. Padding stays zero: a zero
row or column receives a zero gradient, and σ(0) = 0.

choices.h is made for the optimiser and the objective (`nccli.dufm.optimizers`, `nccli.objective`): UPDATE, the body of
`update`, STEP_IN_GRADIENT, DECOUPLED and MORE for it; RESIDUAL, the gradient of a row's loss by its output from vectors z and y;
MIXES_OUTPUTS and RESIDUAL_ROWS, a function that makes it where the outputs of a row are mixed.

Row-major, contiguous axis first in a vector: X_1 (N × D), V (L−1 × D × D), V_L (D × K) one after the other in P, then
what the optimiser remembers of each, laid out the same; Y (N × K). All are in the transposed orientation of
`nccli.dufm.engine`. N is a multiple of ROWS, D and K of VEC.
*/
#include <math.h>
#include <stddef.h>

#include "choices.h"
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

typedef REAL vec __attribute__((vector_size(VEC * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));
#define AT(p) (*(vec *)(p))
#define GIVEN(p) (*(const vec *)(p))
typedef __typeof__((vec){0} > (vec){0}) mask;
#define EACH(i, n) _Pragma("GCC unroll 16") for (int i = 0; i < (n); i++)

/* C = A B, ROWS rows and BLOCK vectors of C at a time in registers; the last argument stores each vector z at C + at. */
#define PRODUCT(name, INNER, LDA, COLS, BLOCK, ARGS, ...)                                         \
  static void name(const REAL *restrict A, const REAL *restrict B, REAL *restrict C ARGS) {       \
    for (int i0 = 0; i0 < N; i0 += ROWS)                                                          \
      for (int j0 = 0; j0 < COLS; j0 += BLOCK * VEC) {                                            \
        vec sum[ROWS][BLOCK];                                                                     \
        EACH(i, ROWS) EACH(j, BLOCK) sum[i][j] = (vec){0};                                        \
        for (int k = 0; k < INNER; k++) {                                                         \
          vec b[BLOCK];                                                                           \
          EACH(j, BLOCK) b[j] = GIVEN(B + k * COLS + j0 + j * VEC);                               \
          EACH(i, ROWS) {                                                                         \
            REAL a = A[(i0 + i) * LDA + k];                                                       \
            EACH(j, BLOCK) sum[i][j] += a * b[j];                                                 \
          }                                                                                       \
        }                                                                                         \
        EACH(i, ROWS) EACH(j, BLOCK) {                                                            \
          int at = (i0 + i) * COLS + j0 + j * VEC;                                                \
          vec z = sum[i][j];                                                                      \
          __VA_ARGS__;                                                                            \
        }                                                                                         \
      }                                                                                           \
  }

#define SIZE ((long)N * D + (L - 1) * (long)D * D + (long)D * K)

/* What a step needs to change a parameter. With STEP_IN_GRADIENT g and decay carry the step size η already, with
DECOUPLED decay alone. */
typedef struct {
  REAL rate, beta;         /* η, momentum */
  REAL factor, share;      /* of E, and of ∂X_1 in one of the samples behind a row */
  REAL decay[L + 1];       /* of X_1, V_1, …, V_L */
  REAL more[MORE + 1];     /* what else the optimiser needs to know of this step */
} Step;

/* Apply the gradient g, weight decay included unless DECOUPLED, to the vector at p; what is remembered of it is at p + SIZE, …. */
static inline void update(REAL *p, vec g, const Step *s) { UPDATE }

#if DECOUPLED /* the gradient is the fit's alone, and what it is applied to is shrunk before */
#define BEGIN(p, decay) ((vec){0})
#define SHRINK(p, decay) AT(p) -= (decay) * GIVEN(p)
#else
#define BEGIN(p, decay) ((decay) * GIVEN(p))
#define SHRINK(p, decay)
#endif

/* The gradient decay V + Xᵀ G, STRIP rows of V at a time, and the step along it. */
#define DESCEND(name, COLS, BLOCK)                                                                \
  static void name(REAL *restrict V, REAL decay, const REAL *restrict X, const REAL *restrict G, const Step *s) { \
    for (int k0 = 0; k0 < D; k0 += STRIP)                                                         \
      for (int j0 = 0; j0 < COLS; j0 += BLOCK * VEC) {                                            \
        vec sum[STRIP][BLOCK];                                                                    \
        EACH(k, STRIP) EACH(j, BLOCK) sum[k][j] = BEGIN(V + (k0 + k) * COLS + j0 + j * VEC, decay); \
        for (int i = 0; i < N; i++) {                                                             \
          vec g[BLOCK];                                                                           \
          EACH(j, BLOCK) g[j] = GIVEN(G + i * COLS + j0 + j * VEC);                               \
          EACH(k, STRIP) {                                                                        \
            REAL x = X[i * D + k0 + k];                                                           \
            EACH(j, BLOCK) sum[k][j] += x * g[j];                                                 \
          }                                                                                       \
        }                                                                                         \
        EACH(k, STRIP) EACH(j, BLOCK) {                                                           \
          REAL *p = V + (k0 + k) * COLS + j0 + j * VEC;                                           \
          SHRINK(p, decay);                                                                       \
          update(p, sum[k][j], s);                                                                \
        }                                                                                         \
      }                                                                                           \
  }

/* T = Vᵀ by VEC × VEC blocks in registers. */
static void transpose(const REAL *restrict V, REAL *restrict T, int rows, int cols) {
  for (int i0 = 0; i0 < rows; i0 += VEC)
    for (int j0 = 0; j0 < cols; j0 += VEC) {
      vec a[VEC];
      EACH(i, VEC) a[i] = GIVEN(V + (i0 + i) * cols + j0);
      mask lane;
      EACH(i, VEC) lane[i] = i;
#pragma GCC unroll 5
      for (int s = 1; s < VEC; s *= 2) {
        mask odd = (lane & s) != 0;
        mask low = (odd & (lane - s + VEC)) | (~odd & lane);
        mask high = (odd & (lane + VEC)) | (~odd & (lane + s));
        EACH(i, VEC) if (!(i & s)) {
          vec x = a[i], y = a[i + s];
          a[i] = __builtin_shuffle(x, y, low);
          a[i + s] = __builtin_shuffle(x, y, high);
        }
      }
      EACH(i, VEC) AT(T + (j0 + i) * rows + i0) = a[i];
    }
}

/* z where test > 0, else 0. */
static inline vec where_positive(vec test, vec z) { return (vec)((mask)(test > (vec){0}) & (mask)z); }

#define NOTHING
#define AND ,
#ifdef EPSILON /* σ(z) = t²(2ε−t)/ε² + max(z−ε, 0), σ'(z) = t(4ε−3t)/ε², t = clamp(z, 0, ε) */
PRODUCT(forward_act, D, D, D, BLOCK_D, AND REAL *restrict S, {
  const vec e = (vec){0} + (REAL)EPSILON;
  vec above = where_positive(z - e, z - e), t = where_positive(z, z) - above;
  AT(C + at) = t * t * (2 * e - t) / (e * e) + above;
  AT(S + at) = t * (4 * e - 3 * t) / (e * e);
})
PRODUCT(backward_act, D, D, D, BLOCK_D, AND const REAL *restrict S, AT(C + at) = z * GIVEN(S + at))
PRODUCT(backward_out_act, K, K, D, BLOCK_D, AND const REAL *restrict S, AT(C + at) = z * GIVEN(S + at))
#else /* σ'(z) = 1 where σ(z) > 0 */
#ifdef SLOPE /* z where test > 0, else SLOPE z */
static inline vec kept(vec test, vec z) {
  mask on = (mask)(test > (vec){0});
  return (vec)((on & (mask)z) | (~on & (mask)((REAL)SLOPE * z)));
}
#else
static inline vec kept(vec test, vec z) { return where_positive(test, z); }
#endif
PRODUCT(forward_act, D, D, D, BLOCK_D, NOTHING, AT(C + at) = kept(z, z))
PRODUCT(backward_act, D, D, D, BLOCK_D, AND const REAL *restrict S, AT(C + at) = kept(GIVEN(S + at), z))
PRODUCT(backward_out_act, K, K, D, BLOCK_D, AND const REAL *restrict S, AT(C + at) = kept(GIVEN(S + at), z))
#endif
PRODUCT(forward, D, D, D, BLOCK_D, NOTHING, AT(C + at) = z)
PRODUCT(backward, D, D, D, BLOCK_D, NOTHING, AT(C + at) = z)
PRODUCT(backward_out, K, K, D, BLOCK_D, NOTHING, AT(C + at) = z)
#ifdef UNEQUAL
#define BEHIND const REAL *behind AND
#define SHARE / behind[i0 + i]
#else
#define BEHIND
#define SHARE * s->share
#endif
PRODUCT(descend_features, D, D, D, BLOCK_D, AND BEHIND const Step *s, {
  vec g = BEGIN(C + at, s->decay[0]) + z SHARE;
  SHRINK(C + at, s->decay[0]);
  update(C + at, g, s);
})
PRODUCT(output, D, D, K, BLOCK_K, AND const REAL *restrict Y AND REAL factor, {
  const vec y = GIVEN(Y + at);
  AT(C + at) = RESIDUAL;
})
#if MIXES_OUTPUTS
RESIDUAL_ROWS
#endif
DESCEND(descend, D, BLOCK_D)
DESCEND(descend_last, K, BLOCK_K)

/* Take `count` steps.

pace: 1 + MORE numbers a step, see `nccli.dufm.pace`; NULL for ones.
rows, classes: without padding.
lr, inverse_rows (1/rows without padding; 1/samples for UNEQUAL), share, beta: see Step.
wd: λ_{H_1}, λ_{W_1}, …, λ_{W_L}.
behind: for UNEQUAL, samples behind each row.
*/
void nccli_steps(long count, const double *pace, REAL *P, const REAL *Y, int rows, int classes, double lr,
                 double inverse_rows, double share, double beta, const double *wd, REAL *scratch, const REAL *behind) {
#if defined(__SSE__)
  unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040); /* subnormals are zero: weights that decay to zero would slow every product down */
#endif
  REAL *V = P + N * D, *V_L = V + (L - 1) * (long)D * D;
  REAL *X[L], *S[L], *G[2], *E, *T;
  X[0] = P;
  for (int l = 1; l < L; l++) X[l] = scratch, scratch += N * D;
#ifdef EPSILON
  for (int l = 1; l < L; l++) S[l] = scratch, scratch += N * D;
#else
  for (int l = 1; l < L; l++) S[l] = X[l];
#endif
  G[0] = scratch, G[1] = G[0] + N * D, E = G[1] + N * D, T = E + N * K;
  for (long step = 0; step < count; step++) {
    const double *now = pace ? pace + (1 + MORE) * step : NULL;
    double rate = now ? lr * now[0] : lr, scale = STEP_IN_GRADIENT ? rate : 1;
    double shrinks = STEP_IN_GRADIENT || DECOUPLED ? rate : 1;
    Step s = {(REAL)rate, (REAL)beta, (REAL)(scale * inverse_rows), (REAL)share};
    for (int l = 0; l <= L; l++) s.decay[l] = (REAL)(shrinks * wd[l]);
    for (int i = 0; i < MORE; i++) s.more[i] = now ? (REAL)now[1 + i] : 1;
#pragma GCC unroll 1
    for (int l = 1; l < L; l++) {
      const REAL *W = V + (l - 1) * (long)D * D;
      if (!ACT(l + 1)) forward(X[l - 1], W, X[l]);
#ifdef EPSILON
      else forward_act(X[l - 1], W, X[l], S[l]);
#else
      else forward_act(X[l - 1], W, X[l]);
#endif
    }
    output(X[L - 1], V_L, E, Y, s.factor);
#if MIXES_OUTPUTS
    residual_rows(E, Y, rows, classes, s.factor);
#endif
#ifdef UNEQUAL
    for (int i = 0; i < N; i++)
      for (int j = 0; j < K; j += VEC) AT(E + i * K + j) *= behind[i];
#endif
    transpose(V_L, T, D, K);
    if (ACT(L)) backward_out_act(E, T, G[0], S[L - 1]);
    else backward_out(E, T, G[0]);
    descend_last(V_L, s.decay[L], X[L - 1], E, &s);
    int turn = 0;
#pragma GCC unroll 1
    for (int l = L - 1; l > 0; l--, turn = 1 - turn) {
      REAL *W = V + (l - 1) * (long)D * D;
      transpose(W, T, D, D);
      if (l > 1) {
        if (ACT(l)) backward_act(G[turn], T, G[1 - turn], S[l - 1]);
        else backward(G[turn], T, G[1 - turn]);
      }
      descend(W, s.decay[l], X[l - 1], G[turn], &s);
#ifdef UNEQUAL
      if (l == 1) descend_features(G[turn], T, X[0], behind, &s);
#else
      if (l == 1) descend_features(G[turn], T, X[0], &s);
#endif
    }
  }
#if defined(__SSE__)
  _mm_setcsr(before);
#endif
}

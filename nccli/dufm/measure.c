/* Loss, gradient, collapse and rank of one run, in float64 whatever REAL is: see `nccli.dufm.measurement`.

Compiled with kernel.c, whose layout and macros this reads. */
#include <math.h>
#include <string.h>

#define SIZE ((long)N * D + (L - 1) * (long)D * D + (long)D * K)

/* C = A B; rows × inner times inner × cols. */
static inline void product(const double *restrict A, const double *restrict B, double *restrict C, int rows, int inner,
                           int cols) {
  for (long i = 0; i < rows; i++) {
    double *c = C + i * cols;
    memset(c, 0, cols * sizeof(double));
    for (long k = 0; k < inner; k++) {
      double a = A[i * inner + k];
      for (int j = 0; j < cols; j++) c[j] += a * B[k * cols + j];
    }
  }
}

/* T = Vᵀ, V is rows × cols. */
static inline void turn(const double *restrict V, double *restrict T, int rows, int cols) {
  for (long i = 0; i < rows; i++)
    for (long j = 0; j < cols; j++) T[j * rows + i] = V[i * cols + j];
}

static inline double square_sum(const double *a, long count) {
  double sum = 0;
  for (long i = 0; i < count; i++) sum += a[i] * a[i];
  return sum;
}

/* ‖Xᵀ G + decay V‖², X is N × D and G is N × cols; S holds D × cols numbers. */
static inline double gradient_square(const double *restrict X, const double *restrict G, const double *restrict V,
                                     double decay, double *restrict S, int cols) {
  for (long i = 0; i < (long)D * cols; i++) S[i] = decay * V[i];
  for (long i = 0; i < N; i++)
    for (long k = 0; k < D; k++) {
      double x = X[i * D + k];
      for (int j = 0; j < cols; j++) S[k * cols + j] += x * G[i * cols + j];
    }
  return square_sum(S, (long)D * cols);
}

/* Class means of X (classes × per rows) into M, and the squared distance to them; 0 where the samples are equal. */
static double within(const double *restrict X, double *restrict M, int classes, int per) {
  double sum = 0, shift[D];
  for (long c = 0; c < classes; c++) {
    const double *base = X + c * per * D;
    memset(shift, 0, sizeof shift);
    for (long i = 0; i < per; i++)
      for (int j = 0; j < D; j++) shift[j] += base[i * D + j] - base[j];
    for (int j = 0; j < D; j++) shift[j] /= per;
    for (long i = 0; i < per; i++)
      for (int j = 0; j < D; j++) {
        double off = base[i * D + j] - base[j] - shift[j];
        sum += off * off;
      }
    for (int j = 0; j < D; j++) M[c * D + j] = base[j] + shift[j];
  }
  return sum;
}

/* Whether the samples of each class are on the same side of zero everywhere. */
static int aligned(const double *Z, int classes, int per) {
  for (long c = 0; c < classes; c++)
    for (long i = 1; i < per; i++)
      for (int j = 0; j < D; j++)
        if ((Z[(c * per + i) * D + j] > 0) != (Z[c * per * D + j] > 0)) return 0;
  return 1;
}

/* Number of eigenvalues above x of a tridiagonal matrix: Sturm's sequence. */
static int above(const double *diagonal, const double *off, int n, double x) {
  int count = 0;
  double q = 1;
  for (int i = 0; i < n; i++) {
    q = diagonal[i] - x - (i ? off[i - 1] * off[i - 1] / q : 0);
    if (q == 0) q = 1e-300;
    count += q > 0;
  }
  return count;
}

/* Eigenvalues of A above max(rtol² · the largest, floor²): the rank of a matrix with this Gram matrix. A is destroyed. */
static int gram_rank(double *A, int n, double rtol, double floor) {
  double diagonal[n], off[n], v[n], p[n];
  for (int k = 0; k < n - 2; k++) { /* Householder's tridiagonal form */
    double norm = 0, scale = 0, along = 0;
    for (int i = k + 1; i < n; i++) norm += A[i * n + k] * A[i * n + k];
    norm = A[(k + 1) * n + k] > 0 ? -sqrt(norm) : sqrt(norm);
    off[k] = norm;
    for (int i = k + 1; i < n; i++) v[i] = A[i * n + k];
    v[k + 1] -= norm;
    for (int i = k + 1; i < n; i++) scale += v[i] * v[i];
    if (scale == 0) continue;
    for (int i = k + 1; i < n; i++) {
      p[i] = 0;
      for (int j = k + 1; j < n; j++) p[i] += A[i * n + j] * v[j];
      p[i] *= 2 / scale;
      along += p[i] * v[i];
    }
    for (int i = k + 1; i < n; i++) p[i] -= along / scale * v[i];
    for (int i = k + 1; i < n; i++)
      for (int j = k + 1; j < n; j++) A[i * n + j] -= v[i] * p[j] + p[i] * v[j];
  }
  if (n > 1) off[n - 2] = A[(n - 1) * n + n - 2];
  double low = 0, high = 0;
  for (int i = 0; i < n; i++) {
    diagonal[i] = A[i * n + i];
    double reach = diagonal[i] + (i ? fabs(off[i - 1]) : 0) + (i < n - 1 ? fabs(off[i]) : 0);
    low = diagonal[i] > low ? diagonal[i] : low;
    high = reach > high ? reach : high;
  }
  while (high - low > 1e-7 * high) { /* the largest lies between the largest diagonal entry and Gershgorin's bound */
    double middle = 0.5 * (low + high);
    if (above(diagonal, off, n, middle)) low = middle;
    else high = middle;
  }
  double threshold = rtol * rtol * low;
  return above(diagonal, off, n, threshold > floor * floor ? threshold : floor * floor);
}

/* Numbers of working memory that nccli_measure needs. */
long nccli_measure_scratch(void) {
  return SIZE + (2 * L + 3) * (long)N * D + 2 * (long)N * K + 2 * (long)D * (D > K ? D : K) + (long)K * D + (long)K * K;
}

/* Measure one run; arguments as below. */
static void measure(const REAL *P, const REAL *Y, int classes, int per, int copies, double momentum,
                    const double *wd, double rtol, double floor, double *scratch, double *found) {
  double *W = scratch, *Z[L + 1], *H[L + 1], *G, *B, *F, *E, *T, *S, *M, *A;
  scratch += SIZE;
  for (int l = 2; l <= L; l++) Z[l] = scratch, H[l] = scratch + (long)N * D, scratch += 2 * (long)N * D;
  G = scratch, B = G + (long)N * D, F = B + (long)N * D, E = F + (long)N * D, T = E + 2 * (long)N * K;
  S = T + (long)D * (D > K ? D : K), M = S + (long)D * (D > K ? D : K), A = M + (long)K * D;
  for (long i = 0; i < SIZE; i++) W[i] = P[i];
  double *V = W + (long)N * D, *V_L = V + (L - 1) * (long)D * D;
  H[1] = W;
  int rows = classes * per;
  double fit = 0, reg = 0.5 * copies * wd[0] * square_sum(W, (long)N * D), square = 0, widest = 0;

  for (int l = 1; l < L; l++) {
    const double *weights = V + (l - 1) * (long)D * D;
    product(H[l], weights, Z[l + 1], N, D, D);
    for (long i = 0; i < (long)N * D; i++) {
      double z = Z[l + 1][i];
#ifdef EPSILON
      double e = EPSILON, t = z < 0 ? 0 : z > e ? e : z;
      if (ACT(l + 1)) z = t * t * (2 * e - t) / (e * e) + (z > e ? z - e : 0);
#else
      if (ACT(l + 1)) z = z > 0 ? z : 0 * z; /* nan stays nan */
#endif
      H[l + 1][i] = z;
    }
    reg += 0.5 * wd[l] * square_sum(weights, (long)D * D);
  }
  reg += 0.5 * wd[L] * square_sum(V_L, (long)D * K);
  product(H[L], V_L, E, N, D, K);
  for (long i = 0; i < (long)N * K; i++) E[i] -= Y[i], fit += E[i] * E[i], E[i] /= rows;
  fit /= 2.0 * rows;

  square += gradient_square(H[L], E, V_L, wd[L], S, K);
  turn(V_L, T, D, K);
  product(E, T, G, N, K, D);
  for (int l = L; l > 1; l--) {
    const double *weights = V + (l - 2) * (long)D * D;
    for (long i = 0; i < (long)N * D; i++) {
      double z = Z[l][i];
#ifdef EPSILON
      double e = EPSILON, t = z < 0 ? 0 : z > e ? e : z;
      if (ACT(l)) G[i] *= t * (4 * e - 3 * t) / (e * e);
#else
      if (ACT(l) && !(z > 0)) G[i] = 0;
#endif
    }
    square += gradient_square(H[l - 1], G, weights, wd[l - 1], S, D);
    turn(weights, T, D, D);
    product(G, T, B, N, D, D);
    double *other = G;
    G = B, B = other;
  }
  double features = 0;
  for (long i = 0; i < (long)N * D; i++) {
    double g = G[i] / copies + wd[0] * W[i];
    features += g * g;
  }
  square += copies * features;

  int together = 1, finite = isfinite(fit) && isfinite(reg) && isfinite(square);
  for (int stage = 0; stage < 2 * L - 1; stage++) { /* (1, post), (2, pre), (2, post), … */
    int l = 1 + (stage + 1) / 2;
    const double *X = stage && stage % 2 ? Z[l] : H[l];
    double inside = within(X, M, classes, per), total = square_sum(X, (long)rows * D), between = 0;
    for (int j = 0; j < D; j++) {
      double mean = 0;
      for (int c = 0; c < classes; c++) mean += M[(long)c * D + j];
      mean /= classes;
      for (int c = 0; c < classes; c++) between += per * (M[(long)c * D + j] - mean) * (M[(long)c * D + j] - mean);
    }
    for (int a = 0; a < classes; a++)
      for (int b = 0; b < classes; b++) {
        double dot = 0;
        for (int j = 0; j < D; j++) dot += M[(long)a * D + j] * M[(long)b * D + j];
        A[a * classes + b] = dot;
      }
#ifndef EPSILON
    if (stage % 2 && ACT(l)) together = together && aligned(X, classes, per);
#endif
    int sound = isfinite(square_sum(A, classes * classes));
    finite = finite && sound;
    found[6 + stage] = inside / between;
    found[6 + 2 * L - 1 + stage] = sound ? gram_rank(A, classes, rtol, floor) : 0;
    if (total > 0 && inside / total > widest) widest = inside / total;
  }
#if OPTIMIZER == 1 || OPTIMIZER == 2
  for (long i = 0; i < (long)N * D; i++) F[i] = P[SIZE + i] * (1 - momentum) / wd[0];
  double inside = within(F, M, classes, per), total = square_sum(W, (long)N * D);
  if (total > 0 && inside / total > widest) widest = inside / total;
#endif
  if (!finite) memset(found + 6 + 2 * L - 1, 0, (2 * L - 1) * sizeof(double));
  found[0] = fit, found[1] = reg, found[2] = sqrt(square), found[3] = sqrt(widest), found[4] = together, found[5] = finite;
}

/* Measure so many runs, whose states lie one after the other from P on.

classes, per: of the rows that are no padding. copies: samples behind a row. wd: λ_{H_1}, λ_{W_1}, …, λ_{W_L} of each.
found: of each run fit, reg, ‖∇loss‖, relative within-class deviation, whether no class is split by a kink, whether
all is finite, DNC1 by stage, rank by stage.
*/
void nccli_measure(long runs, const REAL *P, const REAL *Y, int moments, int classes, int per, int copies,
                   double momentum, const double *wd, double rtol, double floor, double *scratch, double *found) {
  for (long run = 0; run < runs; run++)
    measure(P + run * (1 + moments) * SIZE, Y, classes, per, copies, momentum, wd + run * (L + 1), rtol, floor, scratch,
            found + run * (6 + 2 * (2 * L - 1)));
}

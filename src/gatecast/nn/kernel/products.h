/* Numbers, vectors of them, and products of small matrices. */

#include <stdint.h>

#ifdef DOUBLE
#include <math.h>
typedef double real;
typedef int64_t integer;
#else
typedef float real;
typedef int32_t integer;
#endif

#if defined(__AVX512F__)
enum { BYTES = 64, ROWS = 8, WIDE = 3 };
#elif defined(__AVX__)
enum { BYTES = 32, ROWS = 4, WIDE = 3 };
#else
enum { BYTES = 4 * sizeof(real), ROWS = 4, WIDE = 3 };
#endif
enum { LANES = BYTES / sizeof(real), PAD = 4 };
enum { PIECE_WORK = 1 << 21, PIECE_ROWS = 16, MOST_PIECES = 8 };

typedef real Vector __attribute__((vector_size(BYTES)));
typedef real Loose __attribute__((vector_size(BYTES), aligned(sizeof(real)), may_alias));
typedef integer LooseInts __attribute__((vector_size(BYTES), aligned(sizeof(real)), may_alias));
typedef real Quad __attribute__((vector_size(PAD * sizeof(real)), aligned(sizeof(real)), may_alias));
typedef integer QuadInts __attribute__((vector_size(PAD * sizeof(real)), aligned(sizeof(real)), may_alias));
#define INLINE static inline __attribute__((always_inline))

INLINE long round_up(long n, long to) { return (n + to - 1) / to * to; }

/* c (rows, vecs · LANES) = a (rows, depth) b (depth, vecs · LANES), with `add` +=; rows, vecs are constants. */
INLINE void tile(const int rows, const int vecs, int add, long depth, const real *a, long a_row, long a_deep,
                 const real *b, long b_row, real *c, long c_row) {
    Vector sum[8][8];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
        for (int v = 0; v < vecs; v++) sum[r][v] = (Vector){0};
    if (add)
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
            for (int v = 0; v < vecs; v++) sum[r][v] = *(const Loose *)(c + r * c_row + v * LANES);
    for (long k = 0; k < depth; k++, a += a_deep, b += b_row) {
        Vector line[8];
#pragma GCC unroll 8
        for (int v = 0; v < vecs; v++) line[v] = *(const Loose *)(b + v * LANES);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
            for (int v = 0; v < vecs; v++) sum[r][v] += a[r * a_row] * line[v];
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
        for (int v = 0; v < vecs; v++) *(Loose *)(c + r * c_row + v * LANES) = sum[r][v];
}

#define TILE(R, V) \
    case (R) * 16 + (V): tile(R, V, add, depth, a, a_row, a_deep, b, b_row, c, c_row); break;
#define TILES(R) TILE(R, 1) TILE(R, 2) TILE(R, 3)

/* c (rows, n) = a (rows, depth) b (depth, n), with `add` +=; n is rounded up to LANES, an entry of a is
   a[r · a_row + k · a_deep]. */
static void product(int add, long rows, long n, long depth, const real *a_all, long a_row, long a_deep,
                    const real *b_all, long b_row, real *c_all, long c_row) {
    long vectors = (n + LANES - 1) / LANES;
    for (long v = 0, wide; v < vectors; v += wide) {
        long most = rows == 1 ? 8 : WIDE;
        wide = vectors - v < most ? vectors - v : most;
        for (long r = 0, high; r < rows; r += high) {
            high = rows - r < ROWS ? rows - r : ROWS;
            const real *a = a_all + r * a_row, *b = b_all + v * LANES;
            real *c = c_all + r * c_row + v * LANES;
            switch (high * 16 + wide) {
                TILES(1) TILE(1, 4) TILE(1, 5) TILE(1, 6) TILE(1, 7) TILE(1, 8)
                TILES(2) TILES(3) TILES(4)
#if defined(__AVX512F__)
                TILES(5) TILES(6) TILES(7) TILES(8)
#endif
            }
        }
    }
}

#ifdef __clang__
#define SHUFFLED(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLED(a, b, ...) __builtin_shuffle(a, b, (QuadInts){__VA_ARGS__})
#endif

/* to (columns, rows) = scale · from (rows, columns), turned over. */
static void turn(long rows, long columns, real scale, const real *from, long from_row, real *to, long to_row) {
    long r = 0;
    for (; r + 4 <= rows; r += 4) {
        long c = 0;
        for (; c + 4 <= columns; c += 4) {
            const real *f = from + r * from_row + c;
            Quad a = *(const Quad *)f, b = *(const Quad *)(f + from_row);
            Quad d = *(const Quad *)(f + 2 * from_row), e = *(const Quad *)(f + 3 * from_row);
            Quad ab = SHUFFLED(a, b, 0, 4, 1, 5), ab_high = SHUFFLED(a, b, 2, 6, 3, 7);
            Quad de = SHUFFLED(d, e, 0, 4, 1, 5), de_high = SHUFFLED(d, e, 2, 6, 3, 7);
            real *t = to + c * to_row + r;
            *(Quad *)t = scale * SHUFFLED(ab, de, 0, 1, 4, 5);
            *(Quad *)(t + to_row) = scale * SHUFFLED(ab, de, 2, 3, 6, 7);
            *(Quad *)(t + 2 * to_row) = scale * SHUFFLED(ab_high, de_high, 0, 1, 4, 5);
            *(Quad *)(t + 3 * to_row) = scale * SHUFFLED(ab_high, de_high, 2, 3, 6, 7);
        }
        for (; c < columns; c++)
            for (long n = r; n < r + 4; n++) to[c * to_row + n] = scale * from[n * from_row + c];
    }
    for (; r < rows; r++)
        for (long c = 0; c < columns; c++) to[c * to_row + r] = scale * from[r * from_row + c];
}

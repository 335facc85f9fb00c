/* Numbers, vectors of them, and products of small matrices. */

#include <stddef.h>
#include <stdint.h>

#ifdef DOUBLE_PRECISION
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
typedef real Octet __attribute__((vector_size(8 * sizeof(real)), aligned(sizeof(real)), may_alias));
typedef integer OctetInts __attribute__((vector_size(8 * sizeof(real)), aligned(sizeof(real)), may_alias));
#define INLINE static inline __attribute__((always_inline))

INLINE int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

/* Two factors of a product: a (rows, depth), whose entries are a[r · a_row + k · a_deep], and b (depth, …). */
typedef struct {
    int64_t depth;
    const real *a;
    int64_t a_row, a_deep;
    const real *b;
    int64_t b_row;
} Factors;

/* sum (rows, vecs) += a b, of which a and b are given from their first entry on. */
INLINE void add_product(const int rows, const int vecs, Vector sum[8][8], int64_t depth, const real *a, int64_t a_row,
                        int64_t a_deep, const real *b, int64_t b_row) {
    for (int64_t k = 0; k < depth; k++, a += a_deep, b += b_row) {
        Vector line[8];
#pragma GCC unroll 8
        for (int v = 0; v < vecs; v++) line[v] = *(const Loose *)(b + v * LANES);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
            for (int v = 0; v < vecs; v++) sum[r][v] += a[r * a_row] * line[v];
    }
}

/* c (rows, vecs · LANES) = start + a b, and + a b of the other factors, if any: their part from row and column on;
   rows, vecs are constants. start: rows start_row apart (0: one for all; c itself: add to c), or NULL for zero. */
INLINE void tile(const int rows, const int vecs, int64_t row, int64_t column, const Factors *one, const Factors *other,
                 const real *start, int64_t start_row, real *c, int64_t c_row) {
    Vector sum[8][8];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
        for (int v = 0; v < vecs; v++) sum[r][v] = (Vector){0};
    if (start)
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
            for (int v = 0; v < vecs; v++)
                sum[r][v] = *(const Loose *)(start + (row + r) * start_row + column + v * LANES);
    add_product(rows, vecs, sum, one->depth, one->a + row * one->a_row, one->a_row, one->a_deep, one->b + column,
                one->b_row);
    if (other)
        add_product(rows, vecs, sum, other->depth, other->a + row * other->a_row, other->a_row, other->a_deep,
                    other->b + column, other->b_row);
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
        for (int v = 0; v < vecs; v++) *(Loose *)(c + (row + r) * c_row + column + v * LANES) = sum[r][v];
}

#define TILE(R, V) \
    case (R) * 16 + (V): tile(R, V, r, v * LANES, one, other, start, start_row, c, c_row); break;
#define TILES(R) TILE(R, 1) TILE(R, 2) TILE(R, 3)

/* As `tile`, of any size: c (rows, n), n rounded up to LANES. */
INLINE void products(int64_t rows, int64_t n, const Factors *one, const Factors *other, const real *start,
                     int64_t start_row, real *c, int64_t c_row) {
    int64_t vectors = (n + LANES - 1) / LANES;
    for (int64_t v = 0, wide; v < vectors; v += wide) {
        int64_t most = rows == 1 ? 8 : WIDE;
        wide = vectors - v < most ? vectors - v : most;
        for (int64_t r = 0, high; r < rows; r += high) {
            high = rows - r < ROWS ? rows - r : ROWS;
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

static void product(int64_t rows, int64_t n, Factors factors, const real *start, int64_t start_row, real *c, int64_t c_row) {
    products(rows, n, &factors, NULL, start, start_row, c, c_row);
}

static void two_products(int64_t rows, int64_t n, Factors one, Factors other, const real *start, int64_t start_row,
                         real *c, int64_t c_row) {
    products(rows, n, &one, &other, start, start_row, c, c_row);
}

#ifdef __clang__
#define SHUFFLED(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLED(a, b, ...) __builtin_shuffle(a, b, (OctetInts){__VA_ARGS__})
#endif

/* Eight by eight numbers, turned over: pairs of rows are interleaved by one, by two and by four columns. */
INLINE void turn_block(real scale, const real *from, int64_t from_row, real *to, int64_t to_row) {
    Octet a[8], b[8];
#pragma GCC unroll 8
    for (int r = 0; r < 8; r++) a[r] = *(const Octet *)(from + r * from_row);
#pragma GCC unroll 4
    for (int r = 0; r < 8; r += 2) {
        b[r] = SHUFFLED(a[r], a[r + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        b[r + 1] = SHUFFLED(a[r], a[r + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
#pragma GCC unroll 4
    for (int n = 0; n < 4; n++) {
        int r = n + n / 2 * 2; /* 0, 1, 4, 5: with 2, 3, 6, 7 */
        a[2 * n] = SHUFFLED(b[r], b[r + 2], 0, 1, 8, 9, 4, 5, 12, 13);
        a[2 * n + 1] = SHUFFLED(b[r], b[r + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
        *(Octet *)(to + c * to_row) = scale * SHUFFLED(a[c], a[c + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        *(Octet *)(to + (c + 4) * to_row) = scale * SHUFFLED(a[c], a[c + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

/* to (columns, rows) = scale · from (rows, columns), turned over; the last blocks overlap those before. */
static void turn(int64_t rows, int64_t columns, real scale, const real *from, int64_t from_row, real *to, int64_t to_row) {
    if (rows < 8 || columns < 8) {
        for (int64_t c = 0; c < columns; c++)
            for (int64_t r = 0; r < rows; r++) to[c * to_row + r] = scale * from[r * from_row + c];
        return;
    }
    for (int64_t r = 0; r < rows; r += 8)
        for (int64_t c = 0; c < columns; c += 8) {
            int64_t row = r < rows - 8 ? r : rows - 8, column = c < columns - 8 ? c : columns - 8;
            turn_block(scale, from + row * from_row + column, from_row, to + column * to_row + row, to_row);
        }
}

/* memcpy of few numbers, without its call. */
INLINE void copy(int64_t size, const real *from, real *to) {
    int64_t n = 0;
    for (; n + LANES <= size; n += LANES) *(Loose *)(to + n) = *(const Loose *)(from + n);
    for (; n + PAD <= size; n += PAD) *(Quad *)(to + n) = *(const Quad *)(from + n);
    for (; n < size; n++) to[n] = from[n];
}

/* to (rows, to_row) = from (rows, size), the rest of each row zero; to_row is a multiple of LANES. */
static void widen(int64_t rows, int64_t size, const real *from, real *to, int64_t to_row) {
    const Vector zero = {0};
    LooseInts mask;
    for (int n = 0; n < LANES; n++) mask[n] = n < size % LANES ? -1 : 0;
    int64_t whole = size / LANES * LANES;
    for (int64_t r = 0; r < rows; r++, from += size, to += to_row) {
        for (int64_t i = 0; i < whole; i += LANES) *(Loose *)(to + i) = *(const Loose *)(from + i);
        if (whole < size && (rows - r) * size >= whole + LANES) /* reads on into the next rows */
            *(Loose *)(to + whole) = (Loose)(*(const LooseInts *)(from + whole) & mask);
        else if (whole < size)
            for (int64_t i = 0; i < LANES; i++) to[whole + i] = whole + i < size ? from[whole + i] : 0;
        for (int64_t i = round_up(size, LANES); i < to_row; i += LANES) *(Loose *)(to + i) = zero;
    }
}

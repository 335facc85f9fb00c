/* Recurrent layers on the processor, whole: gatecast.nn.kernel compiles this file and hands it to XLA.

   Everything is batch-first, vectors run over the gates. A block of ROWS sequences goes through all sessions
   before the next one starts, so that what it needs stays in the nearest cache. Hidden units are padded to
   PAD, rows of columns to LANES, with zeros, hence no loop has a ragged end. The batch is cut into pieces by
   the shapes alone, whose weight gradients are added in order: the same bits on one thread or many.

   Names: B sequences, T sessions, F features, H hidden units, Hp = H padded; a cell has `columns` blocks of
   Hp pre-activations p, of which x reaches in_blocks from in_from on and h reaches hid_blocks from hid_from
   on (a GRU's r comes between what x and what h give to n, so these are two columns: n, r, z, nh). */

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "xla/ffi/api/c_api.h"

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

/* ---- products ---------------------------------------------------------------------------------------- */

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

/* to (columns, rows) = scale · from (rows, columns), turned over. */
static void turn(long rows, long columns, real scale, const real *from, long from_row, real *to, long to_row) {
    const QuadInts low = {0, 4, 1, 5}, high = {2, 6, 3, 7}, left = {0, 1, 4, 5}, right = {2, 3, 6, 7};
    long r = 0;
    for (; r + 4 <= rows; r += 4) {
        long c = 0;
        for (; c + 4 <= columns; c += 4) {
            const real *f = from + r * from_row + c;
            Quad a = *(const Quad *)f, b = *(const Quad *)(f + from_row);
            Quad d = *(const Quad *)(f + 2 * from_row), e = *(const Quad *)(f + 3 * from_row);
            Quad ab = __builtin_shuffle(a, b, low), ab_high = __builtin_shuffle(a, b, high);
            Quad de = __builtin_shuffle(d, e, low), de_high = __builtin_shuffle(d, e, high);
            real *t = to + c * to_row + r;
            *(Quad *)t = scale * __builtin_shuffle(ab, de, left);
            *(Quad *)(t + to_row) = scale * __builtin_shuffle(ab, de, right);
            *(Quad *)(t + 2 * to_row) = scale * __builtin_shuffle(ab_high, de_high, left);
            *(Quad *)(t + 3 * to_row) = scale * __builtin_shuffle(ab_high, de_high, right);
        }
        for (; c < columns; c++)
            for (long n = r; n < r + 4; n++) to[c * to_row + n] = scale * from[n * from_row + c];
    }
    for (; r < rows; r++)
        for (long c = 0; c < columns; c++) to[c * to_row + r] = scale * from[r * from_row + c];
}

/* ---- cells ------------------------------------------------------------------------------------------- */

/* `work` for all units j < Hp, with V, a vector as wide as it fits, and I, its integers. */
#define UNITS(Hp, work)                         \
    do {                                        \
        long j = 0;                             \
        for (; j + LANES <= (Hp); j += LANES) { \
            typedef Loose V;                    \
            typedef LooseInts I;                \
            work                                \
        }                                       \
        for (; j < (Hp); j += PAD) {            \
            typedef Quad V;                     \
            typedef QuadInts I;                 \
            work                                \
        }                                       \
    } while (0)
#define AT(array, block) (*(V *)((array) + (block) * Hp + j))

#ifdef DOUBLE
#define TANH(argument)                                                             \
    ({                                                                             \
        V x = (argument);                                                          \
        for (unsigned n = 0; n < sizeof x / sizeof x[0]; n++) x[n] = tanh(x[n]);   \
        (void)(I *)0;                                                              \
        x;                                                                         \
    })
#else
/* Odd rational approximation, as Eigen's: within 4 units in the last place; NaN stays NaN. */
#define TANH(argument)                                                           \
    ({                                                                           \
        V given = (argument), limit = 7.90531110763549805f + (V){0};             \
        I above = given > limit, below = given < -limit;                         \
        V x = (V)(((I)given & ~(above | below)) | ((I)limit & above) | ((I)-limit & below)); \
        V s = x * x;                                                             \
        V top = s * -2.76076847742355e-16f + 2.00018790482477e-13f;              \
        top = top * s + -8.60467152213735e-11f;                                  \
        top = top * s + 5.12229709037114e-08f;                                   \
        top = top * s + 1.48572235717979e-05f;                                   \
        top = top * s + 6.37261928875436e-04f;                                   \
        top = top * s + 4.89352455891786e-03f;                                   \
        V bottom = s * 1.19825839466702e-06f + 1.18534705686654e-04f;            \
        bottom = bottom * s + 2.26843463243900e-03f;                             \
        bottom = bottom * s + 4.89352518554385e-03f;                             \
        x * top / bottom;                                                        \
    })
#endif

/* The sigmoid of 2 p, for p that was halved with the weights. */
#define GATE(p) (TANH(p) * (real)0.5 + (real)0.5)

/* One sequence, one session. p: its pre-activations, columns of Hp. h, c: its state, changed in place. kept:
   what the way back needs. dh, dc: gradients of the state after the session, changed into those before it, but
   for the part of dh that goes through the product. d: gradients of p. before: h before the session. */

static void rnn_step(long Hp, const real *p, real *h, real *c, real *kept) {
    (void)c;
    UNITS(Hp, { AT(kept, 0) = AT(h, 0) = TANH(AT(p, 0)); });
}

static void rnn_back(long Hp, const real *kept, const real *before, real *dh, real *dc, real *d) {
    (void)before, (void)dc;
    UNITS(Hp, {
        V h = AT(kept, 0);
        AT(d, 0) = AT(dh, 0) * (1 - h * h);
        AT(dh, 0) = (V){0};
    });
}

static void lstm_step(long Hp, const real *p, real *h, real *c, real *kept) {
    UNITS(Hp, {
        V i = GATE(AT(p, 0));
        V f = GATE(AT(p, 1));
        V g = TANH(AT(p, 2));
        V o = GATE(AT(p, 3));
        V old = AT(c, 0);
        V new = f * old + i * g;
        V out = TANH(new);
        AT(c, 0) = new;
        AT(h, 0) = o * out;
        AT(kept, 0) = i;
        AT(kept, 1) = f;
        AT(kept, 2) = g;
        AT(kept, 3) = o;
        AT(kept, 4) = old;
        AT(kept, 5) = out;
    });
}

static void lstm_back(long Hp, const real *kept, const real *before, real *dh, real *dc, real *d) {
    (void)before;
    UNITS(Hp, {
        V i = AT(kept, 0);
        V f = AT(kept, 1);
        V g = AT(kept, 2);
        V o = AT(kept, 3);
        V old = AT(kept, 4);
        V out = AT(kept, 5);
        V by_h = AT(dh, 0);
        V by_c = AT(dc, 0) + by_h * o * (1 - out * out);
        AT(d, 0) = by_c * g * i * (1 - i);
        AT(d, 1) = by_c * old * f * (1 - f);
        AT(d, 2) = by_c * i * (1 - g * g);
        AT(d, 3) = by_h * out * o * (1 - o);
        AT(dc, 0) = by_c * f;
        AT(dh, 0) = (V){0};
    });
}

static void gru_step(long Hp, const real *p, real *h, real *c, real *kept) {
    (void)c;
    UNITS(Hp, {
        V r = GATE(AT(p, 1));
        V z = GATE(AT(p, 2));
        V from_h = AT(p, 3);
        V n = TANH(AT(p, 0) + r * from_h);
        AT(h, 0) = n + z * (AT(h, 0) - n);
        AT(kept, 0) = n;
        AT(kept, 1) = r;
        AT(kept, 2) = z;
        AT(kept, 3) = from_h;
    });
}

static void gru_back(long Hp, const real *kept, const real *before, real *dh, real *dc, real *d) {
    (void)dc;
    UNITS(Hp, {
        V n = AT(kept, 0);
        V r = AT(kept, 1);
        V z = AT(kept, 2);
        V from_h = AT(kept, 3);
        V by_h = AT(dh, 0);
        V by_n = by_h * (1 - z) * (1 - n * n);
        AT(d, 0) = by_n;
        AT(d, 1) = by_n * from_h * r * (1 - r);
        AT(d, 2) = by_h * (AT(before, 0) - n) * z * (1 - z);
        AT(d, 3) = by_n * r;
        AT(dh, 0) = by_h * z;
    });
}

/* order: which block of the weights' rows (torch.nn's order) a column has; scale: a half where a gate comes. */
typedef struct {
    int columns, kept, in_from, in_blocks, hid_from, hid_blocks;
    int in_order[4], hid_order[4];
    real scale[4];
    void (*step)(long, const real *, real *, real *, real *);
    void (*back)(long, const real *, const real *, real *, real *, real *);
} Cell;

static const Cell CELLS[] = {
    {1, 1, 0, 1, 0, 1, {0}, {0}, {1}, rnn_step, rnn_back},
    {4, 6, 0, 4, 0, 4, {0, 1, 2, 3}, {0, 1, 2, 3}, {.5, .5, 1, .5}, lstm_step, lstm_back},
    {4, 4, 0, 3, 1, 3, {2, 0, 1}, {0, 1, 2}, {1, .5, .5, 1}, gru_step, gru_back},
};

/* ---- a layer ----------------------------------------------------------------------------------------- */

typedef struct {
    const Cell *cell;
    long B, T, F, H, Hp, C, wide; /* C: a row of all columns, with room; wide: a row of x or h as result */
    long pieces;
} Shape;

static Shape shape_of(long kind, long B, long T, long F, long H) {
    Shape s = {.cell = &CELLS[kind], .B = B, .T = T, .F = F, .H = H};
    s.Hp = round_up(H, PAD);
    s.C = round_up(s.cell->columns * s.Hp, LANES) + LANES;
    s.wide = round_up(F > s.Hp ? F : s.Hp, LANES);
    s.pieces = B * T * s.cell->columns * H * (F + H) / PIECE_WORK;
    s.pieces = s.pieces > B / PIECE_ROWS ? B / PIECE_ROWS : s.pieces;
    s.pieces = s.pieces > MOST_PIECES ? MOST_PIECES : s.pieces < 1 ? 1 : s.pieces;
    return s;
}

/* Floats of: what the forward pass keeps; its scratch; the backward pass's scratch. */
static long kept_size(Shape s) { return s.B * s.T * (s.cell->kept + 1) * s.Hp; }
static long forward_piece(Shape s) { return ROWS * (s.C + 2 * s.Hp + s.cell->kept * s.Hp); }
static long forward_size(Shape s) { return (s.F + s.H + 1) * s.C + s.pieces * forward_piece(s); }
static long back_piece(Shape s) {
    return ROWS * (s.T * s.C + 3 * s.wide) + (s.F + s.H + 1) * s.C;
}
static long back_size(Shape s) { return s.cell->columns * s.Hp * 2 * s.wide + s.pieces * back_piece(s); }

void gatecast_sizes(long kind, long B, long T, long F, long H, int64_t *sizes) {
    Shape s = shape_of(kind, B, T, F, H);
    sizes[0] = kept_size(s), sizes[1] = forward_size(s), sizes[2] = back_size(s);
}

/* All arrays of one call; those of the pass not called are NULL. */
typedef struct {
    Shape s;
    int reverse, fresh; /* fresh: the first state is zero, nobody asks for its gradient */
    const real *x, *w_ih, *b_ih, *w_hh, *b_hh, *h0, *c0, *d_outputs, *d_h, *d_c;
    real *outputs, *h, *c, *kept, *d_x, *d_w_ih, *d_b_ih, *d_w_hh, *d_b_hh, *d_h0, *d_c0, *scratch;
} Call;

INLINE long session(const Call *call, long n) { return call->reverse ? call->s.T - 1 - n : n; }
INLINE real *kept_at(const Call *call, long b, long t) {
    return call->kept + (b * call->s.T + t) * call->s.cell->kept * call->s.Hp;
}
INLINE real *before_at(const Call *call, long b, long t) {
    return call->kept + call->s.B * call->s.T * call->s.cell->kept * call->s.Hp +
           (b * call->s.T + t) * call->s.Hp;
}

/* to (F or H, C): the weights (R H, F or H) with the gates along the row, padded, gates halved. */
static void gates_along(Shape s, const real *weights, long size, int from, int blocks, const int *order,
                        real *to) {
    long end = (from + blocks) * s.Hp;
    for (long i = 0; i < size; i++) {
        real *row = to + i * s.C;
        for (int k = 0; s.H < s.Hp && k < blocks; k++)
            memset(row + (from + k + 1) * s.Hp - PAD, 0, sizeof(real) * PAD);
        memset(row, 0, sizeof(real) * from * s.Hp);
        memset(row + end, 0, sizeof(real) * (s.C - end));
    }
    for (int k = 0; k < blocks; k++)
        turn(s.H, size, s.cell->scale[from + k], weights + order[k] * s.H * size, size,
             to + (from + k) * s.Hp, s.C);
}

/* to (blocks Hp, wide): the weights in the order of the columns, padded. */
static void gates_down(Shape s, const real *weights, long size, int blocks, const int *order, real *to) {
    for (int k = 0; k < blocks; k++)
        for (long j = 0; j < s.Hp; j++) {
            real *row = to + (k * s.Hp + j) * s.wide;
            long given = j < s.H ? size : 0;
            memcpy(row, weights + (order[k] * s.H + j) * size, sizeof(real) * given);
            memset(row + given, 0, sizeof(real) * (s.wide - given));
        }
}

static void forward_prepare(const Call *call) {
    Shape s = call->s;
    const Cell *cell = s.cell;
    real *in = call->scratch, *hid = in + s.F * s.C, *bias = hid + s.H * s.C;
    gates_along(s, call->w_ih, s.F, cell->in_from, cell->in_blocks, cell->in_order, in);
    gates_along(s, call->w_hh, s.H, cell->hid_from, cell->hid_blocks, cell->hid_order, hid);
    memset(bias, 0, sizeof(real) * s.C);
    for (int part = 0; part < 2; part++) {
        const real *given = part ? call->b_hh : call->b_ih;
        int from = part ? cell->hid_from : cell->in_from, blocks = part ? cell->hid_blocks : cell->in_blocks;
        const int *order = part ? cell->hid_order : cell->in_order;
        for (int k = 0; k < blocks; k++)
            for (long j = 0; j < s.H; j++)
                bias[(from + k) * s.Hp + j] += cell->scale[from + k] * given[order[k] * s.H + j];
    }
}

/* The sequences start … end - 1. */
static void forward(const Call *call, long piece, long start, long end) {
    Shape s = call->s;
    const Cell *cell = s.cell;
    const real *in = call->scratch, *hid = in + s.F * s.C, *bias = hid + s.H * s.C;
    real *p = call->scratch + (s.F + s.H + 1) * s.C + piece * forward_piece(s);
    real *h = p + ROWS * s.C, *c = h + ROWS * s.Hp, *unkept = c + ROWS * s.Hp;
    for (long b = start, rows; b < end; b += rows) {
        rows = end - b < ROWS ? end - b : ROWS;
        memset(h, 0, sizeof(real) * 2 * ROWS * s.Hp);
        for (long r = 0; r < rows && !call->fresh; r++) {
            memcpy(h + r * s.Hp, call->h0 + (b + r) * s.H, sizeof(real) * s.H);
            memcpy(c + r * s.Hp, call->c0 + (b + r) * s.H, sizeof(real) * s.H);
        }
        for (long n = 0; n < s.T; n++) {
            long t = session(call, n);
            for (long r = 0; r < rows; r++) memcpy(p + r * s.C, bias, sizeof(real) * s.C);
            product(1, rows, cell->in_blocks * s.Hp, s.F, call->x + (b * s.T + t) * s.F, s.T * s.F, 1,
                    in + cell->in_from * s.Hp, s.C, p + cell->in_from * s.Hp, s.C);
            if (n > 0 || !call->fresh)
                product(1, rows, cell->hid_blocks * s.Hp, s.H, h, s.Hp, 1, hid + cell->hid_from * s.Hp, s.C,
                        p + cell->hid_from * s.Hp, s.C);
            for (long r = 0; r < rows; r++) {
                real *h_r = h + r * s.Hp;
                if (call->kept) memcpy(before_at(call, b + r, t), h_r, sizeof(real) * s.Hp);
                cell->step(s.Hp, p + r * s.C, h_r, c + r * s.Hp,
                           call->kept ? kept_at(call, b + r, t) : unkept);
                memcpy(call->outputs + ((b + r) * s.T + t) * s.H, h_r, sizeof(real) * s.H);
            }
        }
        for (long r = 0; r < rows; r++) {
            memcpy(call->h + (b + r) * s.H, h + r * s.Hp, sizeof(real) * s.H);
            memcpy(call->c + (b + r) * s.H, c + r * s.Hp, sizeof(real) * s.H);
        }
    }
}

static void back_prepare(const Call *call) {
    Shape s = call->s;
    real *in = call->scratch, *hid = in + s.cell->columns * s.Hp * s.wide;
    if (call->d_x) gates_down(s, call->w_ih, s.F, s.cell->in_blocks, s.cell->in_order, in);
    gates_down(s, call->w_hh, s.H, s.cell->hid_blocks, s.cell->hid_order, hid);
}

INLINE real *gradients(const Call *call, long piece) {
    return call->scratch + call->s.cell->columns * call->s.Hp * 2 * call->s.wide +
           piece * back_piece(call->s);
}

static void back(const Call *call, long piece, long start, long end) {
    Shape s = call->s;
    const Cell *cell = s.cell;
    const real *in = call->scratch, *hid = in + cell->columns * s.Hp * s.wide;
    real *by_in = gradients(call, piece), *by_hid = by_in + s.F * s.C, *by_bias = by_hid + s.H * s.C;
    real *d = by_bias + s.C, *dh = d + ROWS * s.T * s.C, *dc = dh + ROWS * s.wide, *dx = dc + ROWS * s.wide;
    long in_from = cell->in_from * s.Hp, hid_from = cell->hid_from * s.Hp;
    if (start == end) memset(by_in, 0, sizeof(real) * (s.F + s.H) * s.C);
    memset(by_bias, 0, sizeof(real) * s.C);
    long used = cell->columns * s.Hp; /* the padding behind it is read */
    for (long n = 0; n < ROWS * s.T; n++) memset(d + n * s.C + used, 0, sizeof(real) * (s.C - used));
    for (long b = start, rows; b < end; b += rows) {
        rows = end - b < ROWS ? end - b : ROWS;
        memset(dh, 0, sizeof(real) * 2 * ROWS * s.wide);
        for (long r = 0; r < rows; r++) {
            memcpy(dh + r * s.wide, call->d_h + (b + r) * s.H, sizeof(real) * s.H);
            memcpy(dc + r * s.wide, call->d_c + (b + r) * s.H, sizeof(real) * s.H);
        }
        for (long n = s.T - 1; n >= 0; n--) {
            long t = session(call, n);
            for (long r = 0; r < rows; r++) {
                real *dh_r = dh + r * s.wide;
                if (call->d_outputs) {
                    const real *more = call->d_outputs + ((b + r) * s.T + t) * s.H;
                    for (long j = 0; j < s.H; j++) dh_r[j] += more[j];
                }
                cell->back(s.Hp, kept_at(call, b + r, t), before_at(call, b + r, t), dh_r, dc + r * s.wide,
                           d + (r * s.T + t) * s.C);
            }
            if (n > 0 || !call->fresh)
                product(1, rows, s.H, cell->hid_blocks * s.Hp, d + t * s.C + hid_from, s.T * s.C, 1, hid,
                        s.wide, dh, s.wide);
            if (call->d_x) {
                product(0, rows, s.F, cell->in_blocks * s.Hp, d + t * s.C + in_from, s.T * s.C, 1, in, s.wide, dx,
                        s.wide);
                for (long r = 0; r < rows; r++)
                    memcpy(call->d_x + ((b + r) * s.T + t) * s.F, dx + r * s.wide, sizeof(real) * s.F);
            }
        }
        for (long r = 0; r < rows && !call->fresh; r++) {
            memcpy(call->d_h0 + (b + r) * s.H, dh + r * s.wide, sizeof(real) * s.H);
            memcpy(call->d_c0 + (b + r) * s.H, dc + r * s.wide, sizeof(real) * s.H);
        }
        long all = rows * s.T;
        product(b > start, s.F, cell->in_blocks * s.Hp, all, call->x + b * s.T * s.F, 1, s.F, d + in_from, s.C,
                by_in + in_from, s.C);
        product(b > start, s.H, cell->hid_blocks * s.Hp, all, before_at(call, b, 0), 1, s.Hp, d + hid_from, s.C,
                by_hid + hid_from, s.C);
        for (long n = 0; n < all; n++)
            for (long j = 0; j < s.C; j++) by_bias[j] += d[n * s.C + j];
    }
}

/* Adds up the pieces' gradients of the weights and brings them into the weights' layout. */
static void back_finish(const Call *call) {
    Shape s = call->s;
    const Cell *cell = s.cell;
    real *by_in = gradients(call, 0), *by_hid = by_in + s.F * s.C, *by_bias = by_hid + s.H * s.C;
    for (long piece = 1; piece < s.pieces; piece++) {
        const real *more = gradients(call, piece);
        for (long n = 0; n < (s.F + s.H + 1) * s.C; n++) by_in[n] += more[n];
    }
    for (int k = 0; k < cell->in_blocks; k++) {
        long row = cell->in_order[k] * s.H, column = (cell->in_from + k) * s.Hp;
        turn(s.F, s.H, 1, by_in + column, s.C, call->d_w_ih + row * s.F, s.F);
        memcpy(call->d_b_ih + row, by_bias + column, sizeof(real) * s.H);
    }
    for (int k = 0; k < cell->hid_blocks; k++) {
        long row = cell->hid_order[k] * s.H, column = (cell->hid_from + k) * s.Hp;
        turn(s.H, s.H, 1, by_hid + column, s.C, call->d_w_hh + row * s.H, s.H);
        memcpy(call->d_b_hh + row, by_bias + column, sizeof(real) * s.H);
    }
}

/* ---- pieces over threads ----------------------------------------------------------------------------- */

typedef void Pass(const Call *, long piece, long start, long end);

/* A call's pieces are claimed by the caller and by helpers from XLA's thread pool. A helper that comes too
   late finds none; whoever leaves last frees the list. */
typedef struct {
    const Call *call;
    Pass *pass;
    long pieces;
    atomic_long next, done, users;
} Pieces;

static atomic_int networks = 0; /* in training at this moment, each with a thread of its own */

void gatecast_networks(int more) { atomic_fetch_add(&networks, more); }

static void work(void *list) {
    Pieces *pieces = list;
    for (long piece; (piece = atomic_fetch_add(&pieces->next, 1)) < pieces->pieces;) {
        long B = pieces->call->s.B, rows = round_up((B + pieces->pieces - 1) / pieces->pieces, ROWS);
        long start = piece * rows, end = start + rows < B ? start + rows : B;
        pieces->pass(pieces->call, piece, start < B ? start : B, end);
        atomic_fetch_add(&pieces->done, 1);
    }
    if (atomic_fetch_sub(&pieces->users, 1) == 1) free(pieces);
}

static void run(XLA_FFI_CallFrame *frame, const Call *call, Pass *pass) {
    int64_t threads = 1;
    if (call->s.pieces > 1) {
        XLA_FFI_ThreadPool_NumThreads_Args asked = {sizeof asked, NULL, frame->ctx, &threads};
        XLA_FFI_Error *error = frame->api->XLA_FFI_ThreadPool_NumThreads(&asked);
        if (error) {
            XLA_FFI_Error_Destroy_Args gone = {sizeof gone, NULL, error};
            frame->api->XLA_FFI_Error_Destroy(&gone);
            threads = 1;
        }
        int busy = atomic_load(&networks);
        threads /= busy > 1 ? busy : 1;
        threads = threads < call->s.pieces ? threads : call->s.pieces;
    }
    Pieces *pieces = threads > 1 ? malloc(sizeof *pieces) : NULL;
    if (!pieces) {
        Pieces alone = {call, pass, call->s.pieces, 0, 0, 2}; /* never freed: it is used twice */
        work(&alone);
        return;
    }
    *pieces = (Pieces){call, pass, call->s.pieces, 0, 0, threads + 1};
    for (long helper = 1; helper < threads; helper++) {
        XLA_FFI_ThreadPool_Schedule_Args task = {sizeof task, NULL, frame->ctx, work, pieces};
        XLA_FFI_Error *error = frame->api->XLA_FFI_ThreadPool_Schedule(&task);
        if (error) {
            XLA_FFI_Error_Destroy_Args gone = {sizeof gone, NULL, error};
            frame->api->XLA_FFI_Error_Destroy(&gone);
            atomic_fetch_sub(&pieces->users, 1);
        }
    }
    work(pieces);
    for (long turns = 0; atomic_load(&pieces->done) < call->s.pieces; turns++)
        if (turns > 1000) sched_yield();
    if (atomic_fetch_sub(&pieces->users, 1) == 1) free(pieces);
}

/* ---- XLA's side -------------------------------------------------------------------------------------- */

static real *argument(XLA_FFI_CallFrame *frame, long n) {
    return ((XLA_FFI_Buffer *)frame->args.args[n])->data;
}
static real *result(XLA_FFI_CallFrame *frame, long n) {
    return ((XLA_FFI_Buffer *)frame->rets.rets[n])->data;
}
static int64_t attribute(XLA_FFI_CallFrame *frame, const char *name) {
    for (int64_t n = 0; n < frame->attrs.size; n++) {
        XLA_FFI_ByteSpan *span = frame->attrs.names[n];
        if (span->len == strlen(name) && memcmp(span->ptr, name, span->len) == 0)
            return *(int64_t *)((XLA_FFI_Scalar *)frame->attrs.attrs[n])->value;
    }
    return 0;
}

/* XLA asks every handler once for the version of its interface. */
static int answered(XLA_FFI_CallFrame *frame) {
    XLA_FFI_Extension_Base *more = frame->extension_start;
    if (more == NULL || more->type != XLA_FFI_Extension_Metadata) return 0;
    XLA_FFI_Metadata *metadata = ((XLA_FFI_Metadata_Extension *)more)->metadata;
    metadata->api_version.major_version = XLA_FFI_API_MAJOR;
    metadata->api_version.minor_version = XLA_FFI_API_MINOR;
    return 1;
}

static Call call_of(XLA_FFI_CallFrame *frame) {
    const int64_t *x = ((XLA_FFI_Buffer *)frame->args.args[0])->dims;
    const int64_t *w_hh = ((XLA_FFI_Buffer *)frame->args.args[1])->dims;
    Shape shape = shape_of(attribute(frame, "kind"), x[0], x[1], x[2], w_hh[1]);
    return (Call){.s = shape, .reverse = attribute(frame, "reverse"), .fresh = attribute(frame, "fresh")};
}

/* x, w_hh, w_ih, b_ih, b_hh and, unless `fresh`, h0, c0 → outputs, h, c, scratch and, if wanted, kept. */
XLA_FFI_Error *gatecast_forward(XLA_FFI_CallFrame *frame) {
    if (answered(frame)) return NULL;
    Call call = call_of(frame);
    const real **in[] = {&call.x, &call.w_hh, &call.w_ih, &call.b_ih, &call.b_hh, &call.h0, &call.c0};
    real **out[] = {&call.outputs, &call.h, &call.c, &call.scratch, &call.kept};
    for (long n = 0; n < frame->args.size; n++) *in[n] = argument(frame, n);
    for (long n = 0; n < frame->rets.size; n++) *out[n] = result(frame, n);
    forward_prepare(&call);
    run(frame, &call, forward);
    return NULL;
}

/* x, w_hh, kept, d_h, d_c, with `by_outputs` d_outputs, with `by_x` w_ih
   → d_w_ih, d_b_ih, d_w_hh, d_b_hh, scratch, with `by_x` d_x and, unless `fresh`, d_h0, d_c0. */
XLA_FFI_Error *gatecast_backward(XLA_FFI_CallFrame *frame) {
    if (answered(frame)) return NULL;
    Call call = call_of(frame);
    long in = 0, out = 0;
    call.x = argument(frame, in++);
    call.w_hh = argument(frame, in++);
    call.kept = argument(frame, in++);
    call.d_h = argument(frame, in++);
    call.d_c = argument(frame, in++);
    if (attribute(frame, "by_outputs")) call.d_outputs = argument(frame, in++);
    if (attribute(frame, "by_x")) call.w_ih = argument(frame, in++);
    call.d_w_ih = result(frame, out++);
    call.d_b_ih = result(frame, out++);
    call.d_w_hh = result(frame, out++);
    call.d_b_hh = result(frame, out++);
    call.scratch = result(frame, out++);
    if (attribute(frame, "by_x")) call.d_x = result(frame, out++);
    if (!call.fresh) call.d_h0 = result(frame, out++), call.d_c0 = result(frame, out++);
    back_prepare(&call);
    run(frame, &call, back);
    back_finish(&call);
    return NULL;
}

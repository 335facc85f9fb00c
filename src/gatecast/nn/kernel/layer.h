/* A layer, one direction: all time steps of some sequences, forwards, and backwards. */

#include <string.h>

#include "cells.h"

typedef struct {
    const Cell *cell;
    int64_t B, T, F, H, Hp, C, wide; /* C: a row of all columns, with room; wide: a row of x or h as result */
    int64_t pieces;
    int ahead; /* few sequences: what x gives to all time steps is computed in one product, ahead of them */
} Shape;

static Shape shape_of(int64_t kind, int64_t B, int64_t T, int64_t F, int64_t H) {
    Shape s = {.cell = &CELLS[kind], .B = B, .T = T, .F = F, .H = H};
    s.Hp = round_up(H, PAD);
    s.C = round_up(s.cell->columns * s.Hp, LANES) + LANES;
    s.wide = round_up(F > s.Hp ? F : s.Hp, LANES);
    s.pieces = B * T * s.cell->columns * H * (F + H) / PIECE_WORK;
    s.pieces = s.pieces > B / PIECE_ROWS ? B / PIECE_ROWS : s.pieces;
    s.pieces = s.pieces > MOST_PIECES ? MOST_PIECES : s.pieces < 1 ? 1 : s.pieces;
    s.ahead = B < ROWS;
    return s;
}

/* Numbers in: the residuals; the scratch of the forward pass; that of the backward pass. */
static int64_t residuals_size(Shape s) { return s.B * s.T * (s.cell->residuals + 1) * s.Hp; }
static int64_t forward_piece(Shape s) {
    return ROWS * ((s.ahead ? s.T : 1) * s.C + 2 * s.Hp + s.cell->residuals * s.Hp);
}
static int64_t forward_size(Shape s) { return (s.F + s.H + 1) * s.C + s.pieces * forward_piece(s); }
static int64_t backward_piece(Shape s) {
    return ROWS * (s.T * (s.C + s.wide) + 2 * s.wide) + (s.F + s.H + 1) * s.C;
}
static int64_t backward_size(Shape s) {
    return s.cell->columns * s.Hp * 2 * s.wide + s.pieces * backward_piece(s);
}

/* All arrays of one call; those of the pass not called are NULL. */
typedef struct {
    Shape s;
    int reverse, fresh; /* fresh: the first state is zero, nobody asks for its gradient */
    const real *x, *w_ih, *b_ih, *w_hh, *b_hh, *h0, *c0, *d_outputs, *d_h, *d_c;
    real *outputs, *h, *c, *residuals, *d_x, *d_weights, *d_h0, *d_c0, *scratch;
} Call;

INLINE int64_t time_of(const Call *call, int64_t n) { return call->reverse ? call->s.T - 1 - n : n; }
INLINE real *residuals_at(const Call *call, int64_t b, int64_t t) {
    return call->residuals + (b * call->s.T + t) * call->s.cell->residuals * call->s.Hp;
}
INLINE real *before_at(const Call *call, int64_t b, int64_t t) {
    return call->residuals + call->s.B * call->s.T * call->s.cell->residuals * call->s.Hp +
           (b * call->s.T + t) * call->s.Hp;
}

/* to (F or H, C): the weights (R H, F or H) with the gates along the row, padded, gates halved. */
static void gates_along(Shape s, const real *weights, int64_t size, int from, int blocks, const int *order,
                        real *to) {
    int64_t end = (from + blocks) * s.Hp;
    for (int64_t i = 0; i < size; i++) {
        real *row = to + i * s.C;
        for (int k = 0; s.H < s.Hp && k < blocks; k++)
            memset(row + (from + k + 1) * s.Hp - PAD, 0, sizeof(real) * PAD);
        if (from > 0) memset(row, 0, sizeof(real) * from * s.Hp);
        memset(row + end, 0, sizeof(real) * (s.C - end));
    }
    for (int k = 0; k < blocks; k++)
        turn(s.H, size, s.cell->scale[from + k], weights + order[k] * s.H * size, size,
             to + (from + k) * s.Hp, s.C);
}

/* to (blocks Hp, wide): the weights in the order of the columns, padded. */
static void gates_down(Shape s, const real *weights, int64_t size, int blocks, const int *order, real *to) {
    for (int k = 0; k < blocks; k++, to += s.Hp * s.wide) {
        widen(s.H, size, weights + order[k] * s.H * size, to, s.wide);
        memset(to + s.H * s.wide, 0, sizeof(real) * (s.Hp - s.H) * s.wide);
    }
}

static void forward_prepare(const Call *call) {
    Shape s = call->s;
    const Cell *cell = s.cell;
    real *in = call->scratch, *hid = in + s.F * s.C, *bias = hid + s.H * s.C;
    gates_along(s, call->w_ih, s.F, 0, cell->in_blocks, cell->in_order, in);
    gates_along(s, call->w_hh, s.H, cell->hid_from, cell->hid_blocks, cell->hid_order, hid);
    memset(bias, 0, sizeof(real) * s.C);
    for (int part = 0; part < 2; part++) {
        const real *given = part ? call->b_hh : call->b_ih;
        if (!given) continue;
        int from = part ? cell->hid_from : 0, blocks = part ? cell->hid_blocks : cell->in_blocks;
        const int *order = part ? cell->hid_order : cell->in_order;
        for (int k = 0; k < blocks; k++)
            for (int64_t j = 0; j < s.H; j++)
                bias[(from + k) * s.Hp + j] += cell->scale[from + k] * given[order[k] * s.H + j];
    }
}

/* p (rows, C) = bias + what x (rows, F) gives; rows of x are x_row apart. */
static void from_x(const Call *call, int64_t rows, const real *x, int64_t x_row, real *p) {
    Shape s = call->s;
    const real *in = call->scratch, *bias = in + (s.F + s.H) * s.C;
    int64_t end = s.cell->in_blocks * s.Hp;
    product(rows, end, (Factors){s.F, x, x_row, 1, in, s.C}, bias, 0, p, s.C);
    for (int64_t r = 0; r < rows; r++) copy(s.C - end, bias + end, p + r * s.C + end);
}

/* p (rows, C) = bias + what x (rows, F) and h (rows, H) give. */
static void from_both(const Call *call, int64_t rows, const real *x, int64_t x_row, const real *h, real *p) {
    Shape s = call->s;
    const real *in = call->scratch, *hid = in + s.F * s.C, *bias = hid + s.H * s.C;
    int64_t in_end = s.cell->in_blocks * s.Hp, hid_from = s.cell->hid_from * s.Hp;
    int64_t end = hid_from + s.cell->hid_blocks * s.Hp;
    Factors of_x = {s.F, x, x_row, 1, in, s.C}, of_h = {s.H, h, s.Hp, 1, hid, s.C};
    /* from left to right: what is written beyond a part is written over by the next */
    if (hid_from > 0) product(rows, hid_from, of_x, bias, 0, p, s.C);
    of_x.b += hid_from, of_h.b += hid_from;
    two_products(rows, in_end - hid_from, of_x, of_h, bias + hid_from, 0, p + hid_from, s.C);
    of_h.b += in_end - hid_from;
    if (end > in_end) product(rows, end - in_end, of_h, bias + in_end, 0, p + in_end, s.C);
}

/* The sequences start … end - 1. */
static void forward(const Call *call, int64_t piece, int64_t start, int64_t end) {
    Shape s = call->s;
    const Cell *cell = s.cell;
    const real *hid = call->scratch + s.F * s.C;
    real *all_p = call->scratch + (s.F + s.H + 1) * s.C + piece * forward_piece(s);
    int64_t p_row = s.ahead ? s.T * s.C : s.C, hid_from = cell->hid_from * s.Hp;
    real *h = all_p + ROWS * p_row, *c = h + ROWS * s.Hp, *discarded = c + ROWS * s.Hp;
    for (int64_t b = start, rows; b < end; b += rows) {
        rows = end - b < ROWS ? end - b : ROWS;
        memset(h, 0, sizeof(real) * 2 * ROWS * s.Hp);
        for (int64_t r = 0; r < rows && !call->fresh; r++) {
            memcpy(h + r * s.Hp, call->h0 + (b + r) * s.H, sizeof(real) * s.H);
            memcpy(c + r * s.Hp, call->c0 + (b + r) * s.H, sizeof(real) * s.H);
        }
        if (s.ahead) from_x(call, rows * s.T, call->x + b * s.T * s.F, s.F, all_p);
        for (int64_t n = 0; n < s.T; n++) {
            int64_t t = time_of(call, n);
            real *p = s.ahead ? all_p + t * s.C : all_p, *by_h = p + hid_from;
            const real *x = call->x + (b * s.T + t) * s.F;
            int stateless = n == 0 && call->fresh;
            if (s.ahead && !stateless)
                product(rows, cell->hid_blocks * s.Hp, (Factors){s.H, h, s.Hp, 1, hid + hid_from, s.C}, by_h,
                        p_row, by_h, p_row);
            else if (!s.ahead && stateless)
                from_x(call, rows, x, s.T * s.F, p);
            else if (!s.ahead)
                from_both(call, rows, x, s.T * s.F, h, p);
            for (int64_t r = 0; r < rows; r++) {
                real *h_r = h + r * s.Hp;
                if (call->residuals) copy(s.Hp, h_r, before_at(call, b + r, t));
                cell->step(s.Hp, p + r * p_row, h_r, c + r * s.Hp,
                           call->residuals ? residuals_at(call, b + r, t) : discarded);
                copy(s.H, h_r, call->outputs + ((b + r) * s.T + t) * s.H);
            }
        }
        for (int64_t r = 0; r < rows; r++) {
            memcpy(call->h + (b + r) * s.H, h + r * s.Hp, sizeof(real) * s.H);
            memcpy(call->c + (b + r) * s.H, c + r * s.Hp, sizeof(real) * s.H);
        }
    }
}

static void backward_prepare(const Call *call) {
    Shape s = call->s;
    real *in = call->scratch, *hid = in + s.cell->columns * s.Hp * s.wide;
    if (call->d_x) gates_down(s, call->w_ih, s.F, s.cell->in_blocks, s.cell->in_order, in);
    gates_down(s, call->w_hh, s.H, s.cell->hid_blocks, s.cell->hid_order, hid);
}

INLINE real *gradients(const Call *call, int64_t piece) {
    return call->scratch + call->s.cell->columns * call->s.Hp * 2 * call->s.wide +
           piece * backward_piece(call->s);
}

static void backward(const Call *call, int64_t piece, int64_t start, int64_t end) {
    Shape s = call->s;
    const Cell *cell = s.cell;
    const real *in = call->scratch, *hid = in + cell->columns * s.Hp * s.wide;
    real *by_in = gradients(call, piece), *by_hid = by_in + s.F * s.C, *by_bias = by_hid + s.H * s.C;
    real *d = by_bias + s.C, *dh = d + ROWS * s.T * s.C, *dc = dh + ROWS * s.wide, *dx = dc + ROWS * s.wide;
    int64_t hid_from = cell->hid_from * s.Hp;
    if (start == end) memset(by_in, 0, sizeof(real) * (s.F + s.H) * s.C);
    memset(by_bias, 0, sizeof(real) * s.C);
    int64_t used = cell->columns * s.Hp; /* the padding behind it is read */
    int64_t most = (end - start < ROWS ? end - start : ROWS) * s.T;
    for (int64_t n = 0; n < most; n++) memset(d + n * s.C + used, 0, sizeof(real) * (s.C - used));
    for (int64_t b = start, rows; b < end; b += rows) {
        rows = end - b < ROWS ? end - b : ROWS;
        memset(dh, 0, sizeof(real) * 2 * ROWS * s.wide);
        for (int64_t r = 0; r < rows; r++) {
            memcpy(dh + r * s.wide, call->d_h + (b + r) * s.H, sizeof(real) * s.H);
            memcpy(dc + r * s.wide, call->d_c + (b + r) * s.H, sizeof(real) * s.H);
        }
        for (int64_t n = s.T - 1; n >= 0; n--) {
            int64_t t = time_of(call, n);
            for (int64_t r = 0; r < rows; r++) {
                real *dh_r = dh + r * s.wide;
                if (call->d_outputs) {
                    const real *more = call->d_outputs + ((b + r) * s.T + t) * s.H;
                    for (int64_t j = 0; j < s.H; j++) dh_r[j] += more[j];
                }
                cell->backward(s.Hp, residuals_at(call, b + r, t), before_at(call, b + r, t), dh_r,
                               dc + r * s.wide, d + (r * s.T + t) * s.C);
            }
            if (n > 0 || !call->fresh)
                product(rows, s.H,
                        (Factors){cell->hid_blocks * s.Hp, d + t * s.C + hid_from, s.T * s.C, 1, hid, s.wide}, dh,
                        s.wide, dh, s.wide);
        }
        for (int64_t r = 0; r < rows && !call->fresh; r++) {
            memcpy(call->d_h0 + (b + r) * s.H, dh + r * s.wide, sizeof(real) * s.H);
            memcpy(call->d_c0 + (b + r) * s.H, dc + r * s.wide, sizeof(real) * s.H);
        }
        int64_t all = rows * s.T;
        if (call->d_x) {
            product(all, s.F, (Factors){cell->in_blocks * s.Hp, d, s.C, 1, in, s.wide}, NULL, 0, dx,
                    s.wide);
            for (int64_t n = 0; n < all; n++)
                memcpy(call->d_x + (b * s.T + n) * s.F, dx + n * s.wide, sizeof(real) * s.F);
        }
        const int more = b > start;
        product(s.F, cell->in_blocks * s.Hp, (Factors){all, call->x + b * s.T * s.F, 1, s.F, d, s.C},
                more ? by_in : NULL, s.C, by_in, s.C);
        product(s.H, cell->hid_blocks * s.Hp, (Factors){all, before_at(call, b, 0), 1, s.Hp, d + hid_from, s.C},
                more ? by_hid + hid_from : NULL, s.C, by_hid + hid_from, s.C);
        for (int64_t n = 0; n < all; n++)
            for (int64_t j = 0; j < s.C; j++) by_bias[j] += d[n * s.C + j];
    }
}

/* Adds up the pieces' gradients of the weights and brings them into the weights' layout. */
static void backward_finish(const Call *call) {
    Shape s = call->s;
    const Cell *cell = s.cell;
    int64_t rows = cell->in_blocks * s.H;
    real *d_w_ih = call->d_weights, *d_w_hh = d_w_ih + rows * s.F, *d_b_ih = d_w_hh + rows * s.H;
    real *by_in = gradients(call, 0), *by_hid = by_in + s.F * s.C, *by_bias = by_hid + s.H * s.C;
    for (int64_t piece = 1; piece < s.pieces; piece++) {
        const real *more = gradients(call, piece);
        for (int64_t n = 0; n < (s.F + s.H + 1) * s.C; n++) by_in[n] += more[n];
    }
    for (int k = 0; k < cell->in_blocks; k++) {
        int64_t row = cell->in_order[k] * s.H, column = k * s.Hp;
        turn(s.F, s.H, 1, by_in + column, s.C, d_w_ih + row * s.F, s.F);
        memcpy(d_b_ih + row, by_bias + column, sizeof(real) * s.H);
    }
    for (int k = 0; k < cell->hid_blocks; k++) {
        int64_t row = cell->hid_order[k] * s.H, column = (cell->hid_from + k) * s.Hp;
        turn(s.H, s.H, 1, by_hid + column, s.C, d_w_hh + row * s.H, s.H);
        if (call->b_hh) memcpy(d_b_ih + rows + row, by_bias + column, sizeof(real) * s.H);
    }
}

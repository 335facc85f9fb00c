/* The cells: one sequence, one time step, forwards and backwards; gatecast.nn.cells has the equations. */

#include "products.h"

/* `work` for all units j < Hp, with V, a vector as wide as it fits. */
#define UNITS(Hp, work)                         \
    do {                                        \
        int64_t j = 0;                          \
        for (; j + LANES <= (Hp); j += LANES) { \
            typedef Loose V;                    \
            work                                \
        }                                       \
        for (; j < (Hp); j += PAD) {            \
            typedef Quad V;                     \
            work                                \
        }                                       \
    } while (0)
#define AT(array, block) (*(V *)((array) + (block) * Hp + j))

#define EACH(x, of_one) \
    for (unsigned n = 0; n < sizeof x / sizeof x[0]; n++) x[n] = of_one

#ifdef DOUBLE_PRECISION
#define TANH(argument)       \
    ({                       \
        V x = (argument);    \
        EACH(x, tanh(x[n])); \
        x;                   \
    })
#else
/* Odd rational approximation, as Eigen's: within 4 units in the last place; NaN stays NaN. */
#define MOST 7.90531110763549805f
#define TANH(argument)                                              \
    ({                                                              \
        V x = (argument);                                           \
        EACH(x, x[n] > MOST ? MOST : x[n]);                         \
        EACH(x, x[n] < -MOST ? -MOST : x[n]);                       \
        V s = x * x;                                                \
        V top = s * -2.76076847742355e-16f + 2.00018790482477e-13f; \
        top = top * s + -8.60467152213735e-11f;                     \
        top = top * s + 5.12229709037114e-08f;                      \
        top = top * s + 1.48572235717979e-05f;                      \
        top = top * s + 6.37261928875436e-04f;                      \
        top = top * s + 4.89352455891786e-03f;                      \
        V bottom = s * 1.19825839466702e-06f + 1.18534705686654e-04f; \
        bottom = bottom * s + 2.26843463243900e-03f;                \
        bottom = bottom * s + 4.89352518554385e-03f;                \
        x * top / bottom;                                           \
    })
#endif

/* The sigmoid of 2 p, for p that was halved with the weights. */
#define GATE(p) (TANH(p) * (real)0.5 + (real)0.5)

/* One sequence, one time step. p: its pre-activations, columns of Hp. h, c: its state, changed in place.
   residuals: what the backward pass needs. dh, dc: gradients of the state after the step, changed into those
   before it, but for the part of dh that goes through the product. d: gradients of p. before: h before the
   step. */

static void rnn_step(int64_t Hp, const real *p, real *h, real *c, real *residuals) {
    (void)c;
    UNITS(Hp, { AT(residuals, 0) = AT(h, 0) = TANH(AT(p, 0)); });
}

static void rnn_backward(int64_t Hp, const real *residuals, const real *before, real *dh, real *dc, real *d) {
    (void)before, (void)dc;
    UNITS(Hp, {
        V h = AT(residuals, 0);
        AT(d, 0) = AT(dh, 0) * (1 - h * h);
        AT(dh, 0) = (V){0};
    });
}

static void lstm_step(int64_t Hp, const real *p, real *h, real *c, real *residuals) {
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
        AT(residuals, 0) = i;
        AT(residuals, 1) = f;
        AT(residuals, 2) = g;
        AT(residuals, 3) = o;
        AT(residuals, 4) = old;
        AT(residuals, 5) = out;
    });
}

static void lstm_backward(int64_t Hp, const real *residuals, const real *before, real *dh, real *dc, real *d) {
    (void)before;
    UNITS(Hp, {
        V i = AT(residuals, 0);
        V f = AT(residuals, 1);
        V g = AT(residuals, 2);
        V o = AT(residuals, 3);
        V old = AT(residuals, 4);
        V out = AT(residuals, 5);
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

static void gru_step(int64_t Hp, const real *p, real *h, real *c, real *residuals) {
    (void)c;
    UNITS(Hp, {
        V r = GATE(AT(p, 1));
        V z = GATE(AT(p, 2));
        V from_h = AT(p, 3);
        V n = TANH(AT(p, 0) + r * from_h);
        AT(h, 0) = n + z * (AT(h, 0) - n);
        AT(residuals, 0) = n;
        AT(residuals, 1) = r;
        AT(residuals, 2) = z;
        AT(residuals, 3) = from_h;
    });
}

static void gru_backward(int64_t Hp, const real *residuals, const real *before, real *dh, real *dc, real *d) {
    (void)dc;
    UNITS(Hp, {
        V n = AT(residuals, 0);
        V r = AT(residuals, 1);
        V z = AT(residuals, 2);
        V from_h = AT(residuals, 3);
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
    int columns, residuals, in_blocks, hid_from, hid_blocks;
    int in_order[4], hid_order[4];
    real scale[4];
    void (*step)(int64_t, const real *, real *, real *, real *);
    void (*backward)(int64_t, const real *, const real *, real *, real *, real *);
} Cell;

static const Cell CELLS[] = {
    {1, 1, 1, 0, 1, {0}, {0}, {1}, rnn_step, rnn_backward},
    {4, 6, 4, 0, 4, {0, 1, 2, 3}, {0, 1, 2, 3}, {.5, .5, 1, .5}, lstm_step, lstm_backward},
    {4, 4, 3, 1, 3, {2, 0, 1}, {0, 1, 2}, {1, .5, .5, 1}, gru_step, gru_backward},
};
enum { CELL_COUNT = sizeof CELLS / sizeof CELLS[0] };

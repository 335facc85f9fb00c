/* Recurrent layers on the processor, whole, and the windows they read: operations of XLA. hatch_build.py compiles
   this file when the package is built, gatecast.nn.kernel loads what fits the processor.

   Everything is batch-first, vectors run over the gates. A block of ROWS sequences goes through all time
   steps before the next one starts, so that what it needs stays in the nearest cache. Hidden units are padded to
   PAD, rows of columns to LANES, with zeros, hence no loop has a ragged end. The batch is cut into pieces by
   the shapes alone, whose weight gradients are added in order: the same bits on one thread or many.

   Names: B sequences, T time steps, F features, H hidden units, Hp = H padded; a cell has `columns` blocks of
   Hp pre-activations p, of which x reaches the first in_blocks and h reaches the last hid_blocks, from hid_from
   on (a GRU's r comes between what x and what h give to n, so these are two columns: n, r, z, nh). */

#include <stdatomic.h>
#include <stdlib.h>

#include "layer.h"
#include "xla/ffi/api/c_api.h"

#ifdef _WIN32
#include <windows.h>
#define EXPORTED __declspec(dllexport)
#define YIELD() SwitchToThread()
#else
#include <sched.h>
#define EXPORTED __attribute__((visibility("default")))
#define YIELD() sched_yield()
#endif

/* Of which sources this was compiled. */
EXPORTED const char gatecast_source[] = SOURCE;

/* kind: an index into CELLS. */
EXPORTED void gatecast_sizes(int64_t kind, int64_t B, int64_t T, int64_t F, int64_t H, int64_t *sizes) {
    Shape s = shape_of(kind, B, T, F, H);
    sizes[0] = residuals_size(s), sizes[1] = forward_size(s), sizes[2] = backward_size(s);
}

/* ---- pieces over threads ----------------------------------------------------------------------------- */

typedef void Pass(const Call *, int64_t piece, int64_t start, int64_t end);

/* A call's pieces are claimed by the caller and by helpers from XLA's thread pool. A helper that comes too
   late finds none; whoever leaves last frees the list. */
typedef struct {
    const Call *call;
    Pass *pass;
    int64_t pieces;
    _Atomic int64_t next, done, users;
} Pieces;

static atomic_int networks = 0; /* in training at this moment, each with a thread of its own */

EXPORTED void gatecast_networks(int more) { atomic_fetch_add(&networks, more); }

static void work(void *list) {
    Pieces *pieces = list;
    for (int64_t piece; (piece = atomic_fetch_add(&pieces->next, 1)) < pieces->pieces;) {
        int64_t B = pieces->call->s.B, rows = round_up((B + pieces->pieces - 1) / pieces->pieces, ROWS);
        int64_t start = piece * rows, end = start + rows < B ? start + rows : B;
        pieces->pass(pieces->call, piece, start < B ? start : B, end);
        atomic_fetch_add(&pieces->done, 1);
    }
    if (atomic_fetch_sub(&pieces->users, 1) == 1) free(pieces);
}

/* Whether XLA agreed. */
static int agreed(XLA_FFI_CallFrame *frame, XLA_FFI_Error *error) {
    if (!error) return 1;
    XLA_FFI_Error_Destroy_Args gone = {sizeof gone, NULL, error};
    frame->api->XLA_FFI_Error_Destroy(&gone);
    return 0;
}

/* How many threads this call may use: its share of XLA's. */
static int64_t share(XLA_FFI_CallFrame *frame, int64_t pieces) {
    int64_t threads = 1;
    XLA_FFI_ThreadPool_NumThreads_Args asked = {sizeof asked, NULL, frame->ctx, &threads};
    if (pieces == 1 || !agreed(frame, frame->api->XLA_FFI_ThreadPool_NumThreads(&asked))) return 1;
    int busy = atomic_load(&networks);
    threads /= busy > 1 ? busy : 1;
    return threads < pieces ? threads : pieces;
}

static void run(XLA_FFI_CallFrame *frame, const Call *call, Pass *pass) {
    int64_t threads = share(frame, call->s.pieces);
    Pieces *pieces = threads > 1 ? malloc(sizeof *pieces) : NULL;
    if (!pieces) {
        Pieces alone = {call, pass, call->s.pieces, 0, 0, 2}; /* one user too many: it is not to be freed */
        work(&alone);
        return;
    }
    *pieces = (Pieces){call, pass, call->s.pieces, 0, 0, threads + 1}; /* its own loop, and this function */
    for (int64_t helper = 1; helper < threads; helper++) {
        XLA_FFI_ThreadPool_Schedule_Args task = {sizeof task, NULL, frame->ctx, work, pieces};
        if (!agreed(frame, frame->api->XLA_FFI_ThreadPool_Schedule(&task))) atomic_fetch_sub(&pieces->users, 1);
    }
    work(pieces);
    for (int64_t turns = 0; atomic_load(&pieces->done) < call->s.pieces; turns++)
        if (turns > 1000) YIELD();
    if (atomic_fetch_sub(&pieces->users, 1) == 1) free(pieces);
}

/* ---- XLA's side -------------------------------------------------------------------------------------- */

#ifdef DOUBLE_PRECISION
enum { REAL = XLA_FFI_DataType_F64 };
#else
enum { REAL = XLA_FFI_DataType_F32 };
#endif
enum { WHOLE = XLA_FFI_DataType_S32, MOST_UNITS = 1 << 20 };

/* The arrays that a call is given, or those that it fills. */
typedef struct {
    int64_t size;
    XLA_FFI_Buffer **arrays;
} Arrays;

static Arrays arguments(XLA_FFI_CallFrame *frame) {
    return (Arrays){frame->args.size, (XLA_FFI_Buffer **)frame->args.args};
}
static Arrays results(XLA_FFI_CallFrame *frame) {
    return (Arrays){frame->rets.size, (XLA_FFI_Buffer **)frame->rets.rets};
}
static real *data(Arrays given, int64_t n) { return given.arrays[n]->data; }

/* Whether array n is there, of this type and shape. */
static int fits(Arrays given, int64_t n, int type, int64_t rank, const int64_t *dims) {
    if (n >= given.size) return 0;
    const XLA_FFI_Buffer *array = given.arrays[n];
    if ((int)array->dtype != type || array->rank != rank) return 0;
    for (int64_t d = 0; d < rank; d++)
        if (array->dims[d] != dims[d]) return 0;
    return 1;
}
#define FITS(given, n, type, ...) \
    fits(given, n, type, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (const int64_t[]){__VA_ARGS__})

static XLA_FFI_Error *refused(XLA_FFI_CallFrame *frame, const char *message) {
    XLA_FFI_Error_Create_Args error = {sizeof error, NULL, message, XLA_FFI_Error_Code_INVALID_ARGUMENT};
    return frame->api->XLA_FFI_Error_Create(&error);
}

/* A whole number from 0 to `most`; -1 where there is none of this name. */
static int64_t attribute(XLA_FFI_CallFrame *frame, const char *name, int64_t most) {
    for (int64_t n = 0; n < frame->attrs.size; n++) {
        XLA_FFI_ByteSpan *span = frame->attrs.names[n];
        if (span->len != strlen(name) || memcmp(span->ptr, name, span->len) != 0) continue;
        XLA_FFI_Scalar *scalar = frame->attrs.attrs[n];
        if (frame->attrs.types[n] != XLA_FFI_AttrType_SCALAR || scalar->dtype != XLA_FFI_DataType_S64) return -1;
        int64_t value = *(int64_t *)scalar->value;
        return value > most ? -1 : value;
    }
    return -1;
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

/* Whether x (B, T, F), the weights and the attributes belong together; then `call` holds them.
   weights: w_ih (R, F), w_hh (R, H), b_ih (R) and, where there are two `biases`, b_hh (R), one after the other. */
static int understood(XLA_FFI_CallFrame *frame, Call *call) {
    Arrays given = arguments(frame);
    int64_t kind = attribute(frame, "kind", CELL_COUNT - 1), H = attribute(frame, "size", MOST_UNITS);
    int64_t biases = attribute(frame, "biases", 2), reverse = attribute(frame, "reverse", 1);
    int64_t fresh = attribute(frame, "fresh", 1);
    if (kind < 0 || H < 1 || biases < 1 || reverse < 0 || fresh < 0 || given.size < 2) return 0;
    const XLA_FFI_Buffer *x = given.arrays[0];
    if ((int)x->dtype != REAL || x->rank != 3) return 0;
    int64_t B = x->dims[0], T = x->dims[1], F = x->dims[2];
    if (B < 0 || T < 1 || F < 1 || F > MOST_UNITS || (double)B * T * (F + H) > 1e15) return 0; /* no overflow */
    Shape s = shape_of(kind, B, T, F, H);
    int64_t rows = s.cell->in_blocks * H;
    if (!FITS(given, 1, REAL, rows * (F + H + biases))) return 0;
    const real *weights = data(given, 1);
    *call = (Call){.s = s, .reverse = reverse, .fresh = fresh, .x = x->data};
    call->w_ih = weights, weights += rows * F;
    call->w_hh = weights, weights += rows * H;
    call->b_ih = weights, weights += rows;
    call->b_hh = biases == 2 ? weights : NULL;
    return 1;
}

/* x, weights and, unless `fresh`, h0, c0 → outputs, h, c, scratch and, if wanted, residuals. */
EXPORTED XLA_FFI_Error *gatecast_forward(XLA_FFI_CallFrame *frame) {
    if (answered(frame)) return NULL;
    Call call;
    if (!understood(frame, &call)) return refused(frame, "gatecast: a layer's input, weights and settings differ");
    Arrays given = arguments(frame), to = results(frame);
    Shape s = call.s;
    if (given.size != (call.fresh ? 2 : 4) || (to.size != 4 && to.size != 5) ||
        (!call.fresh && !(FITS(given, 2, REAL, s.B, s.H) && FITS(given, 3, REAL, s.B, s.H))) ||
        !FITS(to, 0, REAL, s.B, s.T, s.H) || !FITS(to, 1, REAL, s.B, s.H) || !FITS(to, 2, REAL, s.B, s.H) ||
        !FITS(to, 3, REAL, forward_size(s)) || (to.size == 5 && !FITS(to, 4, REAL, residuals_size(s))))
        return refused(frame, "gatecast: an array of a layer's forward pass has another shape");
    if (!call.fresh) call.h0 = data(given, 2), call.c0 = data(given, 3);
    real **out[] = {&call.outputs, &call.h, &call.c, &call.scratch, &call.residuals};
    for (int64_t n = 0; n < to.size; n++) *out[n] = data(to, n);
    forward_prepare(&call);
    run(frame, &call, forward);
    return NULL;
}

/* x, weights, residuals, d_h, d_c, with `by_outputs` d_outputs
   → d_weights, scratch, with `by_x` d_x and, unless `fresh`, d_h0, d_c0. */
EXPORTED XLA_FFI_Error *gatecast_backward(XLA_FFI_CallFrame *frame) {
    if (answered(frame)) return NULL;
    Call call;
    int64_t by_outputs = attribute(frame, "by_outputs", 1), by_x = attribute(frame, "by_x", 1);
    if (!understood(frame, &call) || by_outputs < 0 || by_x < 0)
        return refused(frame, "gatecast: a layer's input, weights and settings differ");
    Arrays given = arguments(frame), to = results(frame);
    Shape s = call.s;
    int64_t first = 2 + by_x; /* where the gradients of the first state are */
    if (given.size != 5 + by_outputs || to.size != first + (call.fresh ? 0 : 2) ||
        !FITS(given, 2, REAL, residuals_size(s)) || !FITS(given, 3, REAL, s.B, s.H) ||
        !FITS(given, 4, REAL, s.B, s.H) ||
        (by_outputs && !FITS(given, 5, REAL, s.B, s.T, s.H)) ||
        !FITS(to, 0, REAL, given.arrays[1]->dims[0]) || !FITS(to, 1, REAL, backward_size(s)) ||
        (by_x && !FITS(to, 2, REAL, s.B, s.T, s.F)) ||
        (!call.fresh && !(FITS(to, first, REAL, s.B, s.H) && FITS(to, first + 1, REAL, s.B, s.H))))
        return refused(frame, "gatecast: an array of a layer's backward pass has another shape");
    call.residuals = data(given, 2);
    call.d_h = data(given, 3);
    call.d_c = data(given, 4);
    if (by_outputs) call.d_outputs = data(given, 5);
    call.d_weights = data(to, 0);
    call.scratch = data(to, 1);
    if (by_x) call.d_x = data(to, 2);
    if (!call.fresh) call.d_h0 = data(to, first), call.d_c0 = data(to, first + 1);
    backward_prepare(&call);
    run(frame, &call, backward);
    backward_finish(&call);
    return NULL;
}

/* features (rows, F), x_offset and x_scale (K, S, F); in whole numbers of 32 bits symbol (rows), origins (B),
   scale () → windows (B, T, F): the T rows up to each origin, less the offset, over the scale of its symbol;
   and scratch. What pads the origins may lie before row T - 1: those windows are read by nobody. */
EXPORTED XLA_FFI_Error *gatecast_windows(XLA_FFI_CallFrame *frame) {
    if (answered(frame)) return NULL;
    Arrays given = arguments(frame), to = results(frame);
    if (given.size != 6 || to.size != 2 || to.arrays[0]->rank != 3 || given.arrays[0]->rank != 2 ||
        given.arrays[3]->rank != 3)
        return refused(frame, "gatecast: windows are cut from other arrays");
    const int64_t *shape = to.arrays[0]->dims, *scales = given.arrays[3]->dims;
    int64_t B = shape[0], T = shape[1], F = shape[2], K = scales[0], S = scales[1], all = given.arrays[0]->dims[0];
    if (T > all || T * F > (int64_t)1 << 50 || !FITS(given, 0, REAL, all, F) || !FITS(given, 1, WHOLE, all) ||
        !FITS(given, 2, WHOLE, B) || !FITS(given, 3, REAL, K, S, F) || !FITS(given, 4, REAL, K, S, F) ||
        !fits(given, 5, WHOLE, 0, NULL) || !FITS(to, 0, REAL, B, T, F) || !FITS(to, 1, REAL, 2 * T * F))
        return refused(frame, "gatecast: an array that windows are cut from has another shape");
    const real *features = data(given, 0), *all_offsets = data(given, 3), *all_scales = data(given, 4);
    const int32_t *symbol = given.arrays[1]->data, *origins = given.arrays[2]->data;
    int64_t scale = *(const int32_t *)given.arrays[5]->data, known = -1;
    real *windows = data(to, 0), *offset = data(to, 1), *divisor = offset + T * F;
    if (scale < 0 || scale >= K) return refused(frame, "gatecast: there is no such scale");
    for (int64_t b = 0; b < B; b++, windows += T * F) {
        if (origins[b] < 0 || origins[b] >= all) return refused(frame, "gatecast: an origin lies beyond the rows");
        int64_t owner = symbol[origins[b]], wanted = scale * S + owner;
        if (owner < 0 || owner >= S) return refused(frame, "gatecast: a row's symbol has no scale");
        const real *rows = features + (origins[b] < T - 1 ? 0 : origins[b] - T + 1) * F;
        for (int64_t n = 0; n < T && wanted != known; n++) {
            memcpy(offset + n * F, all_offsets + wanted * F, sizeof(real) * F);
            memcpy(divisor + n * F, all_scales + wanted * F, sizeof(real) * F);
        }
        known = wanted;
        for (int64_t n = 0; n < T * F; n++) windows[n] = (rows[n] - offset[n]) / divisor[n];
    }
    return NULL;
}

/* Recurrent layers on the processor, whole, and the windows they read: gatecast.nn.kernel compiles this file and
   hands it to XLA.

   Everything is batch-first, vectors run over the gates. A block of ROWS sequences goes through all sessions
   before the next one starts, so that what it needs stays in the nearest cache. Hidden units are padded to
   PAD, rows of columns to LANES, with zeros, hence no loop has a ragged end. The batch is cut into pieces by
   the shapes alone, whose weight gradients are added in order: the same bits on one thread or many.

   Names: B sequences, T sessions, F features, H hidden units, Hp = H padded; a cell has `columns` blocks of
   Hp pre-activations p, of which x reaches the first in_blocks and h reaches the last hid_blocks, from hid_from
   on (a GRU's r comes between what x and what h give to n, so these are two columns: n, r, z, nh). */

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "layer.h"
#include "xla/ffi/api/c_api.h"

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

/* Whether XLA agreed. */
static int agreed(XLA_FFI_CallFrame *frame, XLA_FFI_Error *error) {
    if (!error) return 1;
    XLA_FFI_Error_Destroy_Args gone = {sizeof gone, NULL, error};
    frame->api->XLA_FFI_Error_Destroy(&gone);
    return 0;
}

/* How many threads this call may use: its share of XLA's. */
static long share(XLA_FFI_CallFrame *frame, long pieces) {
    int64_t threads = 1;
    XLA_FFI_ThreadPool_NumThreads_Args asked = {sizeof asked, NULL, frame->ctx, &threads};
    if (pieces == 1 || !agreed(frame, frame->api->XLA_FFI_ThreadPool_NumThreads(&asked))) return 1;
    int busy = atomic_load(&networks);
    threads /= busy > 1 ? busy : 1;
    return threads < pieces ? threads : pieces;
}

static void run(XLA_FFI_CallFrame *frame, const Call *call, Pass *pass) {
    long threads = share(frame, call->s.pieces);
    Pieces *pieces = threads > 1 ? malloc(sizeof *pieces) : NULL;
    if (!pieces) {
        Pieces alone = {call, pass, call->s.pieces, 0, 0, 2}; /* one user too many: it is not to be freed */
        work(&alone);
        return;
    }
    *pieces = (Pieces){call, pass, call->s.pieces, 0, 0, threads + 1}; /* its own loop, and this function */
    for (long helper = 1; helper < threads; helper++) {
        XLA_FFI_ThreadPool_Schedule_Args task = {sizeof task, NULL, frame->ctx, work, pieces};
        if (!agreed(frame, frame->api->XLA_FFI_ThreadPool_Schedule(&task))) atomic_fetch_sub(&pieces->users, 1);
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

/* weights: w_ih (R, F), w_hh (R, H), b_ih (R) and, where there are two `biases`, b_hh (R), one after the other. */
static Call call_of(XLA_FFI_CallFrame *frame) {
    const int64_t *x = ((XLA_FFI_Buffer *)frame->args.args[0])->dims;
    Shape s = shape_of(attribute(frame, "kind"), x[0], x[1], x[2], attribute(frame, "size"));
    long rows = s.cell->in_blocks * s.H;
    const real *weights = argument(frame, 1);
    Call call = {.s = s, .reverse = attribute(frame, "reverse"), .fresh = attribute(frame, "fresh")};
    call.x = argument(frame, 0);
    call.w_ih = weights, weights += rows * s.F;
    call.w_hh = weights, weights += rows * s.H;
    call.b_ih = weights, weights += rows;
    call.b_hh = attribute(frame, "biases") == 2 ? weights : NULL;
    return call;
}

/* x, weights and, unless `fresh`, h0, c0 → outputs, h, c, scratch and, if wanted, kept. */
XLA_FFI_Error *gatecast_forward(XLA_FFI_CallFrame *frame) {
    if (answered(frame)) return NULL;
    Call call = call_of(frame);
    if (!call.fresh) call.h0 = argument(frame, 2), call.c0 = argument(frame, 3);
    real **out[] = {&call.outputs, &call.h, &call.c, &call.scratch, &call.kept};
    for (long n = 0; n < frame->rets.size; n++) *out[n] = result(frame, n);
    forward_prepare(&call);
    run(frame, &call, forward);
    return NULL;
}

/* x, weights, kept, d_h, d_c, with `by_outputs` d_outputs
   → d_weights, scratch, with `by_x` d_x and, unless `fresh`, d_h0, d_c0. */
XLA_FFI_Error *gatecast_backward(XLA_FFI_CallFrame *frame) {
    if (answered(frame)) return NULL;
    Call call = call_of(frame);
    call.kept = argument(frame, 2);
    call.d_h = argument(frame, 3);
    call.d_c = argument(frame, 4);
    if (attribute(frame, "by_outputs")) call.d_outputs = argument(frame, 5);
    long out = 0;
    call.d_weights = result(frame, out++);
    call.scratch = result(frame, out++);
    if (attribute(frame, "by_x")) call.d_x = result(frame, out++);
    if (!call.fresh) call.d_h0 = result(frame, out++), call.d_c0 = result(frame, out++);
    back_prepare(&call);
    run(frame, &call, back);
    back_finish(&call);
    return NULL;
}

/* features (rows, F), x_offset and x_scale (K, S, F); in whole numbers of 32 bits symbol (rows), origins (B),
   scale () → windows (B, T, F): the T rows up to each origin, less the offset, over the scale of its symbol;
   and scratch. What pads the origins may lie before row T - 1: those windows are read by nobody. */
XLA_FFI_Error *gatecast_windows(XLA_FFI_CallFrame *frame) {
    if (answered(frame)) return NULL;
    const int64_t *shape = ((XLA_FFI_Buffer *)frame->rets.rets[0])->dims;
    long B = shape[0], T = shape[1], F = shape[2], S = ((XLA_FFI_Buffer *)frame->args.args[3])->dims[1];
    const real *features = argument(frame, 0), *all_offsets = argument(frame, 3), *all_scales = argument(frame, 4);
    const int32_t *symbol = (void *)argument(frame, 1), *origins = (void *)argument(frame, 2);
    long scale = *(const int32_t *)(void *)argument(frame, 5), known = -1;
    real *windows = result(frame, 0), *offset = result(frame, 1), *spread = offset + T * F;
    for (long b = 0; b < B; b++, windows += T * F) {
        const real *rows = features + (origins[b] < T - 1 ? 0 : origins[b] - T + 1) * F;
        long wanted = scale * S + symbol[origins[b]];
        for (long n = 0; n < T && wanted != known; n++) {
            memcpy(offset + n * F, all_offsets + wanted * F, sizeof(real) * F);
            memcpy(spread + n * F, all_scales + wanted * F, sizeof(real) * F);
        }
        known = wanted;
        for (long n = 0; n < T * F; n++) windows[n] = (rows[n] - offset[n]) / spread[n];
    }
    return NULL;
}

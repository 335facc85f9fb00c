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

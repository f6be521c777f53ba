// Package compress makes updates small and makes up for it.
//
// # Words
//
// An update is a vector g in R^d that a client wants the server to add, with some weight, to a sum: a gradient or a
// pseudo-gradient. A compressor C sends less than all of a vector p. It contracts by delta in (0, 1] when
// E||C(p)-p||^2 <= (1-delta) ||p||^2. A feedback rule decides what p is, given g and what earlier updates lost. A
// fragment is a contiguous slice of the coordinates; a frame is one encoded fragment of one update, at most MaxFrame
// bytes (FORMAT.md, beside this file, has every bit). Top-k and random-k choose within a fragment.
//
// A Codec is all that follows from configuration, dimension and seed, shared by everybody. An Encoder is one
// goroutine's scratch. What belongs to one client is its Memory; the server's side of it is a Mirror:
//
//	client                                                server
//	update, stats, err := encoder.Encode(buf, id, m, g)   header, err := codec.Check(update)
//	                                                      for rest := update; len(rest) > 0; {
//	                                                          f, after, err := codec.Parse(rest)
//	                                                          codec.Add(sum, weight, f)    // or Advance
//	                                                          rest = after
//	                                                      }
//
// # Compressors
//
//	identity   all of p, as a dense frame or, where that is smaller, a sparse one      delta = 1
//	topk       the k largest of a fragment; of equals the lowest index, never a 0      k/n
//	blocktopk  the k largest of every block of 4096                                    k/4096
//	randk      k coordinates that both sides draw from the seed                        k/n in expectation
//	sign       (||p||_1/n) sign(p) in every block of 4096; sign(0) = 0                 ||p||_1^2/(n ||p||^2), 2/pi for a Gaussian
//	quant      stochastic b-bit codes in every block of 256, divided by 1+omega        1/(1+omega): .996, .57, .12 at least for 8, 4, 2 bits
//
// The values that topk, blocktopk and randk choose can be bf16 or 8, 4 or 2-bit codes with a scale for every 256; they
// are rounded to the nearest code. What both steps lose is left to the feedback rule.
//
// # Feedback rules
//
// In a client's memory e is what it still owes, h an estimate of g that the server mirrors, v a running mean of g. An
// update carries q; the server decodes it to q itself, or to h after h += q where the rule has h.
//
//	none      q = C(g)                                              decodes to q
//	forget    the same, for a g that is worked out anew             q     a fixed-point iteration's own block
//	ec        p = beta e + g; q = C(p); e = p - q                   q     EF14 (Seide et al. 2014), beta < 1: SparseLoCo
//	ef21      q = C(g - h); h += q                                  h     Richtarik et al. 2021
//	ef21m     v = (1-m) v + m g, v_0 = g_0; q = C(v - h); h += q    h     EF21-SGDM, Fatkhullin et al. 2023
//	econtrol  q = C(eta e + g - h); e += g - h - q; h += q          h     EControl, Gao et al. 2024
//
// econtrol with eta auto starts at delta, at most 1/4, and halves eta when its error runs away (Stats.Halved).
//
// # What becomes of an update
//
// The server decodes the updates of a client whose rule has h in order and without a gap, each exactly once: Cursor
// says which one is next. It may give an update weight 0, and decodes it all the same. The client, in the order of its
// updates, is told of each one of three things, and keeps its frames until then:
//
//   - committed: nothing to do.
//   - decoded with weight 0 (too stale): Expire puts what it decoded to into e.
//   - refused or lost, so never decoded: Return. Under a rule with h the updates that follow cannot be decoded either,
//     so Return takes them all; then it sets h to 0 and begins a new feedback epoch, at whose first update the server's
//     mirror becomes 0 too. A client whose memory is gone begins an epoch above its last with NewMemory.
//
// So nothing is lost. At every moment, for ec with beta 1 and for econtrol,
//
//	sum of what was committed + e + what the outbox decodes to  =  sum of all g,
//
// whatever was refused, expired, lost or restarted. Rules none, ef21 and ef21m drop what C leaves out, and ec with beta
// below 1 a share of e, on purpose; but of what they do send nothing is lost either: they too keep what comes back in
// e, and add it to the next g, once. With the identity compressor the law holds for them as it stands.
//
// Rule forget is for a client that alone changes its part of x, and sends x_i - T_i(x): what was left out, refused or
// expired is still missing in x, so it is in the next difference without being remembered, and would count twice if
// it were.
//
// # Memory of the server
//
// per-client: a Mirror of d values for each client. An update then decodes to the client's h_i, and any weight applies.
//
// mean: only H = sum p_i h_i, the vector that Add adds to, with weight p_i, and that is applied at every version and
// never cleared (as Richtarik et al. and Gao et al. have it). Clients that stay away keep contributing their last estimate, and the
// law above holds over versions in which all take part. H cannot forget one client: Return therefore steps the
// client's h back instead of beginning an epoch, and a client that lost its memory cannot come back as itself.
//
// # Replication
//
// Frames, memories and decoded sums are equal bit by bit on every build. Nothing here reads a clock, draws from a
// global source, or starts a goroutine, and nothing allocates once buffers have grown.
package compress

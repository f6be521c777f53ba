// Package waterfill is power control as a game: user q of Q spreads its power over K carriers to transmit as much as it
// can, and what one user sends the others hear as noise.
//
// User q's powers lie in P_q = {0 <= p(k) <= mask_q(k), sum_k p(k) = budget_q}. Its answer to what it measures is to
// fill power like water over
//
//	insr_q(k) = (noise_q(k) + sum_{r != q} G_qr(k) p_r(k)) / G_qq(k),
//	WF_q(k)   = clamp(mu_q - insr_q(k), 0, mask_q(k)),   mu_q such that sum_k WF_q(k) = budget_q,
//
// G_qr(k) being the power gain from transmitter r to receiver q. WF_q is the best response for the rate
// sum_k log2(1 + p_q(k)/insr_q(k)), and it is the projection of -insr_q on P_q, hence nonexpansive: with
// S_qr = max_k G_qr(k)/G_qq(k) as Lipschitz matrix, package certificate says beforehand whether playing best responses
// must settle, and how fast (Scutari, Palomar and Barbarossa 2008; arXiv 2502.15783).
//
// A Game is the channel; a Filler is the operator; Solve plays a game on one of three schedules; Open gives it to a
// run's clients, one user each: a problem.Problem[float64] whose vector is all users' powers, user after user.
package waterfill

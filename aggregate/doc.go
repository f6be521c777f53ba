// Package aggregate decides when a window of updates becomes the next version and how much each update counts.
//
// It follows the framework of arXiv 2206.10189:
//
//	x_{v+1} = x_v - outer( sum_i d_i delta_i )      over the updates i of window v
//
// A policy is two choices. A closing rule says when a window is full or due (fedavg, fedasync, fedbuff, fedfix, co2:
// one file each). A weighting says what d_i is: the share p_i of the data, the same for all, or unbiased, p_i divided by
// how often client i takes part in a window. The scheme optimises sum_i q_i f_i with q_i = E[d_i 1{i in window}], so
// only the last is free of bias when clients differ in speed; TotalVariation measures what is left.
//
// Where each client owns a block of x, as in an asynchronous fixed-point iteration, there is nothing to average: the
// weighting block applies every update whole, d_i = 1, and the step to x_i - (x_i - T_i(x_base)) is T_i(x_base).
//
// The staleness factor multiplies d_i after normalisation: a discount shrinks the step, it is never scaled back up.
//
// What the sum does to the model is the outer optimiser's: plain, nesterov, adam, or CO2's for sums that come a round
// late (co2.go), where clients may start from what Predict expects of it.
package aggregate

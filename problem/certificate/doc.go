// Package certificate says beforehand whether best responses in a game must converge, and how fast.
//
// Player i's best response is a map T_i of what the others play, and L is its Lipschitz matrix:
//
//	||T_i(x) - T_i(y)|| <= sum_j L_ij ||x_j - y_j||,   L_ij >= 0,
//
// whatever the game. If the spectral radius rho(L) is below 1 there is one equilibrium, and it is reached from anywhere
// by every schedule: one player after another, all at once, or in any order with old information, as long as everybody
// plays for ever (Bertsekas and Tsitsiklis 1989, section 6.2; Scutari, Palomar and Barbarossa 2008 for water-filling).
// Weights say how fast: with x = (I - L)^{-1} 1 the joint map contracts by 1 - 1/max(x) in the norm
//
//	||p||_{inf,x} = max_i ||p_i|| / x_i.
//
// All numbers are worked out by solving linear systems and are checked against L itself: a certificate is never issued
// on the word of an eigenvalue. A rho of 1 or more proves nothing, in either direction.
package certificate

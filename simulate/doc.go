// Package simulate runs a whole experiment on a virtual clock. It drives the same ledger and model as a cluster, and
// the same local work on the same data, without a network.
//
// One goroutine, the event loop, owns all state: it takes the next event in virtual time, tells the machine, and turns
// what the ledger decided into new events. How long work and transfers take follows from the config, never from real
// time, so the loop knows when an update will arrive before it has been computed. Computing is handed to a pool of one
// goroutine a core, soonest needed first; the loop waits only for the update that arrives next, and helps meanwhile. A
// round of local work depends on its client, its number and its base alone, so the results are the same bits however
// many cores there are.
//
// With local.pipeline clients work ahead of their updates (pipeline.go): transfers take their time beside the work.
//
// Memory: a vector for every version that somebody in flight works from, and another one where selection asks how updates
// lie; an update for every client whose work is done but has not arrived (two where clients work ahead, and their pending
// work where they predict), and a few dozen bytes for every idle client.
package simulate

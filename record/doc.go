// Package record is a run's folder: what is written while a run goes on, what is read back, and the report made of it.
//
// A folder holds
//
//	config.yaml        the resolved configuration, enough to run it again
//	versions.csv       one line a committed version (VersionRow)
//	updates.csv        one line an update that reached the coordinator (UpdateRow)
//	summary.json       what the run came to (Summary); written when the run ends
//	model.safetensors  the final model: one tensor, x
//	report.html        the page made from the files above, and from nothing else
//
// Create starts a folder and Reopen goes on with one; Open reads one, whether its run finished or was killed; Report
// and Compare put one or several on a page or in JSON. docs/record.md describes every file and column.
package record

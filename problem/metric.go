package problem

import "strings"

// SmallerIsBetter reports which way a metric of this name is meant to go.
func SmallerIsBetter(metric string) bool {
	return !strings.HasSuffix(metric, "accuracy") && metric != "sum_rate"
}

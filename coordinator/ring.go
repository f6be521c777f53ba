package coordinator

// ring keeps the frames of the newest versions, as long as all of them together are no more than a model.
type ring struct {
	limit int
	bytes int
	first uint64 // version of steps[0]
	steps [][]byte
}

// add takes the frames that lead to a version from the one before. A version that has none breaks the chain.
func (r *ring) add(version uint64, frames []byte) {
	if len(frames) == 0 || version != r.first+uint64(len(r.steps)) {
		*r = ring{limit: r.limit, first: version}
		if len(frames) == 0 {
			r.first = version + 1
			return
		}
	}
	r.steps = append(r.steps, append([]byte(nil), frames...))
	r.bytes += len(frames)
	for r.bytes > r.limit {
		r.bytes -= len(r.steps[0])
		r.steps[0] = nil
		r.steps = r.steps[1:]
		r.first++
	}
}

// since returns the frames that lead from version held to version to, one slice a version; ok is false when they are not
// all there any more.
func (r *ring) since(held, to uint64) (steps [][]byte, ok bool) {
	if held+1 < r.first || to < held || to >= r.first+uint64(len(r.steps)) {
		return nil, false
	}
	return r.steps[held+1-r.first : to+1-r.first], true
}

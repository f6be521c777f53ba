package coordinator

import (
	"testing"

	"weir/record"
)

// After a node went back to a snapshot the page draws what the record holds up to there; without a record, what comes
// from there on.
func TestHistoryGoesBackWithTheRecord(t *testing.T) {
	rec, err := record.Create(t.TempDir(), []byte("name: back\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	for _, c := range []struct {
		to   rows
		want int
	}{{rows{rec, record.NewHistory()}, 3}, {rows{nil, record.NewHistory()}, 0}} {
		for v := range uint64(6) {
			if err := c.to.Version(record.VersionRow{Version: v}); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.to.Rewind(3, 0); err != nil {
			t.Fatal(err)
		}
		versions, _ := c.to.history.Rows()
		if len(versions) != c.want {
			t.Errorf("%d versions after going back to 3, want %d", len(versions), c.want)
		}
		if err := c.to.Version(record.VersionRow{Version: 3}); err != nil {
			t.Fatal(err)
		}
		if versions, _ = c.to.history.Rows(); len(versions) != c.want+1 || versions[c.want].Version != 3 {
			t.Errorf("and then %+v", versions)
		}
	}
}

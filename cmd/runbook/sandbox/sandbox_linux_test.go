package sandbox

import (
	"testing"
	"time"
)

// TestTimeUsed counts how much of the time for looking is used.
func TestTimeUsed(t *testing.T) {
	for _, c := range []struct {
		name                    string
		passed, processor, used time.Duration
	}{
		{"alone", 3 * time.Second, 3 * time.Second, 3 * time.Second},
		{"beside others", 3 * time.Second, 2 * time.Second, 3 * time.Second},
		{"starved", 8 * time.Second, time.Second, 2 * time.Second},
		{"blocked", 30 * time.Second, 0, 5 * time.Second},
		{"on two processors", 3 * time.Second, 5 * time.Second, 5 * time.Second},
	} {
		if used := timeUsed(c.passed, c.processor); used != c.used {
			t.Errorf("%s: %v, want %v", c.name, used, c.used)
		}
	}
	if used := processTime(0); used <= 0 || used > time.Hour {
		t.Errorf("this process has used %v", used)
	}
}

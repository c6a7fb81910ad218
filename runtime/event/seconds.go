package event

import "fmt"

// Seconds formats a duration for people: 0.3 s, 42.0 s, 3m07s.
func Seconds(s float64) string {
	if s < 60 {
		return fmt.Sprintf("%.1f s", s)
	}
	return fmt.Sprintf("%dm%02ds", int(s)/60, int(s)%60)
}

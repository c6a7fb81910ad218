package event

import (
	"fmt"
	"testing"
)

type sinkhole struct{}

func (sinkhole) Event(Event)  {}
func (sinkhole) Close() error { return nil }

// BenchmarkEmit emits one event with host, step and line, without secrets and with three.
func BenchmarkEmit(b *testing.B) {
	for _, secrets := range []int{0, 3} {
		b.Run(fmt.Sprint(secrets, " secrets"), func(b *testing.B) {
			s := NewStream(sinkhole{})
			for i := range secrets {
				s.AddSecret(fmt.Sprint("a secret word ", i))
			}
			ctx := WithLine(WithStep(WithHost(WithStream(b.Context(), s), "web1"), "prepare"), "r.lua:3")
			b.ReportAllocs()
			for b.Loop() {
				Emit(ctx, Event{Kind: Output, Stream: "stdout",
					Text: "a line of what a command printed, as long as many\n"})
			}
		})
	}
}

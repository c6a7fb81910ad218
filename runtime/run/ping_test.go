package run

import (
	"maps"
	"testing"
	"time"
)

func TestPingedParse(t *testing.T) {
	var p Pinged
	p.parse("motd of a noisy host\npython Python 3.11.2\ngit git version 2.39.5\n" +
		"disk /dev/my disk 1000 400 600 40% /srv\ninodes - - - - - /srv\ncurrent 20260105-120000 \n")
	if p.Python != "3.11.2" || p.Git != "2.39.5" || p.DiskFree != 600*1024 || p.DiskTotal != 1000*1024 ||
		p.InodesTotal != 0 || p.Current != "20260105-120000" {
		t.Errorf("got %+v", p)
	}
	if p.Server != "" || p.Serving() != "20260105-120000" {
		t.Errorf("without a server: got %+v", p)
	}
	p.parse("python sh: 1: /opt/python: not found missing\ngit missing\ncurrent none\nserver not running\n")
	if p.Python != "missing" || p.Git != "missing" || p.Current != "none" || p.Server != "not running" ||
		p.Serving() != "none, server not running" {
		t.Errorf("got %+v", p)
	}
}

func TestPingedClock(t *testing.T) {
	before, after := time.Unix(1000, 200_000_000), time.Unix(1000, 400_000_000)
	for printed, want := range map[string]float64{
		"1000.300000000\n": 0, "1000.N\n": 0, "1002.400000000": 2, "990.200000000": -10, "998.N": -1.2,
	} {
		var p Pinged
		p.measureClock(printed, before, after)
		if p.Clock == nil || *p.Clock < want-1e-6 || *p.Clock > want+1e-6 {
			t.Errorf("%q: got %v, want %v", printed, p.Clock, want)
		}
	}
	var p Pinged
	if p.measureClock("date: not found", before, after); p.Clock != nil {
		t.Error("a clock from invalid output")
	}
}

func TestPingSettings(t *testing.T) {
	settings := PingSettings("#!/bin/sh\n# settings: root=/srv/app server_root= python=python3\necho\n")
	o := PingOptions{Settings: settings, Given: map[string]string{"server_root": "/srv/given"}}
	got := o.settingsFor(map[string]any{"root": "/srv/shop", "server_root": "/srv/vars", "python": 3, "other": "x"})
	want := map[string]string{"root": "/srv/shop", "server_root": "/srv/given", "python": "python3"}
	if !maps.Equal(got, want) || settings["root"] != "/srv/app" {
		t.Errorf("got %q, want %q; declared %q", got, want, settings)
	}
}

package stdlib

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

// Date implements os.date. gopher-lua's own passes most letters of strftime through unchanged,
// writes "mon" for every %a, and does not count the day of the year.
func Date(l *lua.LState) (lua.LValue, error) {
	format, at := l.OptString(1, "%c"), time.Now()
	if l.Get(2) != lua.LNil {
		at = time.Unix(l.CheckInt64(2), 0)
	}
	if utc, ok := strings.CutPrefix(format, "!"); ok {
		format, at = utc, at.UTC()
	}
	if format != "*t" {
		text, err := FormatTime(at, format)
		return lua.LString(text), err
	}
	t := l.NewTable()
	for name, n := range map[string]int{
		"year": at.Year(), "month": int(at.Month()), "day": at.Day(), "hour": at.Hour(), "min": at.Minute(),
		"sec": at.Second(), "wday": int(at.Weekday()) + 1, "yday": at.YearDay(),
	} {
		t.RawSetString(name, lua.LNumber(n))
	}
	t.RawSetString("isdst", lua.LBool(at.IsDST()))
	return t, nil
}

// layouts has the letters of strftime in C's own locale that package time has a layout for.
var layouts = map[byte]string{
	'A': "Monday", 'B': "January", 'D': "01/02/06", 'F': "2006-01-02", 'H': "15", 'I': "03", 'M': "04", 'P': "pm",
	'R': "15:04", 'S': "05", 'T': "15:04:05", 'X': "15:04:05", 'Y': "2006", 'Z': "MST", 'a': "Mon", 'b': "Jan",
	'c': "Mon Jan _2 15:04:05 2006", 'd': "02", 'e': "_2", 'h': "Jan", 'j': "002", 'm': "01", 'p': "PM",
	'r': "03:04:05 PM", 'x': "01/02/06", 'y': "06", 'z': "-0700",
}

// computed has the letters that package time has no layout for.
var computed = map[byte]func(t time.Time) string{
	'%': func(time.Time) string { return "%" },
	'n': func(time.Time) string { return "\n" },
	't': func(time.Time) string { return "\t" },
	'C': func(t time.Time) string { return fmt.Sprintf("%02d", t.Year()/100) },
	'G': func(t time.Time) string { year, _ := t.ISOWeek(); return strconv.Itoa(year) },
	'g': func(t time.Time) string { year, _ := t.ISOWeek(); return fmt.Sprintf("%02d", year%100) },
	'V': func(t time.Time) string { _, week := t.ISOWeek(); return fmt.Sprintf("%02d", week) },
	'U': func(t time.Time) string { return fmt.Sprintf("%02d", (t.YearDay()+6-int(t.Weekday()))/7) },
	'W': func(t time.Time) string { return fmt.Sprintf("%02d", (t.YearDay()+6-(int(t.Weekday())+6)%7)/7) },
	'w': func(t time.Time) string { return strconv.Itoa(int(t.Weekday())) },
	'u': func(t time.Time) string { return strconv.Itoa((int(t.Weekday())+6)%7 + 1) },
}

// FormatTime formats a time by the letters of C's strftime, in its own locale. Another letter is an
// error.
func FormatTime(t time.Time, format string) (string, error) {
	var out strings.Builder
	for {
		text, rest, found := strings.Cut(format, "%")
		out.WriteString(text)
		if !found {
			return out.String(), nil
		}
		// E and O ask for another era and other digits, which C's own locale does not have.
		letter := strings.TrimLeft(rest[:min(1, len(rest))], "EO")
		if letter == "" && len(rest) > 1 {
			rest = rest[1:]
			letter = rest[:1]
		}
		switch {
		case letter == "":
			return "", errors.New("the format ends in %; write %% for the character itself")
		case layouts[letter[0]] != "":
			out.WriteString(t.Format(layouts[letter[0]]))
		case computed[letter[0]] != nil:
			out.WriteString(computed[letter[0]](t))
		default:
			_, size := utf8.DecodeRuneInString(rest)
			return "", fmt.Errorf("strftime has no %%%s; write %%%% for the character %% itself", rest[:size])
		}
		format = rest[1:]
	}
}

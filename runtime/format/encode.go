package format

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"runbook/runtime/script"
)

// base64Module declares base64.encode and base64.decode.
func base64Module() script.Module {
	return script.Module{Name: "base64", Doc: "Base64 with padding, as base64(1) writes it.",
		Primitives: []script.Primitive{
			script.Func("encode", script.Pure, "Return the bytes of a text as base64 on one line.",
				func(_ context.Context, _ script.None, a textArgs) (string, error) {
					return base64.StdEncoding.EncodeToString([]byte(a.Text)), nil
				}).With(`local header = "Basic " .. base64.encode("ada:" .. name)`),
			script.Func("decode", script.Pure,
				"Return the bytes of base64. Line breaks are skipped; padding may be left out, and "+
					"- and _ count as + and /.",
				func(_ context.Context, _ script.None, a textArgs) (string, error) { return decodeBase64(a.Text) }).
				With(`local text = base64.decode("aGVsbG8=")`),
		}}
}

func decodeBase64(text string) (string, error) {
	plain := strings.NewReplacer("\r", "", "\n", "", "-", "+", "_", "/").Replace(text)
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(plain, "="))
	if err != nil {
		return "", fmt.Errorf("invalid base64: %w", err)
	}
	return string(decoded), nil
}

// hashModule declares hash.sha256.
func hashModule() script.Module {
	return script.Module{Name: "hash", Doc: "Checksums.", Primitives: []script.Primitive{
		script.Func("sha256", script.Pure, "Return the SHA-256 checksum of a text, as 64 hex digits.",
			func(_ context.Context, _ script.None, a textArgs) (string, error) {
				sum := sha256.Sum256([]byte(a.Text))
				return hex.EncodeToString(sum[:]), nil
			}).With(`local sum = hash.sha256(host.fs:read(path))`),
	}}
}

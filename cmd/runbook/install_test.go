package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const installed = "#!/bin/sh\necho runbook 1.2.3\n"

// TestInstallScript runs install.sh, as .ci/release makes it, against a server on this machine.
func TestInstallScript(t *testing.T) {
	t.Parallel()
	template, err := os.ReadFile("../../.ci/templates/install.sh")
	if err != nil {
		t.Fatal(err)
	}
	good := archive(t, "./runbook", installed)
	for _, row := range []struct {
		name    string
		change  func(files map[string]string)
		system  string   // what uname prints, by default Linux x86_64
		without []string // programs that the system lacks
		args    []string
		target  string // the folder, by default bin
		want    string // a line of the output, if it fails
		status  int
	}{
		{name: "curl"},
		{name: "wget", without: []string{"curl"}},
		{name: "macOS", system: "Darwin arm64", without: []string{"sha256sum"}},
		{name: "a folder that does not exist", target: "new/bin"},
		{name: "another sum",
			change: func(files map[string]string) { files["runbook_1.2.3_linux_amd64.tar.gz"] += "x" },
			want:   "nothing was installed", status: 1},
		{name: "another program", change: func(files map[string]string) {
			files["runbook_1.2.3_linux_amd64.tar.gz"] = archive(t, "./runbook", "#!/bin/sh\ntouch ran\n")
		}, want: "nothing was installed", status: 1},
		{name: "no archive", change: func(files map[string]string) {
			delete(files,
				"runbook_1.2.3_linux_amd64.tar.gz")
		},
			want: "runbook_1.2.3_linux_amd64.tar.gz cannot be downloaded", status: 1},
		{name: "no archive for wget", change: func(files map[string]string) {
			delete(files,
				"runbook_1.2.3_linux_amd64.tar.gz")
		},
			without: []string{"curl"}, want: "runbook_1.2.3_linux_amd64.tar.gz cannot be downloaded", status: 1},
		{name: "no sums", change: func(files map[string]string) { delete(files, "SHA256SUMS") },
			want: "SHA256SUMS cannot be downloaded", status: 1},
		{name: "sums of another version", change: func(files map[string]string) {
			files["SHA256SUMS"] = strings.ReplaceAll(files["SHA256SUMS"], "1.2.3", "1.2.4")
		}, want: "SHA256SUMS does not list runbook_1.2.3_linux_amd64.tar.gz", status: 1},
		{name: "empty sums", change: func(files map[string]string) { files["SHA256SUMS"] = "" },
			want: "SHA256SUMS does not list runbook_1.2.3_linux_amd64.tar.gz", status: 1},
		{name: "an archive without the program", change: func(files map[string]string) {
			files["runbook_1.2.3_linux_amd64.tar.gz"] = archive(t, "./else", installed)
			files["SHA256SUMS"] = sums(files)
		}, want: "runbook_1.2.3_linux_amd64.tar.gz has no runbook in it", status: 1},
		{name: "a program for another system", change: func(files map[string]string) {
			files["runbook_1.2.3_linux_amd64.tar.gz"] = archive(t, "./runbook", "\x7fELF?")
			files["SHA256SUMS"] = sums(files)
		}, want: "the program does not start on this system", status: 1},
		{name: "a folder that cannot be written", target: "file/bin", want: "file/bin/runbook cannot be written",
			status: 1},
		{name: "an unknown system", system: "SunOS sun4v", want: "nothing for SunOS", status: 1},
		{name: "an unknown machine", system: "Linux riscv64", want: "no program for Linux on riscv64", status: 1},
		{name: "no program for downloads", without: []string{"curl", "wget"}, want: "neither curl nor wget", status: 1},
		{name: "no program for sums", without: []string{"sha256sum", "shasum"}, want: "neither sha256sum nor shasum",
			status: 1},
		{name: "an unknown option", args: []string{"--prefix"}, want: "unknown option --prefix", status: 2},
		{name: "no URL", args: []string{"--url"}, want: "--url wants a URL", status: 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{}
			for _, platform := range []string{"linux_amd64", "linux_arm64", "darwin_arm64"} {
				files["runbook_1.2.3_"+platform+".tar.gz"] = good
			}
			files["SHA256SUMS"] = sums(files)
			if row.change != nil {
				row.change(files)
			}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				text, ok := files[strings.TrimPrefix(r.URL.Path, "/1.2.3/")]
				if !ok {
					http.NotFound(w, r)
					return
				}
				_, _ = w.Write([]byte(text)) // the script reports what is missing
			}))
			defer server.Close()
			dir := t.TempDir()
			for path, text := range map[string]string{"install.sh": strings.NewReplacer("@VERSION@", "1.2.3",
				"@URL@", server.URL+"/1.2.3").Replace(string(template)),
				"bin/runbook": "#!/bin/sh\necho runbook 1.2.2\n", "file": "", "tmp/": ""} {
				writeBelow(t, dir, path, text)
			}
			target := filepath.Join(dir, "bin")
			if row.target != "" {
				target = filepath.Join(dir, row.target)
			}
			before := tree(t, dir)
			c := exec.Command("sh", append([]string{"install.sh", target}, row.args...)...)
			c.Dir = dir
			c.Env = []string{"PATH=" + systemPath(t, row.system, row.without), "TMPDIR=" + filepath.Join(dir, "tmp"),
				"HOME=" + dir}
			out, err := c.CombinedOutput()
			if c.ProcessState == nil {
				t.Fatal(err)
			}
			if got := c.ProcessState.ExitCode(); got != row.status || !strings.Contains(string(out), row.want) {
				t.Errorf("exit status %d, want %d and %q:\n%s", got, row.status, row.want, out)
			}
			if row.status != 0 {
				if after := tree(t, dir); after != before {
					t.Errorf("it failed and left\n%s\nnot as before:\n%s", after, before)
				}
				if !strings.Contains(string(out), "\nnext: ") {
					t.Errorf("no hint:\n%s", out)
				}
				return
			}
			got, err := exec.Command(filepath.Join(target, "runbook")).CombinedOutput()
			if string(got) != "runbook 1.2.3\n" {
				t.Errorf("the installed program prints %q, %v; the script:\n%s", got, err, out)
			}
			if left := tree(t, filepath.Join(dir, "tmp")) +
				tree(t, target); left != fmt.Sprintf("runbook %q\n", installed) {
				t.Errorf("it left\n%s", left)
			}
		})
	}
}

// archive returns a .tar.gz with one program.
func archive(t *testing.T, name, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(text))})
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	for _, fn := range []func() error{w.Close, z.Close} {
		if err == nil {
			err = fn()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// sums returns SHA256SUMS of all files but itself.
func sums(files map[string]string) string {
	var b strings.Builder
	for name, text := range files {
		if name != "SHA256SUMS" {
			fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256([]byte(text)), name)
		}
	}
	return b.String()
}

// systemPath returns a folder with the programs that the script may use, and a uname of its own.
func systemPath(t *testing.T, system string, without []string) string {
	t.Helper()
	bin := t.TempDir()
	if system == "" {
		system = "Linux x86_64"
	}
	name, machine, _ := strings.Cut(system, " ")
	writeBelow(t, bin, "uname", "#!/bin/sh\ncase $1 in -s) echo "+name+" ;; *) echo "+machine+" ;; esac\n")
	for _, program := range []string{"sh", "awk", "chmod", "cp", "curl", "cut", "gzip", "mkdir", "mktemp", "mv", "rm",
		"sha256sum", "shasum",
		"tar", "wget"} {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Fatalf("%v: .ci/test installs it", err)
		}
		if !strings.Contains(" "+strings.Join(without, " ")+" ", " "+program+" ") {
			if err := os.Symlink(path, filepath.Join(bin, program)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return bin
}

// writeBelow writes a program, or makes a folder if the path ends with a slash.
func writeBelow(t *testing.T, dir, path, text string) {
	t.Helper()
	full := filepath.Join(dir, path)
	err := os.MkdirAll(filepath.Dir(full), 0o755)
	if strings.HasSuffix(path, "/") {
		err = os.MkdirAll(full, 0o755)
	} else if err == nil {
		err = os.WriteFile(full, []byte(text), 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// tree lists what is below a folder, with the contents of files.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		text, err := os.ReadFile(path)
		if d.IsDir() {
			err = nil
		}
		fmt.Fprintf(&b, "%s %q\n", strings.TrimPrefix(path, dir+"/"), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

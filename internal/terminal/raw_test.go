package terminal

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestIsTerminal(t *testing.T) {
	master, slave := pty(t)
	regular, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer regular.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	null.Close()
	for _, c := range []struct {
		name string
		file *os.File
		want bool
	}{
		{"master", master, true}, {"slave", slave, true},
		{"pipe", r, false}, {"regular file", regular, false}, {"closed", null, false}, {"nil", nil, false},
	} {
		if got := IsTerminal(c.file); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestSize(t *testing.T) {
	master, slave := pty(t)
	if err := SetSize(master, 43, 131); err != nil {
		t.Fatal(err)
	}
	if rows, cols, err := Size(slave); err != nil || rows != 43 || cols != 131 {
		t.Errorf("size %d, %d, %v, want 43, 131", rows, cols, err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if _, _, err := Size(r); err == nil {
		t.Error("a pipe has a size")
	}
	if err := SetSize(r, 1, 1); err == nil {
		t.Error("a pipe takes a size")
	}
}

func TestRawAndBack(t *testing.T) {
	_, slave := pty(t)
	before, err := modes(slave)
	if err != nil {
		t.Fatal(err)
	}
	restore, err := Raw(slave)
	if err != nil {
		t.Fatal(err)
	}
	now, err := modes(slave)
	if err != nil {
		t.Fatal(err)
	}
	if now.Lflag&(unix.ICANON|unix.ISIG|unix.ECHO) != 0 || now.Oflag&unix.OPOST != 0 || now.Iflag&(unix.ICRNL|unix.IXON) != 0 {
		t.Errorf("not raw: %+v", now)
	}
	restore()
	if now, _ = modes(slave); *now != *before {
		t.Errorf("restored %+v, want %+v", now, before)
	}
	again, err := Raw(slave)
	if err != nil {
		t.Fatal(err)
	}
	restore() // idempotent: it is somebody else's raw mode by now
	if now, _ = modes(slave); now.Lflag&unix.ICANON != 0 {
		t.Error("a second restore changed the mode")
	}
	again()
	if now, _ = modes(slave); *now != *before {
		t.Errorf("restored %+v, want %+v", now, before)
	}
}

func TestRawOfNoTerminal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	restore, err := Raw(r)
	if err == nil {
		t.Error("a pipe became raw")
	}
	restore()
}

func TestRestoreAfterHangUp(t *testing.T) {
	master, slave := pty(t)
	restore, err := Raw(slave)
	if err != nil {
		t.Fatal(err)
	}
	master.Close()
	restore()
	restore()
	if restore, err := Raw(slave); err == nil {
		t.Error("a terminal that hung up became raw")
	} else {
		restore()
	}
}
